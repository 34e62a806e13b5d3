//! `tests/bench events`: what of the truth comes out of a gateway's own pipeline, kind by kind: coded clips of cities that
//! nobody has seen (their seeds come from the commit's hash), by day, in rain, at dusk and at night, through
//! `yiwang-gateway analyze`, decoded as a gateway does it and whole. A last city has cameras that fail in every way that
//! a picture shows. It names the three cameras on which it does worst.

use std::process::Command;

use yiwang_city::score::{self, Count, Terms, Truth};
use yiwang_city::truth;

use super::Report;
use super::model::{commit, seed};
use crate::link::LinkError;
use crate::process::binary;

/// How much is watched.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Cities; each has the next light and weather.
    pub cities: usize,
    /// Seconds of each.
    pub seconds: u64,
}

/// A light and weather: the key's end, what it is called, options of `yiwang-city render`.
type Scene = (&'static str, &'static str, [&'static str; 6]);
const SCENES: [Scene; 4] = [
    ("day", "by day", ["--hour", "10", "--cloud", "0.2", "--rain", "0"]),
    ("rain", "in rain", ["--hour", "15", "--cloud", "1", "--rain", "0.6"]),
    ("dusk", "at dusk", ["--hour", "18.6", "--cloud", "0.4", "--rain", "0"]),
    ("night", "at night", ["--hour", "22", "--cloud", "0.2", "--rain", "0"]),
];
/// Faults that a picture shows, each at a camera of its own; those of streams and clocks are in `deploy/demo --check`.
const FAULTS: [(&str, &str); 8] = [
    ("pol-square", "covered"),
    ("pol-school", "sprayed"),
    ("pol-bus-stop", "blurred"),
    ("trf-crossing", "moved"),
    ("trf-east", "frozen"),
    ("trf-side", "dark"),
    ("cty-square", "glare"),
    ("cty-site", "noise"),
];
/// When they begin and end, seconds, and how long their city lasts.
const FAULT_S: (u64, u64, u64) = (60, 100, 130);
/// Of which cameras the table tells that they are the worst.
const WORST: usize = 3;

/// Runs it.
pub fn run(report: &mut Report, size: Size) -> Result<(), LinkError> {
    let hash = commit()?;
    let (mut all, mut whole) = (score::Report::default(), score::Report::default());
    let mut worst: Vec<(usize, String)> = Vec::new();
    for number in 0..size.cities {
        let (key, what, light) = &SCENES[number % SCENES.len()];
        let seed = seed(&hash, number);
        eprintln!("  seed {seed}, {what}: painting {} s", size.seconds);
        let city = City::new(seed, size.seconds, light, &[])?;
        let (own, full) = (city.judged("auto")?, city.judged("always")?);
        own.remarks.iter().filter(|remark| remark.contains(" begin ")).for_each(|remark| eprintln!("    {remark}"));
        for camera in city.truth.cameras() {
            let name = format!("{camera}, seed {seed}, {what}");
            let at = own.begins_at(camera);
            worst.push((at.missing + at.wrong + at.doubles, format!("{name}: {}", told(&at))));
        }
        let begins = own.begins();
        report.add(
            &format!("event_f1_{key}_{number}"),
            &format!("F1 {what}, seed {seed}"),
            begins.f1(),
            "",
            &told(&begins),
        );
        all.join(&own);
        whole.join(&full);
    }
    eprintln!("{}", all.table());
    tell(report, &all, &whole);
    worst.sort_by_key(|(errors, _)| std::cmp::Reverse(*errors));
    worst.iter().take(WORST).for_each(|(_, line)| eprintln!("worst: {line}"));
    faults(report, seed(&hash, size.cities))
}

/// Rendered clips of a city.
struct City {
    folder: tempfile::TempDir,
    truth: Truth,
    clips: Vec<(String, String)>,
}

impl City {
    fn new(seed: u64, seconds: u64, light: &[&str], more: &[String]) -> Result<City, LinkError> {
        let folder = tempfile::tempdir()?;
        let minutes = format!("{:.4}", seconds as f64 / 60.0);
        let mut render = Command::new(binary("yiwang-city"));
        render.args(["render", "--seed", &seed.to_string(), "--minutes", &minutes]).args(light).args(more);
        done(render.arg("--out").arg(folder.path()))?;
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(folder.path().join("truth"))? {
            let path = entry?.path();
            lines.append(&mut truth::read(&path.display().to_string(), &std::fs::read_to_string(&path)?)?);
        }
        let config: toml::Table = std::fs::read_to_string(folder.path().join("gateway.toml"))?.parse()?;
        let cameras = config["camera"].as_array().map_or(&[][..], Vec::as_slice);
        let text = |camera: &toml::Value, key: &str| camera[key].as_str().unwrap_or_default().to_owned();
        let clips = cameras.iter().map(|camera| (text(camera, "id"), text(camera, "url").replacen("file://", "", 1)));
        Ok(City { clips: clips.collect(), truth: Truth::new(lines), folder })
    }

    /// What the gateway tells of the clips, against the truth.
    fn judged(&self, decode: &str) -> Result<score::Report, LinkError> {
        let mut events = Vec::new();
        for (camera, clip) in &self.clips {
            let mut analyze = Command::new(binary("yiwang-gateway"));
            analyze.args(["analyze", "--format", "jsonl", "--decode", decode, "--camera", camera, "--input", clip]);
            let text = done(analyze.arg("--config").arg(self.folder.path().join("gateway.toml")))?;
            events.append(&mut score::read(camera, &text, Some(camera))?);
        }
        Ok(score::judge(&self.truth, &events, &Terms::default()))
    }
}

/// What a command prints, or what it complains of.
fn done(command: &mut Command) -> Result<String, LinkError> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{:?}: {}", command.get_program(), String::from_utf8_lossy(&output.stderr)).into())
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
    if let (Some(half_us), Some(most_us)) = (begins.error_us(0.5), begins.error_us(0.95)) {
        let beside = format!("95 %: {:.2} s", most_us as f64 / 1e6);
        report.add("onset_error_s_p50", "time of a begin off the truth, median", half_us as f64 / 1e6, "s", &beside);
    }
    let (rate, upper) = all.false_per_hour();
    report.add("false_alarms_per_camera_day", "begins that are not true", rate * 24.0, "a day", "of one camera");
    report.add("false_alarms_upper_95", "the same, 95 % upper bound", upper * 24.0, "a day", "goal: 1");
    report.add("camera_hours", "watched", all.camera_hours(), "h", "hours of one camera");
}

/// A camera for each fault.
fn faults(report: &mut Report, seed: u64) -> Result<(), LinkError> {
    let (from_s, to_s, seconds) = FAULT_S;
    eprintln!("  seed {seed}, cameras with faults: painting {seconds} s");
    let of = |(camera, fault): &(&str, &str)| ["--fault".to_owned(), format!("{camera}:{fault}:{from_s}:{to_s}")];
    let more: Vec<String> = FAULTS.iter().flat_map(of).collect();
    let judged = City::new(seed, seconds, &SCENES[0].2, &more)?.judged("auto")?;
    let within = judged.faults_told_within(10_000_000);
    let of_all = judged.faults_told().1;
    report.add("faults_told_in_10_s", "faults told as such within 10 s", within as f64, "", &format!("of {of_all}"));
    report.add("false_health", "health events without a fault", judged.false_health as f64, "", "the same clips");
    for fault in judged.faults() {
        let key = format!("fault_{:?}_s", fault.kind).to_lowercase();
        match fault.delay_us {
            Some(us) => report.add(&key, &format!("{:?}: told after", fault.kind), us as f64 / 1e6, "s", ""),
            None => eprintln!("not told as such: {:?}; told as {:?}", fault.kind, fault.told_as),
        }
    }
    Ok(())
}
