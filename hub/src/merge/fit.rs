//! Whether two threads are of one incident, how well they fit, and why, in words for people.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::index::TIME_ERROR_MAX_US;
use super::kinds::{pair, row};
use super::spot::{Located, apart_m, outside_m, overlap};
use super::thread::{Thread, sort_of};

/// How many standard deviations two places may lie apart.
const DEVIATIONS: f64 = 2.5;
/// Places are never believed to be wrong by so much that they meet over a greater distance, metres.
const FARTHEST_M: f64 = 90.0;
/// What it costs to join what another camera saw.
const OTHER_CAMERA: f64 = 0.05;
/// Views must have at least this share in common where no point of the ground is known.
const OVERLAP_MIN: f64 = 0.15;
/// Points of one uncalibrated picture that far apart, parts of it, are two places.
const PICTURE_APART: f32 = 0.25;

/// By what a thread was joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Kinds, time and place fit.
    Rule,
    /// The same rule of the same camera told of it again.
    SameCamera,
    /// Cameras of one gateway fail together.
    SameGateway,
    /// A person said so.
    Hand,
}

/// Why a thread is in its incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The thread that it was joined to.
    pub with: Uuid,
    /// By what.
    pub by: By,
    /// The two kinds, the earlier first.
    pub kinds: [String; 2],
    /// How far apart, metres, where both are placed on the ground.
    pub distance_m: Option<f64>,
    /// The error of that distance, one standard deviation.
    pub error_m: Option<f64>,
    /// What the two views have in common, where that decided.
    pub overlap: Option<f64>,
    /// Seconds from the end of the one to the begin of the other; 0 where they overlap.
    pub apart_s: f64,
}

impl Link {
    /// A person put it there.
    pub(super) fn by_hand(group: Uuid) -> Link {
        let none = || String::new();
        Link {
            with: group,
            by: By::Hand,
            kinds: [none(), none()],
            distance_m: None,
            error_m: None,
            overlap: None,
            apart_s: 0.0,
        }
    }
}

/// Whether the later of two threads belongs to the earlier one's incident: the cost, least is best, and the reason.
pub(super) fn fit(earlier: &Thread, later: &Thread) -> Option<(f64, Link)> {
    let (gap_s, reach_m) = pair(&earlier.kind, &later.kind)?;
    if two_objects(earlier, later) {
        return None;
    }
    let same_camera = earlier.same_camera(later);
    let again = same_camera && earlier.kind == later.kind && earlier.rule == later.rule;
    let kind = row(&later.kind);
    let (gap_s, by) = match () {
        () if again => (kind.again_s, By::SameCamera),
        () if kind.of_camera => (gap_s, By::SameGateway),
        () => (gap_s, By::Rule),
    };
    let apart_us = later.begin_us - earlier.until_us();
    let error_us = (earlier.time_error_us + later.time_error_us).clamp(0, TIME_ERROR_MAX_US);
    let apart_s = (apart_us.max(0) as f64) / 1e6;
    if apart_us - error_us > (gap_s * 1e6) as i64 {
        return None;
    }
    if let (Some(a), Some(b)) = (&earlier.class, &later.class)
        && sort_of(a) != sort_of(b)
    {
        return None;
    }
    let near = if kind.of_camera || (again && kind.whole_zone) || same_object(earlier, later) {
        Near { cost: 0.0, distance: None, overlap: None }
    } else {
        near(earlier, later, reach_m, same_camera)?
    };
    // Where several fit as well, a camera goes on with what it began.
    let cost = near.cost + (apart_s / gap_s.max(0.1)).powi(2) + if again { 0.0 } else { OTHER_CAMERA };
    let link = Link {
        with: earlier.id,
        by,
        kinds: [earlier.kind.clone(), later.kind.clone()],
        distance_m: near.distance.map(|(distance_m, _)| distance_m),
        error_m: near.distance.map(|(_, error_m)| error_m),
        overlap: near.overlap,
        apart_s,
    };
    Some((cost, link))
}

/// One camera's tracker saw both at the same time, or each at its moment, as two objects. What it sees after the other has
/// gone may be the same, lost and found.
pub(super) fn two_objects(earlier: &Thread, later: &Thread) -> bool {
    // What costs least is asked first: this is asked of each source of an incident.
    earlier.track.zip(later.track).is_some_and(|(a, b)| a != b)
        && (later.momentary || later.begin_us < earlier.until_us())
        && earlier.epoch == later.epoch
        && earlier.kind == later.kind
        && earlier.same_camera(later)
        && row(&later.kind).one_object
}

/// The camera's tracker says that it is the same object.
fn same_object(a: &Thread, b: &Thread) -> bool {
    a.same_camera(b) && a.epoch == b.epoch && a.track.is_some() && a.track == b.track
}

struct Near {
    cost: f64,
    distance: Option<(f64, f64)>,
    overlap: Option<f64>,
}

