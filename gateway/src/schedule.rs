//! How much is analysed where there is more to do than the gateway may use of the processor. One figure for all cameras,
//! set once a second: the share of the pictures that are due and are analysed. It falls at once when the gateway uses
//! more than it may, or pictures wait too long for the model, and rises slowly when there is room. Cameras with rules of
//! a higher severity give up less, and a camera's keyframes while nothing moves are always looked at. What is left out
//! is counted for each camera. Pure, but for [`Share`], which is how the cameras' threads see the figure.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// The least share: what is left is a picture every few seconds, not none.
const SHARE_MIN: f32 = 0.08;
/// Pictures that wait longer than this for the model wait too long.
const LATE_US: i64 = 700_000;
/// Below this part of what it may use there is room.
const ROOM: f64 = 0.85;
/// It falls by at most so much a second, and rises by so much.
const FALL_MAX: f32 = 0.6;
const RISE: f32 = 0.04;

/// How much a camera gives up: the exponent on the share. Even among equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Priority {
    /// No rule, or rules of low severity.
    #[default]
    Low,
    /// Rules of medium severity.
    Medium,
    /// Rules of high or urgent severity.
    High,
}

impl Priority {
    fn exponent(self) -> f32 {
        match self {
            Priority::Low => 1.0,
            Priority::Medium => 0.8,
            Priority::High => 0.5,
        }
    }

    /// The highest that a camera's rule tables ask for; a rule that names no severity has its kind's.
    pub fn of(rules: &[toml::Table]) -> Priority {
        let kinds = yiwang_inference::rules::descriptors();
        let one = |rule: &toml::Table| {
            let word = |key: &str| rule.get(key).and_then(toml::Value::as_str);
            let usual = || {
                let kind = kinds.iter().find(|kind| Some(kind.kind) == word("kind"))?;
                Some(format!("{:?}", kind.severity).to_lowercase())
            };
            match word("severity").map(str::to_owned).or_else(usual).as_deref() {
                Some("high" | "urgent") => Priority::High,
                Some("medium") => Priority::Medium,
                _ => Priority::Low,
            }
        };
        rules.iter().map(one).max().unwrap_or_default()
    }
}

/// The figure and how it is found.
#[derive(Debug, Clone)]
pub struct Budget {
    cores_max: f64,
    share: f32,
}

impl Budget {
    /// So many cores may be used.
    pub fn new(cores_max: f64) -> Self {
        Self { cores_max, share: 1.0 }
    }

    /// So many cores may be used from now on.
    pub fn set_cores_max(&mut self, cores_max: f64) {
        self.cores_max = cores_max;
    }

    /// Takes in what was used since the last time, and the longest that a picture waited. Gives the share from now on.
    pub fn observe(&mut self, cores_used: f64, waited_us: i64) -> f32 {
        let over = cores_used / self.cores_max;
        if over > 1.0 || waited_us > LATE_US {
            self.share *= (1.0 / over.max(1.1)).max(f64::from(FALL_MAX)) as f32;
        } else if over < ROOM {
            self.share += RISE;
        }
        self.share = self.share.clamp(SHARE_MIN, 1.0);
        self.share
    }
}

/// The figure as all cameras see it.
#[derive(Debug, Clone, Default)]
pub struct Share {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    share_permille: AtomicU32,
    waited_us: AtomicI64,
    cores_used_permille: AtomicU32,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            share_permille: AtomicU32::new(1000),
            waited_us: AtomicI64::new(0),
            cores_used_permille: AtomicU32::new(0),
        }
    }
}

impl Share {
    /// The share of what is due that is analysed, 0–1.
    pub fn get(&self) -> f32 {
        self.inner.share_permille.load(Ordering::Relaxed) as f32 / 1000.0
    }

    /// Cores used in the last second.
    pub fn cores_used(&self) -> f32 {
        self.inner.cores_used_permille.load(Ordering::Relaxed) as f32 / 1000.0
    }

    /// A picture came so late to the model.
    pub fn waited(&self, us: i64) {
        self.inner.waited_us.fetch_max(us, Ordering::Relaxed);
    }

    /// Once a second: what was used goes in, the new share comes out for everybody.
    pub fn tick(&self, budget: &mut Budget, cores_used: f64) {
        let waited_us = self.inner.waited_us.swap(0, Ordering::Relaxed);
        let share = budget.observe(cores_used, waited_us);
        self.inner.share_permille.store((share * 1000.0).round() as u32, Ordering::Relaxed);
        self.inner.cores_used_permille.store((cores_used.clamp(0.0, 1e6) * 1000.0) as u32, Ordering::Relaxed);
    }
}

