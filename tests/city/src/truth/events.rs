//! The events of one camera's rules, made by the gateway's own rules from true objects. What is required of a gateway
//! and what is not is decided by looking in several fair ways: a box a little to each side, objects counted from less
//! or from more of them visible, two that nearly hide each other as one, every picture or every fifth of a second. An
//! event that each way gives is required; one that only some give is optional, for a fair detector may or may not tell
//! it; and so is one while the camera was faulty. Nothing is told before every way has decided.

use yiwang_inference::picture::Rect;
use yiwang_inference::rules::{Phase, RuleError, RuleEvent, RuleSet};
use yiwang_inference::track::TrackerConfig;

use super::{CLASSES, COUNT, Counted, Seen, TrueEvent, classes, tracks::TrueTracks};
use crate::camera::{Camera, Fault, FaultKind};

/// Two ways tell the same event if their times are not farther apart.
const SAME_US: i64 = 1_500_000;
/// No way takes longer to decide once it has nothing pending: out of sight for 3 s is gone, and some sampling.
const DECIDED_US: i64 = 5_000_000;
/// Nobody is waited for longer than this, so that one doubt does not hold back all the rest.
const PENDING_US: i64 = 30_000_000;
/// How long before a fault and after it a camera's events are uncertain: rules look back, streams come back.
const FAULT_BEFORE_US: i64 = 2_000_000;
const FAULT_AFTER_US: i64 = 10_000_000;

/// A fair way of looking.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// Part of an object that must be visible.
    visible_min: f32,
    /// Factor on the least size of a class.
    size_factor: f32,
    /// Displacement of its box, parts of its width and of its height.
    shift: [f32; 2],
    /// Time between pictures that are looked at.
    step_us: i64,
    /// Of two of a class that overlap more, the one that is seen worse is not seen: detectors take them for one.
    overlap_max: f32,
}

/// The first is the one whose times are told.
const WAYS: [Way; 6] = [
    Way { visible_min: 0.3, size_factor: 0.85, shift: [0.0, 0.0], step_us: 0, overlap_max: 1.0 },
    Way { visible_min: 0.5, size_factor: 1.0, shift: [0.0, -0.04], step_us: 200_000, overlap_max: 0.5 },
    Way { visible_min: 0.3, size_factor: 0.85, shift: [0.0, 0.04], step_us: 200_000, overlap_max: 1.0 },
    Way { visible_min: 0.3, size_factor: 0.85, shift: [-0.08, 0.0], step_us: 200_000, overlap_max: 1.0 },
    Way { visible_min: 0.3, size_factor: 0.85, shift: [0.08, 0.0], step_us: 200_000, overlap_max: 1.0 },
    Way { visible_min: 0.15, size_factor: 0.6, shift: [0.0, 0.0], step_us: 200_000, overlap_max: 1.0 },
];

/// Least height of a class in a picture 360 high that a detector is held to, pixels.
pub fn height_min_px(class: &str) -> f32 {
    match CLASSES.iter().position(|name| *name == class) {
        Some(2) => 16.0,
        Some(3) => 20.0,
        Some(4) => 10.0,
        _ => 24.0,
    }
}

/// The events of one camera.
#[derive(Debug)]
pub struct EventTruth {
    camera: String,
    /// Seconds that a rule waits before it tells, by its id.
    waits: Vec<(String, i64)>,
    faults: Vec<Fault>,
    looks: Vec<Look>,
    candidates: Vec<Candidate>,
    lost: bool,
    now_us: Option<i64>,
    next_key: u64,
}

/// One way at work.
#[derive(Debug)]
struct Look {
    way: Way,
    due_us: i64,
    tracks: TrueTracks,
    rules: RuleSet,
    /// The candidate's key for what this way has open.
    open: Vec<(u64, u64)>,
}

/// An event that some ways have told.
#[derive(Debug)]
struct Candidate {
    event: RuleEvent,
    key: u64,
    /// Which ways, a bit each.
    told_by: u32,
    /// The first and the last time that one of them gave.
    span_us: (i64, i64),
    /// The least and the most that one of them counted, where it is a count.
    counted: Option<Counted>,
}

impl EventTruth {
    /// Fails where the gateway would refuse the camera's rules.
    pub fn new(camera: &Camera) -> Result<EventTruth, RuleError> {
        EventTruth::with_ways(camera, &WAYS)
    }

