//! What is wrong with a stream as it comes: packets lost on the way, pictures damaged or missing. Told from the access
//! units that come anyway. Pure: it is given each unit's arrival and what is known of it, and answers with what begins
//! and ends. One line in [`FLAWS`] a kind.
//!
//! Time is counted in intervals of four seconds of the gateway's monotonic clock. A flaw begins with two bad intervals in
//! a row, or with one that is very bad, and ends with three good ones.

use yiwang_wire::event::Severity;

/// An interval.
const INTERVAL_US: i64 = 4_000_000;
/// What comes first is a burst, or less than the rest.
const SETTLE_US: i64 = 2_000_000;
/// Bad intervals in a row that begin a flaw, and good ones that end it.
const BAD_MIN: u32 = 2;
const GOOD_MIN: u32 = 3;
/// Intervals until the usual rate is known.
const LEARN_INTERVALS: u32 = 5;
/// Weight of an interval in the usual rate: about ten minutes, so that a camera that sends less by night is used to it.
const FOLLOW: f64 = 1.0 / 150.0;

/// Share of damaged pictures: bad from here, very bad from here, good below.
const DAMAGED_BAD: f64 = 0.02;
const DAMAGED_VERY_BAD: f64 = 0.1;
const DAMAGED_GOOD: f64 = 0.005;
/// Fewer damaged pictures in an interval are no flaw.
const DAMAGED_MIN: u32 = 2;
/// Parts of the usual rate: bad below, very bad below, good above.
const RATE_BAD: f64 = 0.6;
const RATE_VERY_BAD: f64 = 0.25;
const RATE_GOOD: f64 = 0.8;
/// What is no more than this is never low: a camera of one picture a second has its own pace.
const RATE_MIN_HZ: f64 = 2.5;

/// One kind of flaw.
#[derive(Debug)]
pub struct Flaw {
    /// Its kind.
    pub kind: &'static str,
    /// In Chinese.
    pub label_zh: &'static str,
    /// In English.
    pub label_en: &'static str,
    /// How urgent.
    pub severity: Severity,
    judge: fn(&Interval) -> (Grade, f64, f64),
}

/// Every flaw of a stream. ONVIF has a topic for none of them.
pub const FLAWS: &[Flaw] = &[
    Flaw {
        kind: "camera.packet_loss",
        label_zh: "码流丢包",
        label_en: "Packets lost",
        severity: Severity::Medium,
        judge: damaged,
    },
    Flaw {
        kind: "camera.low_frame_rate",
        label_zh: "帧率过低",
        label_en: "Frame rate low",
        severity: Severity::Low,
        judge: slow,
    },
];

impl Flaw {
    /// Its name in the configuration: the kind without `camera.`.
    pub fn name(&self) -> &'static str {
        self.kind.strip_prefix("camera.").unwrap_or(self.kind)
    }
}

/// How an interval was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Good,
    Unclear,
    Bad,
    VeryBad,
}

/// What came in an interval.
#[derive(Debug, Clone, Copy, Default)]
struct Interval {
    from_us: i64,
    length_us: i64,
    units: u32,
    /// Units before which packets were lost, or that could not be decoded.
    damaged: u32,
    packets_lost: u32,
    usual_hz: Option<f64>,
}

impl Interval {
    fn hz(&self) -> f64 {
        f64::from(self.units) * 1e6 / (self.length_us.max(1) as f64)
    }
}

/// A flaw begins or ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// Which: a line of [`FLAWS`].
    pub kind: &'static str,
    /// It begins, or it ends.
    pub begins: bool,
    /// What was measured: the share of damaged pictures in percent, or pictures a second.
    pub value: f64,
    /// From where on it is a flaw.
    pub threshold: f64,
    /// Packets lost in the interval.
    pub packets_lost: u32,
}

/// The watch on one camera's stream.
#[derive(Debug, Default)]
pub struct Flow {
    interval: Option<Interval>,
    settled: bool,
    usual_hz: Option<f64>,
    learned: u32,
    states: [State; FLAWS.len()],
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    open: bool,
    run: u32,
}

impl Flow {
    /// A unit has come at that time of the monotonic clock.
    pub fn unit(&mut self, now_us: i64, packets_lost: u16, damaged: bool) -> Vec<Turn> {
        let mut turns = Vec::new();
        let interval = self.interval.get_or_insert(Interval { from_us: now_us, ..Interval::default() });
        let length_us = now_us - interval.from_us;
        if length_us >= if self.settled { INTERVAL_US } else { SETTLE_US } {
            let interval = Interval { length_us, usual_hz: self.usual_hz, ..*interval };
            self.interval = Some(Interval { from_us: now_us, ..Interval::default() });
            if std::mem::replace(&mut self.settled, true) {
                self.judge(&interval, &mut turns);
            }
        }
        if let Some(interval) = &mut self.interval {
            interval.units += 1;
            interval.damaged += u32::from(damaged || packets_lost > 0);
            interval.packets_lost += u32::from(packets_lost);
        }
        turns
    }

    /// The session is over: what is open ends. What is usual stays known.
    pub fn over(&mut self) -> Vec<Turn> {
        let ends = FLAWS.iter().zip(&self.states).filter(|(_, state)| state.open);
        let turn = |(flaw, _): (&Flaw, &State)| Turn {
            kind: flaw.kind,
            begins: false,
            value: 0.0,
            threshold: 0.0,
            packets_lost: 0,
        };
        let turns = ends.map(turn).collect();
        *self = Self { usual_hz: self.usual_hz, learned: self.learned, ..Self::default() };
        turns
    }