fn near(a: &Thread, b: &Thread, reach_m: f64, same_camera: bool) -> Option<Near> {
    let (Some(first), Some(second)) = (&a.spot, &b.spot) else {
        return in_picture(a, b).filter(|_| same_camera);
    };
    let on_ground = [first, second].map(|spot| spot.by == Located::Ground);
    if same_camera && on_ground != [true, true] {
        return in_picture(a, b);
    }
    // Different kinds go together only where it is known where they are.
    if a.kind != b.kind && on_ground != [true, true] {
        return None;
    }
    let distance_m = first.distance_m(second);
    let error_m = first.error_m.hypot(second.error_m);
    let far_m = (reach_m + DEVIATIONS * error_m).min(FARTHEST_M);
    let cost = (distance_m / far_m.max(0.1)).powi(2);
    let within = Near { cost, distance: Some((distance_m, error_m)), overlap: None };
    match (on_ground, a.stand, b.stand) {
        ([false, false], Some(one), Some(other)) => match overlap(&one, &other) {
            Some(share) => {
                (share >= OVERLAP_MIN).then_some(Near { cost: 1.0 - share, distance: None, overlap: Some(share) })
            }
            None => (distance_m <= far_m).then_some(within),
        },
        ([true, false], _, Some(view)) => in_view(first.position(), first.error_m, &view, reach_m, within, far_m),
        ([false, true], Some(view), _) => in_view(second.position(), second.error_m, &view, reach_m, within, far_m),
        _ => (distance_m <= far_m).then_some(within),
    }
}

/// A point of the ground and a camera that is not calibrated: the point has to be in its view.
fn in_view(
    point: (f64, f64),
    error_m: f64,
    view: &super::spot::Stand,
    reach_m: f64,
    within: Near,
    far_m: f64,
) -> Option<Near> {
    let Some((position, footprint)) = view.position.zip(view.footprint_m()) else {
        return within.distance.filter(|(distance_m, _)| *distance_m <= far_m).map(|_| within);
    };
    let outside_m = outside_m(&footprint, apart_m(position, point));
    (outside_m <= reach_m / 2.0 + DEVIATIONS * error_m).then_some(within)
}

/// Two points of one picture whose ground is not known.
fn in_picture(a: &Thread, b: &Thread) -> Option<Near> {
    let apart = match (a.point, b.point) {
        (Some([ax, ay]), Some([bx, by])) => (ax - bx).hypot(ay - by),
        _ => 0.0,
    };
    let cost = f64::from(apart / PICTURE_APART).powi(2);
    (apart <= PICTURE_APART).then_some(Near { cost, distance: None, overlap: None })
}

impl Link {
    /// In English; `kind` says what a kind is called.
    pub fn text_en(&self, kind: impl Fn(&str) -> String) -> String {
        self.text(
            kind,
            &Words {
                hand: "put together by hand",
                gateway: "one gateway's cameras at the same time",
                again: "the same rule of the same camera again",
                apart: |distance_m, error_m| format!("{distance_m:.1} m apart (error {error_m:.1} m)"),
                overlap: |percent| format!("views overlap by {percent:.0} %"),
                seconds: |apart_s| {
                    if apart_s > 0.0 { format!("{apart_s:.1} s apart") } else { "at the same time".into() }
                },
                comma: ", ",
            },
        )
    }

    /// In Chinese; `kind` says what a kind is called.
    pub fn text_zh(&self, kind: impl Fn(&str) -> String) -> String {
        self.text(
            kind,
            &Words {
                hand: "人工合并",
                gateway: "同一网关的摄像机同时发生",
                again: "同一摄像机的同一规则再次触发",
                apart: |distance_m, error_m| format!("相距 {distance_m:.1} 米（误差 {error_m:.1} 米）"),
                overlap: |percent| format!("视野重叠 {percent:.0}%"),
                seconds: |apart_s| if apart_s > 0.0 { format!("相隔 {apart_s:.1} 秒") } else { "同时".into() },
                comma: "，",
            },
        )
    }

    fn text(&self, kind: impl Fn(&str) -> String, words: &Words) -> String {
        let what = match self.by {
            By::Hand => return words.hand.to_owned(),
            By::SameGateway => words.gateway.to_owned(),
            By::SameCamera => words.again.to_owned(),
            By::Rule => format!("{} + {}", kind(&self.kinds[0]), kind(&self.kinds[1])),
        };
        let mut parts = vec![what];
        parts.extend(self.distance_m.zip(self.error_m).map(|(distance_m, error_m)| (words.apart)(distance_m, error_m)));
        parts.extend(self.overlap.map(|share| (words.overlap)(share * 100.0)));
        parts.push((words.seconds)(self.apart_s));
        parts.join(words.comma)
    }
}

/// The words of one language.
struct Words {
    hand: &'static str,
    gateway: &'static str,
    again: &'static str,
    apart: fn(f64, f64) -> String,
    overlap: fn(f64) -> String,
    seconds: fn(f64) -> String,
    comma: &'static str,
}
