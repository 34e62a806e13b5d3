//! All rules of a camera, from the tables of its configuration; and what the table of rules says of itself.

use schemars::{Schema, json_schema, schema_for};

use super::{
    Descriptor, RULES, Rule, RuleEvent, RuleKind, RuleWatch, Scene,
    settings::{Common, Head, RuleError, Surroundings, keys_of},
};
use crate::{
    ground::{Calibration, Ground},
    picture::Point,
    suggest,
    track::Track,
};

/// A box's lower edge is off by this part of its height, about, and never by less than this part of the picture.
const BOX_ERROR_PART: f32 = 0.04;
const POINT_ERROR: f32 = 0.002;
/// The aspect that is taken for a picture's as long as nobody has told its own.
const USUAL_ASPECT: f64 = 16.0 / 9.0;

/// The rules of one camera at work.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Working>,
    classes: Vec<String>,
    new_score: f32,
    /// Numbers given so far: each rule has one of its own, so that keys of events never meet.
    numbers: u32,
    calibration: Option<Calibration>,
    ground: Option<Ground>,
    aspect: f64,
}

/// A rule and the table that it was read from.
#[derive(Debug)]
struct Working {
    table: toml::Table,
    id: String,
    rule: Box<dyn Rule>,
}

impl RuleSet {
    /// Reads `[[camera.rule]]` tables. `new_score` is the tracker's, told in events beside the confidence.
    pub fn parse(tables: Vec<toml::Table>, classes: &[String], new_score: f32) -> Result<RuleSet, RuleError> {
        RuleSet::calibrated(tables, classes, new_score, None)
    }

    /// The same for a camera that may be calibrated.
    pub fn calibrated(
        tables: Vec<toml::Table>,
        classes: &[String],
        new_score: f32,
        calibration: Option<Calibration>,
    ) -> Result<RuleSet, RuleError> {
        let aspect = USUAL_ASPECT;
        let mut set = RuleSet { classes: classes.to_vec(), new_score, aspect, ..RuleSet::default() };
        let places: Vec<Option<usize>> = vec![None; tables.len()];
        set.rules = set.read(tables, places, calibration.is_some())?;
        set.calibrate(calibration);
        Ok(set)
    }

    /// Whether its rules were read for a model of these classes.
    pub fn is_for(&self, classes: &[String]) -> bool {
        self.classes == classes
    }

    /// Takes other tables in their stead, without a break: a rule whose table is the same goes on with all it knows,
    /// what the others have open ends at `t_us` and is told. An error changes nothing.
    pub fn replace(
        &mut self,
        tables: Vec<toml::Table>,
        classes: &[String],
        calibration: Option<Calibration>,
        t_us: i64,
    ) -> Result<Vec<RuleEvent>, RuleError> {
        let same_world = calibration.is_some() == self.calibration.is_some() && self.is_for(classes);
        let kept = |table: &toml::Table| self.rules.iter().position(|rule| same_world && rule.table == *table);
        let places = tables.iter().map(kept).collect();
        let before = std::mem::replace(&mut self.classes, classes.to_vec());
        let rules = match self.read(tables, places, calibration.is_some()) {
            Ok(rules) => rules,
            Err(error) => {
                self.classes = before;
                return Err(error);
            }
        };
        let mut events = Vec::new();
        for Working { mut rule, .. } in std::mem::replace(&mut self.rules, rules) {
            rule.finish(t_us, &mut events);
        }
        events.iter_mut().for_each(RuleEvent::was_changed);
        self.locate(&mut events);
        self.calibrate(calibration);
        Ok(events)
    }