    /// With one way of looking only: the same events, several times as fast, none of them optional but for faults.
    pub fn plain(camera: &Camera) -> Result<EventTruth, RuleError> {
        EventTruth::with_ways(camera, &[Way { step_us: 200_000, ..WAYS[0] }])
    }

    fn with_ways(camera: &Camera, ways: &[Way]) -> Result<EventTruth, RuleError> {
        let new_score = TrackerConfig::default().new_score;
        let look = |way: &Way| {
            let calibration = Some(camera.calibration());
            let rules = RuleSet::calibrated(camera.rules.clone(), &classes(), new_score, calibration)?;
            Ok(Look { way: *way, due_us: i64::MIN, tracks: TrueTracks::default(), rules, open: Vec::new() })
        };
        Ok(EventTruth {
            camera: camera.id.clone(),
            waits: camera.rules.iter().map(wait_us).collect(),
            faults: camera.faults.clone(),
            looks: ways.iter().map(look).collect::<Result<_, RuleError>>()?,
            candidates: Vec::new(),
            lost: false,
            now_us: None,
            next_key: 1,
        })
    }

    /// Takes in what a picture shows; gives the events that every way has decided on, in the order of their times.
    pub fn picture(&mut self, t_us: i64, seen: &[Seen], height_px: u32) -> Vec<TrueEvent> {
        self.now_us = Some(t_us);
        let lost = self.faults.iter().any(|fault| fault.kind == FaultKind::SignalLost && holds(fault, t_us));
        if lost {
            if !self.lost {
                self.end_all(t_us);
            }
        } else {
            for index in 0..self.looks.len() {
                let made = self.looks[index].see(t_us, seen, height_px);
                self.take(index, made);
            }
        }
        self.lost = lost;
        let settled_us = self.settled_us(t_us);
        self.release(settled_us)
    }

    /// Until when everything is told; none before the first picture.
    pub fn told_to_us(&self) -> Option<i64> {
        self.now_us.map(|now_us| self.settled_us(now_us))
    }

    /// The stream is over: what is open ends, and everything is told.
    pub fn finish(&mut self) -> Vec<TrueEvent> {
        if let Some(now_us) = self.now_us.take() {
            self.end_all(now_us);
        }
        self.release(i64::MAX)
    }

    fn end_all(&mut self, t_us: i64) {
        for index in 0..self.looks.len() {
            let look = &mut self.looks[index];
            look.tracks.forget();
            look.due_us = i64::MIN;
            let made = look.rules.finish(t_us);
            self.take(index, made);
            self.looks[index].open.clear();
        }
    }

    /// Before this no way will tell anything more.
    fn settled_us(&self, t_us: i64) -> i64 {
        let pending = self.looks.iter().filter_map(|look| look.rules.pending_us());
        // A member of a zone is pending since it was last seen there: that is now, or it is out of sight.
        pending.chain([t_us]).min().unwrap_or(t_us).max(t_us - PENDING_US) - DECIDED_US
    }

    /// Joins what one way tells to what others told.
    fn take(&mut self, look: usize, made: Vec<RuleEvent>) {
        for event in made {
            let bit = 1u32 << look;
            let mine = |candidate: &&mut Candidate| candidate.told_by & bit == 0 && same(&candidate.event, &event);
            let open_key = event.open_key;
            let near = |candidate: &&mut Candidate| (candidate.event.media_time_us - event.media_time_us).abs();
            let (begin, end) = (event.phase == Phase::Begin, event.phase == Phase::End);
            let key = match self.candidates.iter_mut().filter(mine).min_by_key(near) {
                Some(candidate) => {
                    candidate.told_by |= bit;
                    let (first_us, last_us) = candidate.span_us;
                    candidate.span_us = (first_us.min(event.media_time_us), last_us.max(event.media_time_us));
                    candidate.counted = candidate.counted.zip(counted(&event)).map(|(all, one)| all.with(one.into()));
                    if look == 0 {
                        candidate.event = event;
                    }
                    candidate.key
                }
                None => {
                    let known = self.looks[look].open.iter().find(|(open, _)| *open == open_key);
                    let key = known.map_or(self.next_key, |(_, key)| *key);
                    self.next_key = self.next_key.max(key + 1);
                    let span_us = (event.media_time_us, event.media_time_us);
                    let counted = counted(&event).map(Counted::from);
                    self.candidates.push(Candidate { event, key, told_by: bit, span_us, counted });
                    key
                }
            };
            let open = &mut self.looks[look].open;
            if begin {
                open.push((open_key, key));
            } else if end {
                open.retain(|(known, _)| *known != open_key);
            }
        }
    }

