//! The judgement itself: one to one and maximal within the tolerance for each rule, phase and direction of a camera.
//! Optional truth is don't-care, and so is whatever a faulty camera tells.

use std::collections::{BTreeMap, BTreeSet};

use super::{Expected, Report, Terms, Truth, Watched, bounded, feed::Clock, feed::Told, settle};
use crate::camera::FaultKind;
use crate::truth::{COUNT, Counted, TrueEvent, TrueFault};

/// Rules look back, and after a fault the stream has to come back and what stands there is told as new.
const FAULT_BEFORE_US: i64 = 2_000_000;
const FAULT_AFTER_US: i64 = 10_000_000;

/// A count is right that is off by no more than one of so many.
const COUNT_ONE_OF: u32 = 20;

/// What health events begin with.
const HEALTH: &str = "camera.";

/// What a fault is rightly told as: kinds of health events without `camera.`.
pub fn told_as(kind: FaultKind) -> &'static [&'static str] {
    match kind {
        FaultKind::Covered => &["covered"],
        // Thin paint blurs what it does not hide.
        FaultKind::Sprayed => &["covered", "blurred"],
        FaultKind::Blurred => &["blurred"],
        FaultKind::Moved => &["moved"],
        FaultKind::Frozen => &["frozen"],
        FaultKind::Dark => &["too_dark"],
        FaultKind::Glare => &["too_bright"],
        FaultKind::Noise => &["noise"],
        FaultKind::SignalLost => &["signal_lost"],
        FaultKind::ClockDrift => &["clock_drift"],
        FaultKind::ColourCast => &["colour_cast"],
        FaultKind::PacketLoss => &["packet_loss"],
        FaultKind::LowFrameRate => &["low_frame_rate"],
    }
}

/// Rule, kind, phase, direction: only what agrees in all of them is compared.
type Key<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

/// Times of one key, sorted.
#[derive(Debug, Default)]
struct Times {
    required: Vec<Expected>,
    optional: Vec<Expected>,
    found: Vec<i64>,
}

/// More slack than this no truth gives; a file may say anything.
const SLACK_MAX_US: i64 = 2_000_000;

/// Judges a feed.
pub fn judge(truth: &Truth, feed: &[Told], terms: &Terms) -> Report {
    let mut report = Report::default();
    let mut ids = BTreeSet::new();
    let mut told: BTreeMap<&str, Vec<(i64, &Told)>> = BTreeMap::new();
    for one in feed {
        let Some(watched) = truth.cameras.get(&one.camera) else {
            report.unknown += 1;
            continue;
        };
        // `analyze` counts its ids from 1 in every clip, so an id names an event of its camera.
        if one.id.as_ref().is_some_and(|id| !ids.insert((&one.camera, id))) {
            report.repeated += 1;
            continue;
        }
        let t_us = match one.clock {
            Clock::Utc => truth.world_us(one.t_us),
            Clock::Media => bounded(one.t_us.saturating_add(watched.camera.from_us)),
        };
        told.entry(&one.camera).or_default().push((t_us, one));
    }
    for (id, watched) in &truth.cameras {
        if terms.cameras.as_ref().is_none_or(|wanted| wanted.contains(id)) {
            let told = told.remove(id.as_str()).unwrap_or_default();
            Watch::new(truth, watched, &told, terms).judge(&told, terms.tolerance_us, &mut report);
        }
    }
    report
}

/// One camera in the time that counts.
struct Watch<'a> {
    watched: &'a Watched,
    id: &'a str,
    from_us: i64,
    to_us: i64,
    /// Until when the truth is told, where it says so.
    told_to_us: Option<i64>,
    /// Faults in which it does not see well.
    blind: Vec<&'a TrueFault>,
}

impl<'a> Watch<'a> {
    fn new(truth: &Truth, watched: &'a Watched, told: &[(i64, &Told)], terms: &Terms) -> Self {
        let from_us = bounded(terms.from_us).max(watched.camera.from_us.saturating_add(terms.warm_up_us));
        let times = told.iter().map(|(t_us, _)| *t_us).chain(watched.events.iter().map(|event| event.t_us));
        let to_us = terms
            .to_us
            .map(bounded)
            .or(truth.told_to_us)
            .or_else(|| times.max().map(|last_us| last_us.saturating_add(1)));
        let blind = watched.faults.iter().filter(|fault| fault.kind != FaultKind::ClockDrift).collect();
        let to_us = to_us.unwrap_or(from_us).max(from_us);
        Watch { watched, id: &watched.camera.id, from_us, to_us, told_to_us: truth.told_to_us, blind }
    }