    /// Reads tables; those that have a place here already are taken from there, once all others are right.
    fn read(
        &mut self,
        tables: Vec<toml::Table>,
        places: Vec<Option<usize>>,
        calibrated: bool,
    ) -> Result<Vec<Working>, RuleError> {
        let mut ids: Vec<String> = Vec::new();
        let mut fresh = Vec::new();
        for ((position, table), place) in (1u32..).zip(tables).zip(&places) {
            let (id, working) = match place {
                Some(place) => (self.rules[*place].id.clone(), None),
                None => {
                    self.numbers += 1;
                    let (classes, new_score, number) = (self.classes.as_slice(), self.new_score, self.numbers);
                    let around = Surroundings { classes, new_score, position, number, calibrated };
                    let (id, rule) = read(table.clone(), around)?;
                    (id.clone(), Some(Working { table, id, rule }))
                }
            };
            if ids.contains(&id) {
                return Err(RuleError::Double { rule: id });
            }
            ids.push(id);
            fresh.push(working);
        }
        let mut old: Vec<Option<Working>> = std::mem::take(&mut self.rules).into_iter().map(Some).collect();
        let rules = fresh
            .into_iter()
            .zip(places)
            .filter_map(|(fresh, place)| fresh.or_else(|| old.get_mut(place?).and_then(Option::take)))
            .collect();
        self.rules = old.into_iter().flatten().collect();
        Ok(rules)
    }

    fn calibrate(&mut self, calibration: Option<Calibration>) {
        self.calibration = calibration;
        self.ground = self.calibration.as_ref().and_then(|calibration| calibration.ground(self.aspect).ok());
    }

    /// Tells the pictures' aspect, width by height. It decides what a mounted camera sees of the ground.
    pub fn set_aspect(&mut self, aspect: f64) {
        if self.aspect.to_bits() != aspect.to_bits() {
            self.aspect = aspect;
            self.ground = self.calibration.as_ref().and_then(|calibration| calibration.ground(aspect).ok());
        }
    }

    /// Shows one picture's objects to every rule.
    pub fn observe(&mut self, t_us: i64, tracks: &[Track]) -> Vec<RuleEvent> {
        let mut events = Vec::new();
        for Working { rule, .. } in &mut self.rules {
            rule.observe(&Scene { t_us, tracks, ground: self.ground.as_ref() }, &mut events);
        }
        self.locate(&mut events);
        events
    }

    /// What each rule makes of the picture that was shown last. Changes nothing.
    pub fn watching(&self, t_us: i64, tracks: &[Track]) -> Vec<RuleWatch> {
        let scene = Scene { t_us, tracks, ground: self.ground.as_ref() };
        let watch = |working: &Working| RuleWatch {
            rule: working.id.clone(),
            kind: working.table.get("kind").and_then(toml::Value::as_str).unwrap_or_default().to_owned(),
            watched: working.rule.watching(&scene),
        };
        self.rules.iter().map(watch).collect()
    }

    /// Ends what is open.
    pub fn finish(&mut self, t_us: i64) -> Vec<RuleEvent> {
        let mut events = Vec::new();
        for Working { rule, .. } in &mut self.rules {
            rule.finish(t_us, &mut events);
        }
        self.locate(&mut events);
        events
    }

    /// Events that have a point in the picture get their place on the ground.
    fn locate(&self, events: &mut [RuleEvent]) {
        let Some(ground) = &self.ground else { return };
        for event in events {
            let off = event.track.as_ref().map_or(POINT_ERROR, |track| track.bbox.height() * BOX_ERROR_PART);
            event.place = event.point.and_then(|[x, y]| ground.place(Point::new(x, y), off.max(POINT_ERROR)));
        }
    }

    /// The earliest media time of an event that is not decided yet.
    pub fn pending_us(&self) -> Option<i64> {
        self.rules.iter().filter_map(|working| working.rule.pending_us()).min()
    }
}

/// Reads one table on its own, as `check` does.
pub fn parse(table: toml::Table, classes: &[String], calibrated: bool) -> Result<Box<dyn Rule>, RuleError> {
    let new_score = crate::track::TrackerConfig::default().new_score;
    read(table, Surroundings { classes, new_score, position: 1, number: 1, calibrated }).map(|(_, rule)| rule)
}