    fn release(&mut self, settled_us: i64) -> Vec<TrueEvent> {
        let all = (1u32 << self.looks.len()) - 1;
        let (ready, waiting) =
            std::mem::take(&mut self.candidates).into_iter().partition(|one| one.event.media_time_us < settled_us);
        self.candidates = waiting;
        let mut told: Vec<TrueEvent> = ready.into_iter().map(|candidate| self.told(candidate, all)).collect();
        told.sort_by_key(|event: &TrueEvent| (event.t_us, event.key));
        told
    }

    fn told(&self, Candidate { event, key, told_by, span_us, counted }: Candidate, all: u32) -> TrueEvent {
        let wait_us = self.waits.iter().find(|(rule, _)| *rule == event.rule).map_or(0, |(_, wait_us)| *wait_us);
        let why = if self.in_fault(event.media_time_us, wait_us) {
            Some("the camera is faulty")
        } else if told_by != all {
            Some("a fair detector may see it otherwise")
        } else {
            None
        };
        let short = |value: f32| (value * 1e5).round() / 1e5;
        TrueEvent {
            camera: self.camera.clone(),
            point: event.point.map(|point| point.map(short)),
            rule: event.rule,
            kind: event.kind.to_owned(),
            phase: event.phase.as_str().to_owned(),
            direction: event.direction.map(str::to_owned),
            t_us: event.media_time_us,
            slack_us: (event.media_time_us - span_us.0).max(span_us.1 - event.media_time_us),
            key,
            counted,
            actor: event.track.as_ref().and_then(|track| u32::try_from(track.id).ok()),
            class: event.track.and_then(|track| CLASSES.get(usize::from(track.class)).map(|name| (*name).to_owned())),
            optional: why.is_some(),
            why: why.map(str::to_owned),
        }
    }

    /// Whether a fault is in the time that an event rests on.
    fn in_fault(&self, t_us: i64, wait_us: i64) -> bool {
        let blind = self.faults.iter().filter(|fault| fault.kind != FaultKind::ClockDrift);
        blind.into_iter().any(|fault| {
            fault.from_us - FAULT_BEFORE_US <= t_us && t_us < fault.to_us.saturating_add(FAULT_AFTER_US + wait_us)
        })
    }
}

impl Look {
    fn see(&mut self, t_us: i64, seen: &[Seen], height_px: u32) -> Vec<RuleEvent> {
        if t_us < self.due_us {
            return Vec::new();
        }
        // As the gateway takes its samples: the first picture at or after each multiple.
        self.due_us =
            if self.way.step_us == 0 { t_us } else { (t_us.div_euclid(self.way.step_us) + 1) * self.way.step_us };
        let way = self.way;
        let fair = way.apart(seen.iter().filter(|seen| way.sees(seen, height_px)).collect());
        let fair = fair.into_iter().map(|seen| (seen, way.bbox(&seen.bbox)));
        self.rules.observe(t_us, self.tracks.step(t_us, fair))
    }
}

impl Way {
    fn sees(&self, seen: &Seen, height_px: u32) -> bool {
        let scale = height_px as f32 / 360.0;
        let height = seen.bbox.height() * height_px as f32;
        seen.visible >= self.visible_min && height >= height_min_px(seen.class) * self.size_factor * scale
    }

    /// Those that a detector can tell apart.
    fn apart<'a>(&self, mut seen: Vec<&'a Seen>) -> Vec<&'a Seen> {
        if self.overlap_max >= 1.0 {
            return seen;
        }
        seen.sort_by(|a, b| b.visible.total_cmp(&a.visible).then(a.id.cmp(&b.id)));
        let mut kept: Vec<&Seen> = Vec::new();
        for one in seen {
            let is_one = |other: &&Seen| other.class == one.class && other.bbox.iou(&one.bbox) > self.overlap_max;
            if !kept.iter().any(is_one) {
                kept.push(one);
            }
        }
        kept
    }

    fn bbox(&self, bbox: &Rect) -> Rect {
        let (dx, dy) = (self.shift[0] * bbox.width(), self.shift[1] * bbox.height());
        Rect::new(bbox.x0 + dx, bbox.y0 + dy, bbox.x1 + dx, bbox.y1 + dy).clipped()
    }
}