    fn judge(&self, told: &[(i64, &Told)], tolerance_us: i64, report: &mut Report) {
        report.watched(self.id, self.seeing_us());
        for (key, times) in self.group(told, report) {
            self.compare(key, &times, tolerance_us, report);
        }
        self.counted(told, tolerance_us, report);
        self.health(told, report);
    }

    fn counts(&self, t_us: i64) -> bool {
        (self.from_us..self.to_us).contains(&t_us)
    }

    fn is_blind(&self, t_us: i64) -> bool {
        self.blind.iter().any(|fault| around(fault, t_us))
    }

    /// Time that counts in which it saw well.
    fn seeing_us(&self) -> i64 {
        let mut gaps: Vec<(i64, i64)> = self
            .blind
            .iter()
            .map(|fault| (fault.from_us.saturating_sub(FAULT_BEFORE_US), fault.to_us.saturating_add(FAULT_AFTER_US)))
            .collect();
        gaps.sort_unstable();
        let (mut seeing_us, mut at_us) = (0, self.from_us);
        for (from_us, to_us) in gaps {
            seeing_us += (from_us.min(self.to_us) - at_us).max(0);
            at_us = at_us.max(to_us);
        }
        seeing_us + (self.to_us - at_us).max(0)
    }

    /// Times of everything that is compared. Updates are not: how often they come is the rule's taste.
    fn group<'b>(&'b self, told: &[(i64, &'b Told)], report: &mut Report) -> BTreeMap<Key<'b>, Times> {
        let mut groups: BTreeMap<Key<'b>, Times> = BTreeMap::new();
        for event in self.watched.events.iter().filter(|event| event.phase != "update" && event.kind != COUNT) {
            let key = (event.rule.as_str(), event.kind.as_str(), event.phase.as_str(), event.direction.as_deref());
            let times = groups.entry(key).or_default();
            let expected = Expected { t_us: event.t_us, slack_us: event.slack_us.clamp(0, SLACK_MAX_US) };
            if event.optional { times.optional.push(expected) } else { times.required.push(expected) }
        }
        for (t_us, one) in told.iter().filter(|(_, one)| is_compared(one)) {
            let rule = one.rule.as_deref().unwrap_or_default();
            if self.watched.camera.rules.iter().any(|known| known == rule) {
                let key = (rule, one.kind.as_str(), one.phase.as_str(), one.direction.as_deref());
                groups.entry(key).or_default().found.push(*t_us);
            } else {
                report.unknown += 1;
            }
        }
        for times in groups.values_mut() {
            times.required.sort_unstable();
            times.optional.sort_unstable();
            times.found.sort_unstable();
        }
        groups
    }

    fn compare(&self, (rule, kind, phase, direction): Key<'_>, times: &Times, tolerance_us: i64, report: &mut Report) {
        let Times { required, optional, found } = times;
        let outcome = settle(found, required, optional, tolerance_us);
        let near = |t_us: i64| required.iter().chain(optional).any(|other| other.distance_us(t_us) <= tolerance_us);
        let remark = |t_us: i64, what: &str| {
            let direction = direction.map(|direction| format!(" {direction}")).unwrap_or_default();
            format!("{}: {rule} ({kind}) {phase}{direction} at {:.2} s {what}", self.id, t_us as f64 / 1e6)
        };
        let mut remarks = Vec::new();
        let count = report.count(kind, phase, self.id);
        for &(one, other) in outcome.pairs.iter().filter(|(_, other)| self.counts(required[*other].t_us)) {
            count.found += 1;
            count.errors_us.push(found[one] - required[other].t_us);
        }
        // What the other side would have told of the moments after the truth's end nobody knows.
        let cut_off = |t_us: i64| self.told_to_us.is_some_and(|to_us| t_us.saturating_add(tolerance_us) >= to_us);
        let known = |t_us: i64| self.counts(t_us) && !cut_off(t_us);
        for t_us in outcome.missing.iter().map(|other| required[*other].t_us).filter(|t_us| known(*t_us)) {
            count.missing += 1;
            remarks.push(remark(t_us, "is missing"));
        }
        for t_us in outcome.extra.iter().map(|one| found[*one]) {
            if !known(t_us) || self.is_blind(t_us) {
                continue;
            }
            let twice = near(t_us);
            *(if twice { &mut count.doubles } else { &mut count.wrong }) += 1;
            remarks.push(remark(t_us, if twice { "is told twice" } else { "is not true" }));
        }
        report.remarks.append(&mut remarks);
    }

    /// Counts are told by the clock: what is judged is whether the numbers are right.
    fn counted(&self, told: &[(i64, &Told)], tolerance_us: i64, report: &mut Report) {
        let counts = |event: &&TrueEvent| event.kind == COUNT && !event.optional && self.counts(event.t_us);
        for (event, truth) in
            self.watched.events.iter().filter(counts).filter_map(|event| Some((event, event.counted?)))
        {
            let same = |one: &&(i64, &Told)| {
                one.1.rule.as_deref() == Some(&event.rule) && (one.0 - event.t_us).abs() <= tolerance_us
            };
            let near = told.iter().filter(same).filter_map(|(t_us, one)| Some((*t_us, one.counted?)));
            let near = near.min_by_key(|(t_us, _)| (t_us - event.t_us).abs());
            let numbers = near.map(|(_, numbers)| numbers);
            report.counted(numbers.unwrap_or_default(), &truth);
            let right = numbers.is_some_and(|numbers| is_right(numbers, &truth));
            let count = report.count(COUNT, &event.phase, self.id);
            count.found += usize::from(right);
            count.missing += usize::from(!right);
            count.wrong += usize::from(!right && numbers.is_some());
            if let Some((t_us, _)) = near.filter(|_| right) {
                count.errors_us.push(t_us - event.t_us);
            } else {
                let (rule, t_s) = (&event.rule, event.t_us as f64 / 1e6);
                let what = format!("{}: {rule} (count) begin at {t_s:.2} s is {truth:?}, told {numbers:?}", self.id);
                report.remarks.push(what);
            }
        }
    }

    /// Which faults were told as such, and what was told without one.
    fn health(&self, told: &[(i64, &Told)], report: &mut Report) {
        let health: Vec<(i64, &str)> = told
            .iter()
            .filter(|(_, one)| one.phase == "begin")
            .filter_map(|(t_us, one)| Some((*t_us, one.kind.strip_prefix(HEALTH)?)))
            .collect();
        for fault in self.watched.faults.iter().filter(|fault| self.counts(fault.from_us)) {
            let near: Vec<&(i64, &str)> = health.iter().filter(|(t_us, _)| around(fault, *t_us)).collect();
            let right = near.iter().filter(|(_, what)| told_as(fault.kind).contains(what));
            let delay_us = right.map(|(t_us, _)| t_us - fault.from_us).min();
            report.fault(fault.kind, near.iter().map(|(_, what)| (*what).to_owned()).collect(), delay_us);
        }
        for (t_us, what) in health.into_iter().filter(|(t_us, _)| self.counts(*t_us)) {
            if !self.watched.faults.iter().any(|fault| around(fault, t_us)) {
                report.false_health += 1;
                report.remarks.push(format!(
                    "{}: camera.{what} at {:.2} s without a fault",
                    self.id,
                    t_us as f64 / 1e6
                ));
            }
        }
    }
}

fn is_right(told: [u32; 2], truth: &Counted) -> bool {
    let near = |told: u32, [least, most]: [u32; 2]| {
        (least - least / COUNT_ONE_OF..=most + most / COUNT_ONE_OF).contains(&told)
    };
    near(told[0], truth.a_to_b) && near(told[1], truth.b_to_a)
}

fn is_compared(told: &Told) -> bool {
    told.phase != "update" && told.kind != COUNT && !told.kind.starts_with(HEALTH)
}

fn around(fault: &TrueFault, t_us: i64) -> bool {
    fault.from_us.saturating_sub(FAULT_BEFORE_US) <= t_us && t_us < fault.to_us.saturating_add(FAULT_AFTER_US)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::{Line, Start, TrueCamera, TrueEvent};

    const EPOCH_US: i64 = 1_790_000_000_000_000;

    fn truth(events: &[(f64, &str, bool)], faults: &[(FaultKind, i64, i64)]) -> Truth {
        let camera = TrueCamera {
            id: "gate".into(),
            department: "police".into(),
            physical: "pole".into(),
            size_px: (640, 360),
            from_us: 2_000_000,
            rules: vec!["fence".into()],
        };
        let event = |&(t_s, phase, optional): &(f64, &str, bool)| {
            Line::Event(TrueEvent {
                camera: "gate".into(),
                rule: "fence".into(),
                kind: "intrusion".into(),
                phase: phase.into(),
                direction: None,
                t_us: (t_s * 1e6) as i64,
                slack_us: 0,
                key: 1,
                counted: None,
                actor: None,
                class: None,
                point: None,
                optional,
                why: None,
            })
        };
        let fault = |&(kind, from_s, to_s): &(FaultKind, i64, i64)| {
            Line::Fault(TrueFault { camera: "gate".into(), kind, from_us: from_s * 1_000_000, to_us: to_s * 1_000_000 })
        };
        let head = [Line::Start(Start { seed: 1, epoch_us: EPOCH_US }), Line::Camera(camera)];
        let lines = head.into_iter().chain(events.iter().map(event)).chain(faults.iter().map(fault));
        Truth::new(lines.chain([Line::Told { to_us: 3_602_000_000 }]))
    }

    fn told(t_s: f64, phase: &str) -> Told {
        Told {
            id: None,
            camera: "gate".into(),
            rule: Some("fence".into()),
            kind: "intrusion".into(),
            phase: phase.into(),
            direction: None,
            counted: None,
            clock: Clock::Utc,
            t_us: EPOCH_US + (t_s * 1e6) as i64,
        }
    }

    #[test]
    fn found_missing_twice_and_wrong_are_told_apart() {
        let truth =
            truth(&[(10.0, "begin", false), (20.0, "end", false), (30.0, "begin", false), (50.0, "begin", true)], &[]);
        let feed = [(10.2, "begin"), (10.9, "begin"), (20.0, "end"), (40.0, "begin"), (50.1, "begin")];
        let report = judge(&truth, &feed.map(|(t_s, phase)| told(t_s, phase)), &Terms::default());
        let begins = report.begins();
        assert_eq!((begins.found, begins.missing, begins.doubles, begins.wrong), (1, 1, 1, 1), "{report:?}");
        assert_eq!(begins.errors_us, [200_000]);
        assert!((report.camera_hours() - 1.0).abs() < 1e-9);
        assert_eq!(report.remarks.len(), 3, "{:?}", report.remarks);
        assert!(report.remarks.iter().any(|remark| remark == "gate: fence (intrusion) begin at 30.00 s is missing"));
    }

    #[test]
    fn a_count_is_found_where_its_numbers_are_right() {
        let mut truth = truth(&[(60.0, "begin", false), (120.0, "begin", false), (180.0, "begin", false)], &[]);
        for event in &mut truth.cameras.get_mut("gate").expect("a camera").events {
            event.kind = COUNT.into();
            event.counted = Some(Counted { a_to_b: [41, 42], b_to_a: [3, 3] });
        }
        let count = |t_s, counted| Told { kind: COUNT.into(), counted: Some(counted), ..told(t_s, "begin") };
        let report = judge(&truth, &[count(60.1, [39, 3]), count(120.0, [41, 4])], &Terms::default());
        let begins = report.begins();
        assert_eq!((begins.found, begins.missing, begins.wrong), (1, 2, 1), "{:?}", report.remarks);
        // Two too few, one too many, and an interval of which nothing was told.
        let accuracy = report.count_accuracy().expect("something went over the line");
        assert!((accuracy - (1.0 - (2.0 + 1.0 + 44.0) / 132.0)).abs() < 1e-9, "{accuracy}");
    }

    #[test]
    fn media_time_counts_from_the_cameras_first_picture_and_ids_count_once() {
        let truth = truth(&[(10.0, "begin", false)], &[]);
        let one = Told { clock: Clock::Media, t_us: 8_000_000, id: Some("a".into()), ..told(0.0, "begin") };
        let stranger = Told { camera: "elsewhere".into(), ..one.clone() };
        let report = judge(&truth, &[one.clone(), one, stranger], &Terms::default());
        assert_eq!((report.begins().found, report.repeated, report.unknown), (1, 1, 1));
        assert_eq!(report.f1(), 1.0);
    }

    #[test]
    fn the_same_id_at_two_cameras_is_two_events() {
        let mut truth = truth(&[(10.0, "begin", false)], &[]);
        let mut second = truth.cameras["gate"].clone();
        second.camera.id = "yard".into();
        truth.cameras.insert("yard".into(), second);
        let first = Told { id: Some("1".into()), ..told(10.0, "begin") };
        let other = Told { camera: "yard".into(), ..first.clone() };
        let report = judge(&truth, &[first, other], &Terms::default());
        assert_eq!((report.begins().found, report.repeated), (2, 0));
    }

    #[test]
    fn what_a_faulty_camera_tells_is_not_held_against_anybody_and_its_time_is_not_watched() {
        let faults = [(FaultKind::Covered, 100, 200), (FaultKind::SignalLost, 190, 300), (FaultKind::Dark, 1000, 1010)];
        let truth = truth(&[(150.0, "begin", true)], &faults);
        let health = |t_s, kind: &str| Told { rule: None, kind: kind.into(), ..told(t_s, "begin") };
        let feed = [
            told(120.0, "begin"),
            told(305.0, "begin"),
            told(320.0, "begin"),
            health(195.0, "camera.signal_lost"),
            health(700.0, "camera.too_dark"),
        ];
        let report = judge(&truth, &feed, &Terms::default());
        assert_eq!((report.begins().wrong, report.false_health), (1, 1));
        let seeing_s = report.camera_hours() * 3600.0;
        assert!((seeing_s - (3600.0 - 212.0 - 22.0)).abs() < 1e-6, "{seeing_s}");
        assert_eq!(report.faults_told(), (1, 3), "covered was told as another fault; nobody told of the dark one");
        let of_lost = report.faults().find(|fault| fault.kind == FaultKind::SignalLost).expect("a fault");
        assert_eq!(of_lost.delay_us, Some(5_000_000));
    }

    #[test]
    fn times_out_of_all_bounds_are_no_end_of_it() {
        let truth = truth(&[(1e30, "begin", false), (-1e30, "begin", false)], &[(FaultKind::Dark, 9_000_000_000, 1)]);
        let far = |t_us| Told { t_us, ..told(0.0, "begin") };
        let media = Told { clock: Clock::Media, ..far(i64::MAX) };
        let report = judge(&truth, &[far(i64::MAX), far(i64::MIN), media], &Terms::default());
        assert_eq!(report.begins().found, 0);
    }

    #[test]
    fn what_the_end_of_the_truth_cuts_off_is_held_against_nobody_and_nothing_is_where_the_end_is_not_known() {
        let mut truth = truth(&[(10.0, "begin", false), (3600.9, "end", false)], &[]);
        let feed = [told(10.0, "begin"), told(3601.5, "begin"), told(3590.0, "begin")];
        let count = |truth: &Truth| {
            let report = judge(truth, &feed, &Terms::default());
            (report.begins().found, report.begins().wrong, report.ends().missing)
        };
        assert_eq!(count(&truth), (1, 1, 0));
        truth.told_to_us = None;
        assert_eq!(count(&truth), (1, 2, 1), "the last that is told is no end of the truth");
    }

    #[test]
    fn only_what_is_in_the_time_counts_but_a_neighbour_outside_may_explain_it() {
        let truth = truth(&[(9.5, "begin", false), (30.0, "begin", false)], &[]);
        let terms = Terms { warm_up_us: 8_000_000, to_us: Some(25_000_000), ..Terms::default() };
        let report = judge(&truth, &[told(10.5, "begin")], &terms);
        let begins = report.begins();
        assert_eq!((begins.found, begins.missing, begins.wrong), (0, 0, 0));
    }
}