/// JSON Schema of one `[[camera.rule]]` table: one alternative a kind.
pub fn schema() -> Schema {
    let kinds: Vec<_> = RULES.iter().map(|kind| kind.full_schema().to_value()).collect();
    json_schema!({ "oneOf": kinds })
}

/// What every kind is called, for the hub.
pub fn descriptors() -> Vec<Descriptor> {
    RULES.iter().map(|kind| kind.descriptor).collect()
}

impl RuleKind {
    /// The rule's own keys with those that all rules have.
    fn full_schema(&self) -> Schema {
        let mut schema = (self.schema)();
        let mut common = schema_for!(Common).to_value();
        let definitions = common.get_mut("$defs").map(|definitions| definitions.take());
        let mut properties = common.get_mut("properties").map(|properties| properties.take()).unwrap_or_default();
        let kind = json_schema!({ "const": self.descriptor.kind, "description": self.about });
        if let (Some(all), Some(own)) = (properties.as_object_mut(), schema.get_mut("properties")) {
            all.insert("kind".to_owned(), kind.to_value());
            if let Some(classes) = all.get_mut("classes").filter(|_| !self.classes.is_empty()) {
                classes["description"] = format!(
                    "Which objects count, by the model's class names. If not given: {}.",
                    self.classes.join(", ")
                )
                .into();
            }
            if let Some(own) = own.as_object_mut() {
                all.append(own);
            }
            *own = properties;
        }
        let mut required = vec!["kind".into()];
        if let Some(own) = schema.get_mut("required").and_then(|required| required.as_array_mut()) {
            required.append(own);
        }
        schema.insert("required".to_owned(), required.into());
        if let Some(definitions) = definitions {
            schema.insert("$defs".to_owned(), definitions);
        }
        schema.remove("$schema");
        schema.insert("title".to_owned(), self.descriptor.label_en.into());
        schema
    }
}