fn holds(fault: &Fault, t_us: i64) -> bool {
    (fault.from_us..fault.to_us).contains(&t_us)
}

/// Of one event's telling by two ways.
fn same(a: &RuleEvent, b: &RuleEvent) -> bool {
    let about = |event: &RuleEvent| event.track.as_ref().map(|track| track.id);
    a.rule == b.rule
        && a.phase == b.phase
        && a.direction == b.direction
        && about(a) == about(b)
        && (a.media_time_us - b.media_time_us).abs() <= SAME_US
}

/// How many went over a line from its left to its right and back, by the event of a rule that counts.
pub fn counted(event: &RuleEvent) -> Option<[u32; 2]> {
    let value = |name| event.measures.iter().find(|measure| measure.name == name).map(|measure| measure.value as u32);
    if event.kind == COUNT { Some([value("a_to_b")?, value("b_to_a")?]) } else { None }
}

/// A rule's id and how long it waits before it tells.
fn wait_us(table: &toml::Table) -> (String, i64) {
    let text = |key| table.get(key).and_then(toml::Value::as_str);
    let id = text("id").or_else(|| text("kind")).unwrap_or_default().to_owned();
    let seconds =
        table.get("seconds").and_then(|value| value.as_float().or(value.as_integer().map(|whole| whole as f64)));
    (id, (seconds.unwrap_or(0.0) * 1e6) as i64)
}

#[cfg(test)]
mod tests {
    use glam::Vec2;

    use super::*;

    fn camera(rules: &str, faults: Vec<Fault>) -> Camera {
        let mut table: toml::Table = toml::from_str(rules).unwrap();
        Camera {
            id: "gate".into(),
            name_zh: String::new(),
            name_en: String::new(),
            department: "police".into(),
            physical: "gate".into(),
            at: Vec2::ZERO,
            height_m: 5.0,
            heading_deg: 0.0,
            tilt_deg: 20.0,
            fov_deg: 70.0,
            size_px: (640, 360),
            fps: 12.5,
            rules: table.remove("rule").unwrap().try_into().unwrap(),
            faults,
        }
    }

    fn whole(t_us: i64) -> i64 {
        (t_us + 500_000) / 1_000_000
    }

    fn seen(id: u32, x: f32, visible: f32) -> Seen {
        Seen { id, class: "person", bbox: Rect::new(x - 0.05, 0.4, x + 0.05, 0.7), visible }
    }

    /// Plays 12.5 pictures a second; gives (phase, nearest second, actor, optional).
    fn play(
        rules: &str,
        faults: Vec<Fault>,
        seconds: i64,
        scene: impl Fn(f32) -> Vec<Seen>,
    ) -> Vec<(String, i64, u32, bool)> {
        let mut truth = EventTruth::new(&camera(rules, faults)).unwrap();
        let mut told = Vec::new();
        for t_us in (0..seconds * 1_000_000).step_by(80_000) {
            let mut more = truth.picture(t_us, &scene(t_us as f32 / 1e6), 360);
            assert!(more.iter().all(|event| event.t_us <= t_us));
            told.append(&mut more);
        }
        told.append(&mut truth.finish());
        assert!(told.is_sorted_by_key(|event| event.t_us), "{told:?}");
        let short =
            |event: &TrueEvent| (event.phase.clone(), whole(event.t_us), event.actor.unwrap_or(0), event.optional);
        told.iter().map(short).collect()
    }

    const ZONE: &str = "[[rule]]\nkind='intrusion'\nclasses=['person']\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]";
    const LOITER: &str = "[[rule]]\nkind='loiter'\nseconds=5\nclasses=['person']\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]";

    fn walk(t: f32) -> f32 {
        // In at 5 s and out again at 15 s.
        0.5 + 0.25 * (1.0 - (t - 10.0).abs() / 5.0)
    }

    #[test]
    fn a_plain_walk_is_required_and_told_once_with_who_it_was() {
        let told = play(ZONE, vec![], 25, |t| vec![seen(7, walk(t).max(0.1), 1.0)]);
        let expected = [("begin", 5, 7, false), ("end", 15, 7, false)];
        assert_eq!(told, expected.map(|(phase, t, actor, optional)| (phase.to_owned(), t, actor, optional)));
    }

