//! Names of classes: models differ in how finely they tell things apart, rules must not. A rule names what it means, and
//! gets the classes of the model at hand that mean it.

use crate::suggest;

/// A group's name and what belongs to it, narrow groups before wide ones. A model may have the group itself as a class,
/// or some of its members.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("two_wheeler", &["bicycle", "motorcycle"]),
    ("large_vehicle", &["bus", "truck"]),
    ("bag", &["backpack", "handbag", "suitcase"]),
    // What has four wheels or more.
    ("vehicle", &["car", "van", "bus", "truck", "large_vehicle"]),
];

/// Classes that are one kind of thing to suppression and to the tracker: a model calls the same object now by one name,
/// now by another.
pub const KINDRED: &[&[&str]] = &[
    &["car", "van", "bus", "truck", "large_vehicle", "vehicle"],
    &["bicycle", "motorcycle", "two_wheeler"],
    &["backpack", "handbag", "suitcase", "bag"],
];

/// Indices of the classes of a model that a name means: the class of that name; of a group every member that the model
/// tells apart; and where it has none of these, the narrowest group that the name belongs to and that the model has as
/// a class (`bus` on a model that knows `large_vehicle` only). The error is a hint.
pub fn named(name: &str, known: &[String]) -> Result<Vec<u16>, String> {
    let means = |class: &str| class == name || members(name).contains(&class);
    let direct = indices(known, means);
    if !direct.is_empty() {
        return Ok(direct);
    }
    let wider = GROUPS
        .iter()
        .filter(|(_, members)| members.contains(&name))
        .map(|(group, _)| indices(known, |class| class == *group));
    wider.into_iter().find(|found| !found.is_empty()).ok_or_else(|| {
        let groups = GROUPS.iter().map(|(group, _)| *group).filter(|group| {
            !known.iter().any(|class| class == group)
                && known.iter().any(|class| members(group).contains(&class.as_str()))
        });
        suggest::hint(name, known.iter().map(String::as_str).chain(groups))
    })
}

/// Whether two names, perhaps of two models, mean the same kind of thing.
pub fn kindred(one: &str, other: &str) -> bool {
    one == other || KINDRED.iter().any(|kind| kind.contains(&one) && kind.contains(&other))
}

fn members(group: &str) -> &'static [&'static str] {
    GROUPS.iter().find(|(name, _)| *name == group).map_or(&[], |(_, members)| members)
}

fn indices(known: &[String], means: impl Fn(&str) -> bool) -> Vec<u16> {
    (0u16..).zip(known).filter(|(_, class)| means(class)).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::coco80;

    #[test]
    fn a_name_means_the_same_things_on_every_model() {
        let ours: Vec<String> = ["person", "two_wheeler", "car", "large_vehicle", "bag"].map(str::to_owned).into();
        let coarse: Vec<String> = ["person", "vehicle"].map(str::to_owned).into();
        let cases: &[(&str, &[String], &[&str])] = &[
            ("person", &ours, &["person"]),
            ("two_wheeler", &ours, &["two_wheeler"]),
            ("bicycle", &ours, &["two_wheeler"]),
            ("motorcycle", &ours, &["two_wheeler"]),
            ("bus", &ours, &["large_vehicle"]),
            ("vehicle", &ours, &["car", "large_vehicle"]),
            ("suitcase", &ours, &["bag"]),
            ("two_wheeler", &coco80(), &["bicycle", "motorcycle"]),
            ("large_vehicle", &coco80(), &["bus", "truck"]),
            ("vehicle", &coco80(), &["car", "bus", "truck"]),
            ("bag", &coco80(), &["backpack", "handbag", "suitcase"]),
            ("bus", &coco80(), &["bus"]),
            ("bus", &coarse, &["vehicle"]),
            ("vehicle", &coarse, &["vehicle"]),
        ];
        for (name, known, expected) in cases {
            let found = named(name, known).unwrap_or_else(|hint| panic!("{name}: {hint}"));
            let names: Vec<&str> = found.iter().map(|&index| known[usize::from(index)].as_str()).collect();
            assert_eq!(names, *expected, "{name} among {known:?}");
        }
    }

    #[test]
    fn what_a_model_cannot_see_is_no_group_of_it() {
        let coarse: Vec<String> = ["person", "car"].map(str::to_owned).into();
        for name in ["bicycle", "bus", "bag", "two_wheeler", "persn"] {
            assert!(named(name, &coarse).is_err(), "{name}");
        }
        let hint = named("two_wheelers", &coco80()).expect_err("a letter too many");
        assert!(hint.contains("did you mean `two_wheeler`?"), "{hint}");
        assert!(named("person", &[]).is_err());
    }
}
