//! `tests/bench events`: what of the truth comes out of a gateway's own pipeline, kind by kind: coded clips of cities that
//! nobody has seen (their seeds come from the commit's hash), by day, in rain, at dusk and at night, through
//! `yiwang-gateway analyze`, decoded as a gateway does it and whole ([`footage`]). Cameras that fail in every way that a
//! picture shows, in each light, and streams that fail ([`faults`]). At last hours in which nothing happens that a rule
//! is about ([`quiet`]). It names the three cameras on which it does worst.

mod faults;
mod footage;
mod quiet;

use std::path::PathBuf;

use yiwang_city::score::{self, Count};

use self::footage::{City, Wanted};
use super::Report;
use super::model::{commit, seed};
use crate::link::LinkError;

/// How much is watched.
#[derive(Debug, Clone)]
pub struct Size {
    /// Cities; each has the next light and weather.
    pub cities: usize,
    /// Seconds of each.
    pub seconds: u64,
    /// Lights and weathers in which cameras fail.
    pub faults: usize,
    /// Whether streams fail too; takes its time by the clock.
    pub streams: bool,
    /// For how long quiet hours are watched, by the clock.
    pub quiet_s: u64,
    /// The first city's seed, for tuning; from the commit's hash where there is none.
    pub seed: Option<u64>,
    /// Where clips stay, to be taken again by the next run.
    pub clips: Option<PathBuf>,
}

/// A light and weather.
#[derive(Debug, Clone, Copy)]
struct Scene {
    /// The key's end.
    key: &'static str,
    what: &'static str,
    hour: f32,
    cloud: f32,
    rain: f32,
}

const SCENES: [Scene; 4] = [
    Scene { key: "day", what: "by day", hour: 10.0, cloud: 0.2, rain: 0.0 },
    Scene { key: "rain", what: "in rain", hour: 15.0, cloud: 1.0, rain: 0.6 },
    Scene { key: "dusk", what: "at dusk", hour: 18.6, cloud: 0.4, rain: 0.0 },
    Scene { key: "night", what: "at night", hour: 22.0, cloud: 0.2, rain: 0.0 },
];
/// Of which cameras the table tells that they are the worst.
const WORST: usize = 3;

/// Where the seeds come from.
struct Seeds(Option<u64>, String);

impl Seeds {
    fn get(&self, number: usize) -> u64 {
        self.0.map_or_else(|| seed(&self.1, number), |first| first + number as u64)
    }
}

/// Runs it.
pub fn run(report: &mut Report, size: &Size) -> Result<(), LinkError> {
    let seeds = Seeds(size.seed, commit()?);
    let (mut all, mut whole) = (score::Report::default(), score::Report::default());
    let mut worst: Vec<(usize, String)> = Vec::new();
    for number in 0..size.cities {
        let scene = &SCENES[number % SCENES.len()];
        let (seed, what) = (seeds.get(number), scene.what);
        eprintln!("  seed {seed}, {what}: painting {} s", size.seconds);
        let wanted = Wanted { seed, seconds: size.seconds, scene: *scene, cameras: &[], faults: &[] };
        let city = City::painted(&wanted, size.clips.as_deref())?;
        let (own, full) = (city.judged("auto")?, city.judged("always")?);
        own.remarks.iter().filter(|remark| remark.contains(" begin ")).for_each(|remark| eprintln!("    {remark}"));
        for camera in city.cameras() {
            let name = format!("{camera}, seed {seed}, {what}");
            let at = own.begins_at(camera);
            worst.push((at.missing + at.wrong + at.doubles, format!("{name}: {}", told(&at))));
        }
        let (begins, key) = (own.begins(), scene.key);
        let name = format!("F1 {what}, seed {seed}");
        report.add(&format!("event_f1_{key}_{number}"), &name, begins.f1(), "", &told(&begins));
        all.join(&own);
        whole.join(&full);
    }
    if size.cities > 0 {
        eprintln!("{}", all.table());
        tell(report, &all, &whole);
    }
    worst.sort_by_key(|(errors, _)| std::cmp::Reverse(*errors));
    worst.iter().take(WORST).for_each(|(_, line)| eprintln!("worst: {line}"));
    faults::pictures(report, size, |number| seeds.get(size.cities + number))?;
    if size.streams {
        faults::streams(report, seeds.get(size.cities + size.faults))?;
    }
    let mut watched = all.clone();
    if size.quiet_s > 0 {
        watched.join(&quiet::watch(seeds.get(size.cities + size.faults + 1), size.quiet_s)?);
    }
    if size.cities > 0 || size.quiet_s > 0 {
        false_alarms(report, &watched);
    }
    Ok(())
}

fn told(count: &Count) -> String {
    let Count { found, missing, wrong, doubles, .. } = count;
    format!("{found} found, {missing} missing, {wrong} wrong, {doubles} double")
}

fn tell(report: &mut Report, all: &score::Report, whole: &score::Report) {
    let begins = all.begins();
    report.add("event_f1", "F1 of what begins, decoded as a gateway does", begins.f1(), "", &told(&begins));
    let full = whole.begins();
    report.add("full_event_f1", "the same clips decoded whole", full.f1(), "", &told(&full));
    for kind in all.kinds() {
        let count = all.begins_of(kind);
        report.add(&format!("event_f1.{kind}"), &format!("F1 of {kind}"), count.f1(), "", &told(&count));
    }
    let ends = all.ends();
    report.add("event_end_f1", "F1 of what ends", ends.f1(), "", &told(&ends));
    if let Some(accuracy) = all.count_accuracy() {
        report.add("count_accuracy", "objects over counted lines, told rightly", accuracy, "", "goal: 0.95");
    }
    if let (Some(half_us), Some(most_us)) = (begins.error_us(0.5), begins.error_us(0.95)) {
        let beside = format!("95 %: {:.2} s", most_us as f64 / 1e6);
        report.add("onset_error_s_p50", "time of a begin off the truth, median", half_us as f64 / 1e6, "s", &beside);
    }
}

/// Of all that was watched: the cities and the quiet hours.
fn false_alarms(report: &mut Report, watched: &score::Report) {
    let (rate, upper) = watched.false_per_hour();
    let beside = format!("of one camera; {} in all", watched.false_alarms());
    report.add("false_alarms_per_camera_day", "false alarms", rate * 24.0, "a day", &beside);
    report.add("false_alarms_upper_95", "the same, 95 % upper bound", upper * 24.0, "a day", "goal: 1");
    report.add("camera_hours", "watched", watched.camera_hours(), "h", "hours of one camera; 72 without one say 1");
}