    #[test]
    fn a_crowd_whose_count_needs_two_that_nearly_hide_each_other_is_optional() {
        const CROWD: &str =
            "[[rule]]\nkind='crowd'\ncount=3\nseconds=3\nclasses=['person']\nzone=[[0.0,0],[1,0],[1,1],[0.0,1]]";
        let crowd =
            |third: f32| play(CROWD, vec![], 20, |_| vec![seen(1, 0.3, 1.0), seen(2, 0.5, 1.0), seen(3, third, 0.8)]);
        let begins = |told: &[(String, i64, u32, bool)]| -> Vec<bool> {
            told.iter().filter(|(phase, ..)| phase == "begin").map(|(.., optional)| *optional).collect()
        };
        assert_eq!(begins(&crowd(0.7)), [false]);
        assert_eq!(begins(&crowd(0.51)), [true]);
    }

    #[test]
    fn a_step_over_the_border_and_somebody_half_hidden_are_optional() {
        let shallow = play(ZONE, vec![], 20, |t| vec![seen(7, 0.497 + 0.006 * f32::from(t > 5.0 && t < 9.0), 1.0)]);
        assert!(!shallow.is_empty() && shallow.iter().all(|(.., optional)| *optional), "{shallow:?}");
        let hidden = play(ZONE, vec![], 25, |t| vec![seen(7, walk(t).max(0.1), 0.4)]);
        assert!(hidden.len() == 2 && hidden.iter().all(|(.., optional)| *optional), "{hidden:?}");
        let unseen = play(ZONE, vec![], 25, |t| vec![seen(7, walk(t).max(0.1), 0.1)]);
        assert_eq!(unseen, []);
    }

    #[test]
    fn nearly_long_enough_is_optional_and_clearly_long_enough_is_not() {
        let stay = |out: f32| move |t: f32| vec![seen(7, if t > 5.0 && t < out { 0.7 } else { 0.2 }, 1.0)];
        let begins = |out| -> Vec<(i64, bool)> {
            let told = play(LOITER, vec![], 30, stay(out));
            told.into_iter().filter(|one| one.0 == "begin").map(|(_, t, _, optional)| (t, optional)).collect()
        };
        assert_eq!(begins(15.0), [(10, false)]);
        assert_eq!(begins(8.0), []);
    }

    #[test]
    fn while_a_camera_is_faulty_nothing_is_required() {
        let covered = Fault { kind: FaultKind::Covered, from_us: 4_000_000, to_us: 8_000_000 };
        let told = play(ZONE, vec![covered], 40, |t| {
            vec![seen(7, walk(t).max(0.1), 1.0), seen(8, walk(t - 15.0).max(0.1), 1.0)]
        });
        let optional: Vec<(i64, bool)> = told.iter().map(|(_, t, _, optional)| (*t, *optional)).collect();
        assert_eq!(optional, [(5, true), (15, true), (20, false), (30, false)]);
    }

    #[test]
    fn a_lost_signal_ends_what_is_open() {
        let lost = Fault { kind: FaultKind::SignalLost, from_us: 8_000_000, to_us: 9_000_000 };
        let told = play(ZONE, vec![lost], 30, |t| vec![seen(7, walk(t).max(0.1), 1.0)]);
        let times: Vec<(&str, i64)> = told.iter().map(|(phase, t, ..)| (phase.as_str(), *t)).collect();
        assert_eq!(times, [("begin", 5), ("end", 8), ("begin", 9), ("end", 15)]);
    }

    #[test]
    fn one_way_alone_tells_the_same() {
        let mut plain = EventTruth::plain(&camera(ZONE, vec![])).unwrap();
        let mut told = Vec::new();
        for t_us in (0..25_000_000).step_by(200_000) {
            told.append(&mut plain.picture(t_us, &[seen(7, walk(t_us as f32 / 1e6).max(0.1), 1.0)], 360));
        }
        told.append(&mut plain.finish());
        let short: Vec<(&str, i64, bool)> =
            told.iter().map(|event| (event.phase.as_str(), whole(event.t_us), event.optional)).collect();
        assert_eq!(short, [("begin", 5, false), ("end", 15, false)]);
        assert_eq!(told[0].key, told[1].key);
    }
}
