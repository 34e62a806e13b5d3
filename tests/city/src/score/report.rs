//! What came out of a judgement, as figures, as a table for people and as one flat object for machines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::upper_bound;
use crate::camera::FaultKind;
use crate::truth::{COUNT, Counted};

/// In so much time a fault is to be found.
const FOUND_US: i64 = 10_000_000;

/// Counts of one kind and phase at one camera, or of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// Required and told.
    pub found: usize,
    /// Required and not told.
    pub missing: usize,
    /// Told again though it was told.
    pub doubles: usize,
    /// Told and not true.
    pub wrong: usize,
    /// Told time less true time of what was found.
    pub errors_us: Vec<i64>,
}

/// The outcome.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Told of cameras or rules that the truth does not have.
    pub unknown: usize,
    /// Came again with an id that was there.
    pub repeated: usize,
    /// Health events where there was no fault.
    pub false_health: usize,
    /// What is missing, wrong or double, a line each.
    pub remarks: Vec<String>,
    counts: BTreeMap<(String, String, String), Count>,
    watched_us: BTreeMap<String, i64>,
    faults: Vec<ToldFault>,
    /// Objects that were counted wrongly, and all that were to be counted.
    counted: (u32, u32),
}

/// A fault of a camera and what was told in its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldFault {
    /// What was wrong.
    pub kind: FaultKind,
    /// Kinds of health events without `camera.`.
    pub told_as: BTreeSet<String>,
    /// From its beginning to the first event that told it as what it was; none where there was none.
    pub delay_us: Option<i64>,
}

impl Count {
    fn add(&mut self, other: &Count) {
        self.found += other.found;
        self.missing += other.missing;
        self.doubles += other.doubles;
        self.wrong += other.wrong;
        self.errors_us.extend(&other.errors_us);
    }

    /// Part of what is told that is true; 1 where nothing was told.
    pub fn precision(&self) -> f64 {
        share(self.found, self.found + self.doubles + self.wrong)
    }

    /// Part of what is true that is told; 1 where nothing was required.
    pub fn recall(&self) -> f64 {
        share(self.found, self.found + self.missing)
    }

    /// Harmonic mean of precision and recall; 1 where nothing was required and nothing told.
    pub fn f1(&self) -> f64 {
        share(2 * self.found, 2 * self.found + self.missing + self.doubles + self.wrong)
    }

    /// The absolute time error that a part of what was found does not exceed; none where nothing was found.
    pub fn error_us(&self, part: f64) -> Option<i64> {
        let mut errors: Vec<i64> = self.errors_us.iter().map(|error| error.abs()).collect();
        errors.sort_unstable();
        let place = (part * errors.len() as f64).ceil() as usize;
        errors.get(place.saturating_sub(1)).copied()
    }
}

impl Report {
    /// Adds another judgement's figures; cameras of one name become one.
    pub fn join(&mut self, other: &Report) {
        self.unknown += other.unknown;
        self.repeated += other.repeated;
        self.false_health += other.false_health;
        self.remarks.extend_from_slice(&other.remarks);
        self.faults.extend_from_slice(&other.faults);
        self.counted = (self.counted.0 + other.counted.0, self.counted.1 + other.counted.1);
        for (key, count) in &other.counts {
            self.counts.entry(key.clone()).or_default().add(count);
        }
        for (camera, us) in &other.watched_us {
            self.watched(camera, *us);
        }
    }

    /// The count of a kind and phase at a camera, to add to.
    pub(super) fn count(&mut self, kind: &str, phase: &str, camera: &str) -> &mut Count {
        self.counts.entry((kind.to_owned(), phase.to_owned(), camera.to_owned())).or_default()
    }

    pub(super) fn watched(&mut self, camera: &str, us: i64) {
        *self.watched_us.entry(camera.to_owned()).or_default() += us;
    }

    pub(super) fn fault(&mut self, kind: FaultKind, told_as: BTreeSet<String>, delay_us: Option<i64>) {
        self.faults.push(ToldFault { kind, told_as, delay_us });
    }

    pub(super) fn counted(&mut self, told: [u32; 2], truth: &Counted) {
        for (told, [least, most]) in told.into_iter().zip([truth.a_to_b, truth.b_to_a]) {
            self.counted.0 += least.saturating_sub(told) + told.saturating_sub(most);
            self.counted.1 += least;
        }
    }

    /// Part of the objects that go over counted lines that is neither left out nor counted too often; none where there
    /// were none.
    pub fn count_accuracy(&self) -> Option<f64> {
        let (wrong, all) = self.counted;
        (all > 0).then(|| 1.0 - f64::from(wrong) / f64::from(all))
    }

