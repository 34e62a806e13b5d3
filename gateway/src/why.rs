//! Why a rule fired or not, from the objects' paths alone: what was in its zone or crossed its line, of which class, for
//! how long and with which confidence, beside what the rule asks for.

use std::collections::BTreeMap;

/// A sight that is interrupted for no longer counts as one stay, as rules count it.
const GAP_US: i64 = 3_000_000;

/// Where an object was: its lowest point, in fractions of the picture.
#[derive(Debug, Default)]
pub(crate) struct Path {
    pub(crate) class: String,
    pub(crate) score: f32,
    pub(crate) points: Vec<(i64, [f32; 2])>,
}

/// Where a rule looks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Zone(Vec<[f32; 2]>),
    Line([[f32; 2]; 2]),
}

/// What one class did there.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) objects: usize,
    pub(crate) longest_us: i64,
    pub(crate) score: f32,
}

/// Where the table's rule looks; none where it has neither zone nor line.
pub(crate) fn place(rule: &toml::Table) -> Option<Place> {
    let points = |key: &str| -> Option<Vec<[f32; 2]>> {
        let number = |value: &toml::Value| value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let point = |value: &toml::Value| match value.as_array()?.as_slice() {
            [x, y] => Some([number(x)? as f32, number(y)? as f32]),
            _ => None,
        };
        rule.get(key)?.as_array()?.iter().map(point).collect()
    };
    if let Some(zone) = points("zone") {
        return Some(Place::Zone(zone));
    }
    <[[f32; 2]; 2]>::try_from(points("line")?).ok().map(Place::Line)
}

/// By class: what was in the zone, or crossed the line.
pub(crate) fn seen<'a>(place: &Place, paths: impl Iterator<Item = &'a Path>) -> BTreeMap<String, Seen> {
    let mut classes: BTreeMap<String, Seen> = BTreeMap::new();
    for path in paths {
        let longest_us = match place {
            Place::Zone(zone) => longest_stay_us(zone, &path.points),
            Place::Line(line) => path.points.windows(2).any(|two| crosses(line, two[0].1, two[1].1)).then_some(0),
        };
        if let Some(longest_us) = longest_us {
            let seen = classes.entry(path.class.clone()).or_default();
            seen.objects += 1;
            seen.longest_us = seen.longest_us.max(longest_us);
            seen.score = seen.score.max(path.score);
        }
    }
    classes
}

/// The most objects of any class that were in the zone at once.
pub(crate) fn most_at_once<'a>(zone: &[[f32; 2]], paths: impl Iterator<Item = &'a Path>) -> usize {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for (t_us, point) in paths.flat_map(|path| &path.points) {
        *counts.entry(*t_us).or_default() += usize::from(inside(zone, *point));
    }
    counts.into_values().max().unwrap_or(0)
}

fn longest_stay_us(zone: &[[f32; 2]], points: &[(i64, [f32; 2])]) -> Option<i64> {
    let mut longest_us = None;
    let mut stay: Option<(i64, i64)> = None;
    for (t_us, _) in points.iter().filter(|(_, point)| inside(zone, *point)) {
        let since_us = stay.filter(|(_, last_us)| t_us - last_us <= GAP_US).map_or(*t_us, |(since_us, _)| since_us);
        stay = Some((since_us, *t_us));
        longest_us = longest_us.max(Some(t_us - since_us));
    }
    longest_us
}

/// Whether a point is in a polygon; even-odd rule.
pub(crate) fn inside(zone: &[[f32; 2]], [x, y]: [f32; 2]) -> bool {
    let next = zone.iter().cycle().skip(1);
    let cuts = |([ax, ay], [bx, by]): (&[f32; 2], &[f32; 2])| {
        (*ay > y) != (*by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax)
    };
    zone.iter().zip(next).filter(|sides| cuts(*sides)).count() % 2 == 1
}

fn crosses(line: &[[f32; 2]; 2], from: [f32; 2], to: [f32; 2]) -> bool {
    let side = |a: [f32; 2], b: [f32; 2], c: [f32; 2]| (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    let [a, b] = *line;
    (side(a, b, from) > 0.0) != (side(a, b, to) > 0.0) && (side(from, to, a) > 0.0) != (side(from, to, b) > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(class: &str, points: &[(i64, [f32; 2])]) -> Path {
        let points = points.iter().map(|&(t_s, at)| (t_s * 1_000_000, at)).collect();
        Path { class: class.into(), score: 0.7, points }
    }

    #[test]
    fn stays_and_crossings_are_counted_by_class() {
        let rule: toml::Table = toml::from_str("zone=[[0.5,0],[1,0],[1,1],[0.5,1]]").unwrap();
        let zone = place(&rule).unwrap();
        let paths = [
            path("person", &[(0, [0.4, 0.5]), (1, [0.6, 0.5]), (3, [0.7, 0.5]), (4, [0.4, 0.5]), (9, [0.6, 0.5])]),
            path("person", &[(1, [0.9, 0.9])]),
            path("car", &[(0, [0.1, 0.5]), (9, [0.2, 0.5])]),
        ];
        let found = seen(&zone, paths.iter());
        assert_eq!(found.keys().collect::<Vec<_>>(), ["person"]);
        assert_eq!((found["person"].objects, found["person"].longest_us), (2, 2_000_000));
        let Place::Zone(corners) = &zone else { panic!("a zone") };
        assert_eq!(most_at_once(corners, paths.iter()), 2);
        let line = place(&toml::from_str("line=[[0.5,1],[0.5,0]]").unwrap()).unwrap();
        assert_eq!(seen(&line, paths.iter())["person"].objects, 1);
        assert_eq!(place(&toml::from_str("line=[[0.5,1]]").unwrap()), None);
    }
}