fn read(mut table: toml::Table, around: Surroundings<'_>) -> Result<(String, Box<dyn Rule>), RuleError> {
    let rule = || match table.get("id").and_then(toml::Value::as_str) {
        Some(id) => id.to_owned(),
        None => format!("#{}", around.position),
    };
    let kinds = || RULES.iter().map(|kind| kind.descriptor.kind);
    let Some(kind) = table.get("kind").and_then(toml::Value::as_str) else {
        return Err(RuleError::NoKind { rule: rule(), known: kinds().collect::<Vec<_>>().join(", ") });
    };
    let Some(kind) = RULES.iter().find(|known| known.descriptor.kind == kind) else {
        let hint = suggest::hint(kind, kinds());
        return Err(RuleError::UnknownKind { rule: rule(), kind: kind.to_owned(), hint });
    };
    table.remove("kind");
    let head = Head::take(&mut table, kind, keys_of(&kind.full_schema()), around)?;
    Ok((head.rule.clone(), (kind.parse)(head, table)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::coco80;

    fn error(text: &str) -> String {
        let error = parse(toml::from_str(text).expect("toml"), &coco80(), false).expect_err(text);
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{error}{cause}")
    }

    #[test]
    fn what_is_wrong_is_named_by_rule_and_key_with_a_way_out() {
        let zone = "zone=[[0.1,0.1],[0.9,0.1],[0.9,0.9]]";
        let cases: &[(String, &[&str])] = &[
            ("id='a'".into(), &["rule `a`", "`kind` is missing", "line_cross"]),
            ("kind='intruson'".into(), &["rule `#1`", "did you mean `intrusion`?"]),
            (format!("id='a'\nkind='intrusion'\nzome=1\n{zone}"), &["rule `a` (intrusion)", "did you mean `zone`?"]),
            (format!("kind='intrusion'\nclass=['car']\n{zone}"), &["`class`", "did you mean `classes`?"]),
            (format!("kind='intrusion'\nclasses=['persn']\n{zone}"), &["`persn`", "did you mean `person`?"]),
            (format!("kind='intrusion'\nclasses=[]\n{zone}"), &["`classes`", "empty"]),
            (format!("kind='intrusion'\nseverity='hi'\n{zone}"), &["severity", "`high`"]),
            ("kind='intrusion'".into(), &["missing field `zone`"]),
            ("kind='intrusion'\nzone=[[0.1,0.1],[0.9,0.1]]".into(), &["`zone`", "3"]),
            ("kind='intrusion'\nzone=[[0,0],[1,1],[1,0],[0,1]]".into(), &["`zone`", "crosses itself"]),
            ("kind='intrusion'\nzone=[[0,0],[100,1],[1,0]]".into(), &["`zone`", "0–1"]),
            (format!("kind='loiter'\nseconds=0\n{zone}"), &["`seconds`", "0.1–86400"]),
            (format!("kind='crowd'\ncount=0\nseconds=5\n{zone}"), &["`count`"]),
            ("kind='line_cross'\nline=[[0.5,0.5],[0.5,0.5]]".into(), &["`line`", "length"]),
            ("kind='line_cross'\nline=[[0,0],[1,1]]\ndirection='a_to_c'".into(), &["direction", "a_to_b"]),
            (format!("kind='wrong_way'\n{zone}"), &["exactly one of `direction_deg` and `along`"]),
            (format!("kind='wrong_way'\ndirection_deg=400\n{zone}"), &["`direction_deg`", "0–360"]),
            (format!("kind='wrong_way'\ndirection_deg=90\ntolerance_deg=10\n{zone}"), &["`tolerance_deg`", "30–170"]),
            (format!("kind='stopped_vehicle'\nseconds=-1\n{zone}"), &["`seconds`", "0.1–86400"]),
        ];
        for (text, parts) in cases {
            let error = error(text);
            for part in *parts {
                assert!(error.contains(part), "{text}\n→ {error}\nlacks {part}");
            }
        }
    }

    #[test]
    fn the_usual_classes_are_there_on_every_model_that_sees_such_things() {
        let table = || toml::from_str("kind='stopped_vehicle'\nzone=[[0.1,0.1],[0.9,0.1],[0.9,0.9]]").expect("toml");
        let city = ["person", "two_wheeler", "car", "large_vehicle", "bag"].map(str::to_owned);
        for classes in [&coco80()[..], &city] {
            assert!(parse(table(), classes, false).is_ok(), "{classes:?}");
        }
        let error = parse(table(), &city[..1], false).expect_err("no vehicle").to_string();
        assert!(error.contains("`classes`") && error.contains("`vehicle`"), "{error}");
    }

    #[test]
    fn two_rules_of_one_id_are_refused() {
        let table = || toml::from_str("kind='line_cross'\nline=[[0,0],[1,1]]").expect("toml");
        let error = RuleSet::parse(vec![table(), table()], &coco80(), 0.5).expect_err("the same id").to_string();
        assert!(error.contains("`line_cross`"), "{error}");
    }

    #[test]
    fn the_schema_has_every_kind_with_its_own_and_the_common_keys() {
        let schema = schema().to_value();
        let kinds = schema["oneOf"].as_array().expect("alternatives");
        assert_eq!(kinds.len(), RULES.len());
        for (kind, rule) in kinds.iter().zip(RULES) {
            assert_eq!(kind["properties"]["kind"]["const"], rule.descriptor.kind);
            for key in ["id", "classes", "severity"] {
                assert!(kind["properties"][key].is_object(), "{} lacks {key}", rule.descriptor.kind);
            }
            assert_eq!(kind["additionalProperties"], false);
            assert!(kind["required"].as_array().expect("list").len() >= 2);
        }
        assert!(descriptors().iter().all(|kind| !kind.label_zh.is_empty() && !kind.label_en.is_empty()));
    }
}