    fn sum(&self, of: impl Fn(&str, &str, &str) -> bool) -> Count {
        let mut sum = Count::default();
        for ((kind, phase, camera), count) in &self.counts {
            if of(kind, phase, camera) {
                sum.add(count);
            }
        }
        sum
    }

    /// All that begins, crossings with it: what people are told of.
    pub fn begins(&self) -> Count {
        self.sum(|_, phase, _| phase == "begin")
    }

    /// Of these, what begins at one camera.
    pub fn begins_at(&self, camera: &str) -> Count {
        self.sum(|_, phase, of| phase == "begin" && of == camera)
    }

    /// And of one kind.
    pub fn begins_of(&self, kind: &str) -> Count {
        self.sum(|of, phase, _| phase == "begin" && of == kind)
    }

    /// All that ends.
    pub fn ends(&self) -> Count {
        self.sum(|_, phase, _| phase == "end")
    }

    /// The F1 of what begins.
    pub fn f1(&self) -> f64 {
        self.begins().f1()
    }

    /// Hours in which cameras were watched and saw well.
    pub fn camera_hours(&self) -> f64 {
        self.watched_us.values().sum::<i64>() as f64 / 3.6e9
    }

    /// Begins that are not true. A count that is not right is none: it comes by the clock and calls nobody.
    pub fn false_alarms(&self) -> usize {
        self.sum(|kind, phase, _| phase == "begin" && kind != COUNT).wrong
    }

    /// False alarms an hour of a camera, and the 95 % upper bound of that rate.
    pub fn false_per_hour(&self) -> (f64, f64) {
        let (wrong, hours) = (self.false_alarms(), self.camera_hours().max(1e-9));
        (wrong as f64 / hours, upper_bound(wrong) / hours)
    }

    /// Faults that were told as what they were, and all.
    pub fn faults_told(&self) -> (usize, usize) {
        (self.faults.iter().filter(|fault| fault.delay_us.is_some()).count(), self.faults.len())
    }

    /// Faults that were told as what they were before so much of their time was over.
    pub fn faults_told_within(&self, us: i64) -> usize {
        self.faults.iter().filter(|fault| fault.delay_us.is_some_and(|delay_us| delay_us <= us)).count()
    }

    /// Each fault and what was told of it.
    pub fn faults(&self) -> impl Iterator<Item = &ToldFault> {
        self.faults.iter()
    }