    fn judge(&mut self, interval: &Interval, turns: &mut Vec<Turn>) {
        for (flaw, state) in FLAWS.iter().zip(&mut self.states) {
            let (grade, value, threshold) = (flaw.judge)(interval);
            let wanted = match (state.open, grade) {
                (false, Grade::VeryBad) => BAD_MIN,
                (false, Grade::Bad) | (true, Grade::Good) => 1,
                _ => 0,
            };
            state.run = if wanted == 0 { 0 } else { state.run + wanted };
            if state.run >= if state.open { GOOD_MIN } else { BAD_MIN } {
                *state = State { open: !state.open, run: 0 };
                let packets_lost = interval.packets_lost;
                turns.push(Turn { kind: flaw.kind, begins: state.open, value, threshold, packets_lost });
            }
        }
        self.learn(interval.hz());
    }

    fn learn(&mut self, hz: f64) {
        self.learned = self.learned.saturating_add(1);
        let usual = self.usual_hz.unwrap_or(0.0);
        self.usual_hz = if self.learned < LEARN_INTERVALS || hz > usual {
            // The most that came at first; a jam is followed by a burst, which is not believed whole.
            (self.learned >= 2).then(|| usual.max(if usual > 0.0 { hz.min(1.2 * usual) } else { hz }))
        } else {
            Some(usual + FOLLOW * (hz - usual))
        };
    }
}

/// In percent of the pictures.
fn damaged(interval: &Interval) -> (Grade, f64, f64) {
    let share = f64::from(interval.damaged) / f64::from(interval.units.max(1));
    let grade = match share {
        _ if interval.damaged == 0 || share < DAMAGED_GOOD => Grade::Good,
        share if interval.damaged < DAMAGED_MIN || share < DAMAGED_BAD => Grade::Unclear,
        share if share < DAMAGED_VERY_BAD => Grade::Bad,
        _ => Grade::VeryBad,
    };
    (grade, share * 100.0, DAMAGED_BAD * 100.0)
}

fn slow(interval: &Interval) -> (Grade, f64, f64) {
    let hz = interval.hz();
    let Some(usual_hz) = interval.usual_hz.filter(|usual_hz| *usual_hz >= RATE_MIN_HZ) else {
        return (Grade::Good, hz, 0.0);
    };
    let grade = match hz / usual_hz {
        part if part < RATE_VERY_BAD => Grade::VeryBad,
        part if part < RATE_BAD => Grade::Bad,
        part if part >= RATE_GOOD => Grade::Good,
        _ => Grade::Unclear,
    };
    (grade, hz, RATE_BAD * usual_hz)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A camera's seconds: (seconds, pictures a second, every so manieth damaged or none).
    fn play(parts: &[(i64, i64, Option<u32>)]) -> Vec<(&'static str, bool, i64)> {
        let (mut flow, mut now_us, mut told) = (Flow::default(), 7_000_000_i64, Vec::new());
        for &(seconds, hz, each) in parts {
            for n in 0..seconds * hz {
                now_us += 1_000_000 / hz;
                let lost = each.is_some_and(|each| (n as u32).is_multiple_of(each));
                let turns = flow.unit(now_us, if lost { 3 } else { 0 }, false);
                told.extend(turns.into_iter().map(|turn| (turn.kind, turn.begins, now_us / 1_000_000 - 7)));
            }
        }
        told.extend(flow.over().into_iter().map(|turn| (turn.kind, turn.begins, now_us / 1_000_000 - 7)));
        told
    }

    fn check(parts: &[(i64, i64, Option<u32>)], expected: &[(&str, bool)], delay_s: i64) {
        let told = play(parts);
        let kinds: Vec<_> = told.iter().map(|&(kind, begins, _)| (kind, begins)).collect();
        assert_eq!(kinds, expected, "{parts:?}: {told:?}");
        if let Some((_, _, at_s)) = told.first() {
            assert!(*at_s - parts[0].0 <= delay_s, "{parts:?}: {told:?}");
        }
    }

    #[test]
    fn each_flaw_is_told_within_a_dozen_seconds_and_ends() {
        let (loss, rate) = ("camera.packet_loss", "camera.low_frame_rate");
        check(&[(600, 25, None)], &[], 0);
        check(&[(60, 25, None), (30, 25, Some(30)), (30, 25, None)], &[(loss, true), (loss, false)], 12);
        check(&[(60, 25, None), (30, 25, Some(5)), (30, 25, None)], &[(loss, true), (loss, false)], 8);
        check(&[(60, 25, None), (30, 8, None), (30, 25, None)], &[(rate, true), (rate, false)], 12);
        check(&[(60, 25, None), (30, 4, None), (30, 25, None)], &[(rate, true), (rate, false)], 8);
        check(&[(60, 25, None), (30, 8, None)], &[(rate, true), (rate, false)], 12);
    }

    #[test]
    fn a_single_loss_a_short_jam_and_another_pace_are_none() {
        check(&[(60, 25, None), (1, 25, Some(20)), (100, 25, None)], &[], 0);
        check(&[(60, 25, None), (2, 10, None), (2, 40, None), (60, 25, None)], &[], 0);
        check(&[(60, 1, None), (60, 2, None), (60, 1, None)], &[], 0);
        check(&[(60, 25, None), (300, 18, None), (60, 25, None)], &[], 0);
        // At first everything is burst or jam.
        check(&[(1, 100, None), (100, 25, None)], &[], 0);
    }
}
