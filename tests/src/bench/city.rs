//! `tests/bench city`: what the simulated city costs. Six of the demo's cameras, the busy crossing among them, are
//! rendered and coded to files by `yiwang-city render`, which leaves no picture out however slow the machine is. Time is
//! the processor's, of all threads, without what it takes until the first pictures are there: a short run is taken off.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::Report;
use crate::link::LinkError;
use crate::process::{binary, children_cpu_s};

/// 640×360, 12.5 pictures a second each.
const CAMERAS: [&str; 6] = ["pol-square", "pol-school", "pol-crossing", "trf-crossing", "trf-side", "cty-square"];
const PICTURES_PER_S: f64 = 12.5;
/// The run that is taken off.
const SHORT_S: u64 = 2;
/// Most of a core that six cameras may take.
const GOAL: f64 = 0.7;

/// Light and weather: the key's end, and options of `yiwang-city render`.
const SCENES: [(&str, &str, &[&str]); 3] = [
    ("", "by day", &["--hour", "10"]),
    ("_rain", "in rain", &["--hour", "15", "--cloud", "1", "--rain", "0.6"]),
    ("_night", "at night", &["--hour", "22"]),
];

/// Renders `seconds` of each light and weather.
pub fn run(report: &mut Report, seconds: u64) -> Result<(), LinkError> {
    for (end, what, options) in SCENES {
        let (short_cpu_s, short_s) = render(options, SHORT_S)?;
        let (cpu_s, wall_s) = render(options, SHORT_S + seconds)?;
        let shown_s = seconds as f64;
        let pictures = CAMERAS.len() as f64 * PICTURES_PER_S * shown_s;
        report.add(
            &format!("render_share_of_core_6_cameras{end}"),
            &format!("six cameras {what}: CPU seconds a second"),
            (cpu_s - short_cpu_s) / shown_s,
            "cores",
            &format!("at most {GOAL}; {:.2} ms a picture", 1000.0 * (cpu_s - short_cpu_s) / pictures),
        );
        report.add(
            &format!("frames_per_s_offline{end}"),
            &format!("pictures a second, offline, {what}"),
            pictures / (wall_s - short_s).max(1e-3),
            "1/s",
            &format!("live needs {:.0}; time of the clock, with whatever else the machine does", pictures / shown_s),
        );
    }
    Ok(())
}

/// Seconds of the processor and of the clock that so long a render takes.
fn render(options: &[&str], seconds: u64) -> Result<(f64, f64), LinkError> {
    let directory = tempfile::tempdir()?;
    let (before_s, begun) = (children_cpu_s(), Instant::now());
    let status = command(options, seconds, directory.path()).status()?;
    if !status.success() {
        return Err(format!("yiwang-city render: {status}").into());
    }
    Ok((children_cpu_s() - before_s, begun.elapsed().as_secs_f64()))
}

fn command(options: &[&str], seconds: u64, folder: &Path) -> Command {
    let mut command = Command::new(binary("yiwang-city"));
    command.args(["render", "--cameras", &CAMERAS.join(","), "--minutes", &format!("{}", seconds as f64 / 60.0)]);
    command.args(options).arg("--out").arg(folder).stderr(Stdio::null());
    command
}
