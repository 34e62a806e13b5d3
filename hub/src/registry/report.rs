//! What the registry shows about itself: devices that are registered twice, cameras that mostly see the same, what all of
//! them see, and up to when each is complete. Pure.

use std::collections::{BTreeSet, HashMap};

use crate::merge::spot::{Stand, apart_m, area_m2, outside_m, overlap};
use crate::store::{Camera, Gap};

/// Two cameras nearer than this, looking the same way, are taken for one device, metres and degrees.
const SAME_M: f64 = 3.0;
const SAME_DEG: f64 = 12.0;
/// Views that have less in common are not told of.
const OVERLAP_MIN: f64 = 0.25;
/// Cameras farther apart than this see nothing in common, metres.
const NEIGHBOURS_M: f64 = 150.0;
/// Side of the squares in which the seen ground is counted, metres.
const SQUARE_M: f64 = 4.0;

/// A camera and how it stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// `<gateway>/<camera>`.
    pub id: String,
    /// Department.
    pub department: String,
    /// How.
    pub stand: Stand,
}

/// Two cameras that see the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Their places in the list.
    pub of: [usize; 2],
    /// How far apart they stand, metres.
    pub distance_m: f64,
    /// How much they are turned from each other, degrees; none where a heading is not known.
    pub heading_apart_deg: Option<f64>,
    /// The share of the smaller view that the other sees too; none where a heading is not known.
    pub overlap: Option<f64>,
    /// True where both are one device, as far as position and heading say.
    pub same_device: bool,
}

impl Pair {
    /// How sure it is that both are one device; of those that are not, the share that overlaps. 0–1.
    pub fn sure(&self) -> f64 {
        let overlap = self.overlap.unwrap_or(0.0);
        if !self.same_device {
            return overlap;
        }
        let turned = self.heading_apart_deg.unwrap_or(SAME_DEG) / SAME_DEG;
        overlap * (1.0 - 0.3 * self.distance_m / SAME_M) * (1.0 - 0.3 * turned)
    }
}

/// Pairs that are one device, or that see much in common; those with most in common first.
pub fn pairs(cameras: &[Standing]) -> Vec<Pair> {
    let mut order: Vec<(usize, (f64, f64))> =
        cameras.iter().enumerate().filter_map(|(index, camera)| Some((index, camera.stand.position?))).collect();
    order.sort_by(|a, b| a.1.1.total_cmp(&b.1.1));
    let mut pairs = Vec::new();
    for (at, (first, here)) in order.iter().enumerate() {
        for (second, there) in &order[at + 1..] {
            let [east, north] = apart_m(*here, *there);
            if north > NEIGHBOURS_M {
                break;
            }
            let distance_m = east.hypot(north);
            if distance_m <= NEIGHBOURS_M {
                pairs.extend(pair(cameras, [*first.min(second), *first.max(second)], distance_m));
            }
        }
    }
    pairs.sort_by(|a, b| b.overlap.unwrap_or(0.0).total_cmp(&a.overlap.unwrap_or(0.0)).then(a.of.cmp(&b.of)));
    pairs
}

/// Devices registered twice, and views that overlap, the surest `most` of each: a device whose view is not known, so that
/// no overlap is either, is not crowded out by views that are.
pub fn surest(pairs: Vec<Pair>, most: usize) -> (Vec<Pair>, Vec<Pair>) {
    let (mut same, mut overlapping): (Vec<Pair>, Vec<Pair>) = pairs.into_iter().partition(|pair| pair.same_device);
    same.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.of.cmp(&b.of)));
    same.sort_by(|a, b| b.sure().total_cmp(&a.sure()));
    same.truncate(most);
    overlapping.truncate(most);
    (same, overlapping)
}

fn pair(cameras: &[Standing], of: [usize; 2], distance_m: f64) -> Option<Pair> {
    let [a, b] = of.map(|index| &cameras[index].stand);
    let heading_apart_deg =
        a.heading_deg.zip(b.heading_deg).map(|(a, b)| ((a - b + 540.0).rem_euclid(360.0) - 180.0).abs());
    let overlap = overlap(a, b);
    let same_device = distance_m <= SAME_M && heading_apart_deg.is_some_and(|apart| apart <= SAME_DEG);
    let tell = same_device || overlap.is_some_and(|share| share >= OVERLAP_MIN);
    tell.then_some(Pair { of, distance_m, heading_apart_deg, overlap, same_device })
}

/// The ground that is seen at all, and that at least two see, square metres; and each camera's own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// By at least one.
    pub area_m2: f64,
    /// By at least two.
    pub twice_m2: f64,
    /// By department, overlaps counted once.
    pub by_department: HashMap<String, f64>,
}