/// One camera's turn: leaves out evenly.
#[derive(Debug)]
pub struct Turn {
    share: Share,
    priority: Priority,
    credit: f32,
}

impl Turn {
    /// A camera's.
    pub fn new(share: Share, priority: Priority) -> Self {
        Self { share, priority, credit: 1.0 }
    }

    /// The camera's rules have changed.
    pub fn set_priority(&mut self, priority: Priority) {
        self.priority = priority;
    }

    /// Whether a picture that is due is analysed.
    pub fn admits(&mut self) -> bool {
        self.credit += self.share.get().powf(self.priority.exponent());
        let admits = self.credit >= 1.0;
        if admits {
            self.credit = (self.credit - 1.0).min(1.0);
        }
        admits
    }

    /// A picture came so late to the model.
    pub fn waited(&self, us: i64) {
        self.share.waited(us);
    }
}

/// CPU seconds of this process so far, as Linux counts them (hundredths of a second, on every machine).
pub fn cpu_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name stands in brackets and may hold spaces; user and system time are the 12th and 13th behind it.
    let times = stat.rsplit(')').next()?.split(' ').skip(12).take(2).map(|ticks| ticks.parse::<f64>().ok());
    times.sum::<Option<f64>>().map(|ticks| ticks / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cameras at 5 fps that cost so much a picture; gives the pictures that each has analysed in the last minute.
    fn run(cores_max: f64, cost_s: f64, priorities: &[Priority]) -> (Vec<u32>, f64) {
        let (share, mut budget) = (Share::default(), Budget::new(cores_max));
        let mut turns: Vec<Turn> = priorities.iter().map(|priority| Turn::new(share.clone(), *priority)).collect();
        let (mut analysed, mut most) = (vec![0; turns.len()], 0.0_f64);
        for second in 0..300 {
            let mut used = 0.0;
            for (turn, analysed) in turns.iter_mut().zip(&mut analysed) {
                let count = (0..5).filter(|_| turn.admits()).count() as u32;
                used += f64::from(count) * cost_s;
                *analysed += if second >= 240 { count } else { 0 };
            }
            most = if second >= 240 { most.max(used) } else { most };
            share.tick(&mut budget, used);
        }
        (analysed, most)
    }

    #[test]
    fn with_room_everything_is_analysed() {
        assert_eq!(run(1.0, 0.01, &[Priority::Low; 8]).0, [300; 8]);
    }

    #[test]
    fn overload_is_shared_evenly_and_by_priority_and_the_budget_holds() {
        let (analysed, most) = run(1.0, 0.02, &[Priority::Low; 30]);
        let (least, largest) = (analysed.iter().min().unwrap(), analysed.iter().max().unwrap());
        assert!(*least > 60 && largest - least <= 3, "{analysed:?}");
        assert!(most < 1.6, "{most} cores of 1");
        let mixed: Vec<Priority> = (0..30).map(|n| [Priority::Low, Priority::Medium, Priority::High][n % 3]).collect();
        let (analysed, _) = run(1.0, 0.02, &mixed);
        assert!(analysed[0] < analysed[1] && analysed[1] < analysed[2], "{analysed:?}");
        assert!(run(0.01, 1.0, &[Priority::Low; 3]).0.iter().all(|count| *count > 10), "never nothing");
    }

    #[test]
    fn a_slow_model_counts_as_overload_and_what_is_over_is_forgotten() {
        let (share, mut budget) = (Share::default(), Budget::new(4.0));
        for _ in 0..5 {
            share.waited(2_000_000);
            share.tick(&mut budget, 0.5);
        }
        assert!(share.get() < 0.7);
        for _ in 0..30 {
            share.tick(&mut budget, 0.5);
        }
        assert!((share.get() - 1.0).abs() < 1e-6);
        assert!(cpu_s().is_some());
    }

    #[test]
    fn a_camera_has_the_priority_of_its_most_severe_rule() {
        let rules = |text: &[&str]| text.iter().map(|text| text.parse().unwrap()).collect::<Vec<toml::Table>>();
        assert_eq!(Priority::of(&[]), Priority::Low);
        assert_eq!(Priority::of(&rules(&["kind='loiter'", "kind='loiter'\nseverity='urgent'"])), Priority::High);
        assert_eq!(Priority::of(&rules(&["kind='loiter'"])), Priority::Medium);
    }
}