    /// Cameras of which something was required and that told nothing at all. Who told something at another time is not
    /// silent but wrong, and counts as such.
    pub fn silent(&self) -> Vec<String> {
        let silent = |camera: &&String| {
            let count = self.sum(|_, _, of| of == *camera);
            count.missing > 0 && count.found + count.doubles + count.wrong == 0
        };
        self.watched_us.keys().filter(silent).cloned().collect()
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<22} {:>6} {:>7} {:>6} {:>6} {:>9} {:>7} {:>6} {:>8} {:>8}\n",
            "begins", "found", "missing", "double", "wrong", "precision", "recall", "F1", "p50 ms", "p95 ms"
        );
        let mut row = |name: &str, count: &Count| {
            let ms = |part| count.error_us(part).map_or("-".to_owned(), |us| (us / 1000).to_string());
            let _ = writeln!(
                text,
                "{name:<22} {:>6} {:>7} {:>6} {:>6} {:>9.3} {:>7.3} {:>6.3} {:>8} {:>8}",
                count.found,
                count.missing,
                count.doubles,
                count.wrong,
                count.precision(),
                count.recall(),
                count.f1(),
                ms(0.5),
                ms(0.95)
            );
        };
        for kind in self.kinds() {
            row(kind, &self.begins_of(kind));
        }
        for camera in self.watched_us.keys() {
            row(&format!("@ {camera}"), &self.begins_at(camera));
        }
        row("all begins", &self.begins());
        row("all ends", &self.ends());
        let (rate, bound) = self.false_per_hour();
        let _ = writeln!(
            text,
            "{:.2} camera hours watched; {} begins not true: {rate:.2} an hour of a camera, below {bound:.2} with 95 % confidence",
            self.camera_hours(),
            self.false_alarms()
        );
        let (told, all) = self.faults_told();
        let _ = writeln!(
            text,
            "{told} of {all} faults told, {} within 10 s, {} health events without a fault",
            self.faults_told_within(FOUND_US),
            self.false_health
        );
        for fault in self.faults.iter().filter(|fault| fault.delay_us.is_none()) {
            let instead: Vec<&str> = fault.told_as.iter().map(String::as_str).collect();
            let instead = if instead.is_empty() { String::new() } else { format!(", but as {}", instead.join(", ")) };
            let _ = writeln!(text, "  not told: {:?}{instead}", fault.kind);
        }
        if self.unknown + self.repeated > 0 {
            let _ = writeln!(text, "{} of unknown cameras or rules, {} repeated", self.unknown, self.repeated);
        }
        text
    }

    /// For machines: flat, rates as parts of one, times in milliseconds.
    pub fn json(&self) -> Value {
        let (begins, ends) = (self.begins(), self.ends());
        let (rate, bound) = self.false_per_hour();
        let (faults_told, faults) = self.faults_told();
        let ms = |part| begins.error_us(part).map(|us| us as f64 / 1e3);
        let told = begins.found + begins.doubles + begins.wrong;
        let mut object = Map::new();
        let figures = json!({
            "event_f1": begins.f1(),
            "event_precision": begins.precision(),
            "event_recall": begins.recall(),
            "event_end_f1": ends.f1(),
            "found": begins.found,
            "missing": begins.missing,
            "wrong": begins.wrong,
            "duplicates": begins.doubles,
            "duplicate_rate": if told == 0 { 0.0 } else { begins.doubles as f64 / told as f64 },
            "time_error_p50_ms": ms(0.5),
            "time_error_p95_ms": ms(0.95),
            "camera_hours": self.camera_hours(),
            "false_per_camera_hour": rate,
            "false_per_camera_hour_upper95": bound,
            "faults": faults,
            "faults_told": faults_told,
            "faults_told_in_10_s": self.faults_told_within(FOUND_US),
            "false_health": self.false_health,
            "silent_cameras": self.silent().len(),
            "count_accuracy": self.count_accuracy(),
        });
        object.extend(figures.as_object().cloned().unwrap_or_default());
        for kind in self.kinds() {
            let count = self.begins_of(kind);
            object.insert(format!("{kind}_f1"), json!(count.f1()));
            object.insert(format!("{kind}_precision"), json!(count.precision()));
            object.insert(format!("{kind}_recall"), json!(count.recall()));
            object.insert(format!("{kind}_required"), json!(count.found + count.missing));
        }
        Value::Object(object)
    }

    /// Kinds of which something was required or told.
    pub fn kinds(&self) -> BTreeSet<&str> {
        self.counts.keys().map(|(kind, ..)| kind.as_str()).collect()
    }
}

fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 1.0 } else { part as f64 / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        *report.count("intrusion", "begin", "gate") = Count {
            found: 8,
            missing: 2,
            doubles: 1,
            wrong: 1,
            errors_us: vec![-100, 200, 300, -400, 500, 600, 700, 9000],
        };
        *report.count("intrusion", "end", "gate") = Count { found: 1, ..Count::default() };
        report.count("crowd", "begin", "square").missing = 1;
        report.watched("gate", 3_600_000_000);
        report.watched("square", 1_800_000_000);
        report.fault(FaultKind::Covered, BTreeSet::from(["covered".to_owned()]), Some(12_000_000));
        report.fault(FaultKind::Dark, BTreeSet::from(["covered".to_owned()]), None);
        report
    }

    #[test]
    fn the_figures_follow_their_definitions() {
        let report = report();
        let begins = report.begins();
        assert!((begins.precision() - 0.8).abs() < 1e-9);
        assert!((begins.recall() - 8.0 / 11.0).abs() < 1e-9);
        assert!((begins.f1() - 16.0 / 21.0).abs() < 1e-9);
        assert_eq!((begins.error_us(0.5), begins.error_us(0.95)), (Some(400), Some(9000)));
        assert_eq!(report.silent(), ["square"]);
        let (rate, bound) = report.false_per_hour();
        assert!((rate - 1.0 / 1.5).abs() < 1e-9 && (bound - 4.7439 / 1.5).abs() < 1e-3, "{bound}");
        assert_eq!(Report::default().f1(), 1.0);
    }

    #[test]
    fn the_object_is_flat_and_the_table_names_kinds_and_cameras() {
        let report = report();
        let object = report.json();
        assert!(object.as_object().unwrap().values().all(|value| value.is_number() || value.is_null()));
        assert_eq!((object["faults_told"].as_u64(), object["intrusion_required"].as_u64()), (Some(1), Some(10)));
        let table = report.table();
        for part in [
            "intrusion",
            "@ gate",
            "all begins",
            "1.50 camera hours",
            "1 of 2 faults told, 0 within 10 s",
            "not told: Dark, but as covered",
        ] {
            assert!(table.contains(part), "{part}\n{table}");
        }
    }
}