/// Counts the seen ground in squares.
pub fn seen(cameras: &[Standing]) -> Seen {
    let Some(origin) = cameras.iter().find_map(|camera| camera.stand.position) else { return Seen::default() };
    let mut squares: HashMap<(i64, i64), BTreeSet<&str>> = HashMap::new();
    let mut counts: HashMap<(i64, i64), u32> = HashMap::new();
    for camera in cameras {
        let Some((position, footprint)) = camera.stand.position.zip(camera.stand.footprint_m()) else { continue };
        let [east, north] = apart_m(origin, position);
        let corners: Vec<[f64; 2]> = footprint.iter().map(|c| [c[0] + east, c[1] + north]).collect();
        let bound = |axis: usize, pick: fn(f64, f64) -> f64, from: f64| {
            (corners.iter().map(|c| c[axis]).fold(from, pick) / SQUARE_M).floor() as i64
        };
        for x in bound(0, f64::min, f64::INFINITY)..=bound(0, f64::max, f64::NEG_INFINITY) {
            for y in bound(1, f64::min, f64::INFINITY)..=bound(1, f64::max, f64::NEG_INFINITY) {
                let middle = [(x as f64 + 0.5) * SQUARE_M, (y as f64 + 0.5) * SQUARE_M];
                if outside_m(&corners, middle) == 0.0 {
                    squares.entry((x, y)).or_default().insert(&camera.department);
                    *counts.entry((x, y)).or_default() += 1;
                }
            }
        }
    }
    let square_m2 = SQUARE_M * SQUARE_M;
    let mut seen = Seen {
        area_m2: squares.len() as f64 * square_m2,
        twice_m2: counts.values().filter(|count| **count > 1).count() as f64 * square_m2,
        ..Seen::default()
    };
    for department in squares.values().flatten() {
        *seen.by_department.entry((*department).to_owned()).or_default() += square_m2;
    }
    seen
}

/// What one camera sees, square metres.
pub fn own_area_m2(stand: &Stand) -> Option<f64> {
    stand.footprint_m().map(|footprint| area_m2(&footprint))
}

/// How complete a camera is within a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Complete {
    /// Microseconds behind now; none before the first watermark.
    pub lag_us: Option<i64>,
    /// Missing within the time: gaps, and what is not reached yet.
    pub missing_us: i64,
    /// Share of the time that is known, 0–1.
    pub share: f64,
}

/// Completeness of a camera in `(from, now]`.
pub fn complete(camera: &Camera, from_us: i64, now_us: i64) -> Complete {
    let span_us = (now_us - from_us).max(1);
    let Some(to_us) = camera.complete_to_us else {
        return Complete { lag_us: None, missing_us: span_us, share: 0.0 };
    };
    let within = |gap: &Gap| (gap.to_us.min(to_us).min(now_us) - gap.from_us.max(from_us)).max(0);
    let gaps_us: i64 = camera.gaps.iter().map(within).sum();
    let lag_us = (now_us - to_us).max(0);
    let missing_us = (gaps_us + lag_us.min(span_us)).min(span_us);
    Complete { lag_us: Some(lag_us), missing_us, share: 1.0 - missing_us as f64 / span_us as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::spot::moved;
    use crate::store::CameraInfo;

    fn standing(id: &str, department: &str, at: [f64; 2], heading_deg: f64) -> Standing {
        let stand = Stand {
            position: Some(moved((120.0, 30.0), at)),
            heading_deg: Some(heading_deg),
            field_of_view_deg: Some(64.0),
            ..Stand::default()
        };
        Standing { id: id.into(), department: department.into(), stand }
    }

    #[test]
    fn one_device_registered_twice_and_views_that_overlap_are_told_apart() {
        let cameras = [
            standing("a/1", "police", [0.0, 0.0], 10.0),
            standing("b/1", "city", [0.5, 0.5], 12.0),
            standing("c/1", "traffic", [0.0, 28.0], 190.0),
            standing("d/1", "traffic", [0.0, -3.0], 190.0),
            standing("e/1", "traffic", [900.0, 0.0], 10.0),
        ];
        let found = pairs(&cameras);
        let same: Vec<[usize; 2]> = found.iter().filter(|pair| pair.same_device).map(|pair| pair.of).collect();
        assert_eq!(same, [[0, 1]]);
        let others: Vec<[usize; 2]> = found.iter().filter(|pair| !pair.same_device).map(|pair| pair.of).collect();
        assert!(others.contains(&[0, 2]) && others.contains(&[1, 2]) && others.len() == 2, "{found:?}");
        let (surest_same, surest_others) = surest(found, 1);
        assert_eq!((surest_same[0].of, surest_others.len()), ([0, 1], 1), "neither crowds the other out");
        let seen = seen(&cameras[..2]);
        let own = own_area_m2(&cameras[0].stand).unwrap();
        assert!((seen.area_m2 / own - 1.0).abs() < 0.15 && seen.twice_m2 / own > 0.8, "{seen:?} {own}");
    }

    #[test]
    fn completeness_counts_gaps_and_what_is_not_reached() {
        let camera = |complete_to_us, gaps: &[(i64, i64)]| Camera {
            gateway: "g".into(),
            department: "d".into(),
            info: CameraInfo {
                id: "c".into(),
                name: "c".into(),
                place: None,
                heading_deg: None,
                field_of_view_deg: None,
            },
            present: true,
            complete_to_us,
            gaps: gaps
                .iter()
                .map(|(from_us, to_us)| Gap { from_us: *from_us, to_us: *to_us, reason: "x".into() })
                .collect(),
            last_event_us: None,
        };
        assert_eq!(complete(&camera(None, &[]), 0, 100).share, 0.0);
        let some = complete(&camera(Some(90), &[(-10, 10), (50, 60)]), 0, 100);
        assert_eq!((some.lag_us, some.missing_us), (Some(10), 30));
        assert!((some.share - 0.7).abs() < 1e-9);
    }
}
