//! What really happens in the clips, when it was shown, and how events found are held against it: one-to-one and
//! maximal within the tolerance, as `score.py` beside the clips does it. Optional events are don't-care.

use std::path::{Path, PathBuf};

use serde::Deserialize;
pub use yiwang_city::rtsp::Loop;

/// A truth file.
#[derive(Debug, Clone, Deserialize)]
pub struct Truth {
    /// The clip's file name.
    pub clip: String,
    /// Its length.
    pub duration_s: f64,
    /// How far an event may be off.
    pub tolerance_s: f64,
    /// The rules that it speaks of.
    pub rules: Vec<TruthRule>,
    /// Everything that happens.
    pub events: Vec<TruthEvent>,
}

/// One rule of a truth file.
#[derive(Debug, Clone, Deserialize)]
pub struct TruthRule {
    /// Its id.
    pub name: String,
}

/// One true event.
#[derive(Debug, Clone, Deserialize)]
pub struct TruthEvent {
    /// The rule.
    pub rule: String,
    /// When, in media time.
    pub t_s: f64,
    /// `enter`, `exit`, `loiter`, `a_to_b`, `b_to_a`.
    pub direction: String,
    /// Neither its absence nor its presence counts.
    #[serde(default)]
    pub optional: bool,
}

/// Something that happened, or is said to have happened, at a time of day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// The rule.
    pub rule: String,
    /// As in the truth file.
    pub direction: String,
    /// Microseconds since 1970.
    pub at_us: i64,
    /// Of the truth: don't-care.
    pub optional: bool,
}

/// Indices into the lists that were compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// (found, expected).
    pub pairs: Vec<(usize, usize)>,
    /// Expected, not optional and not found.
    pub missing: Vec<usize>,
    /// Found and neither expected nor optional.
    pub unmatched: Vec<usize>,
}

/// Why a truth or a schedule could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// The file.
    #[error("could not read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Its text.
    #[error("could not understand {path}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
}

impl Truth {
    /// Reads a truth file.
    pub fn load(path: &Path) -> Result<Self, TruthError> {
        serde_json::from_str(&read(path)?).map_err(|source| TruthError::Parse { path: path.to_owned(), source })
    }

    /// Length of the clip.
    pub fn duration_us(&self) -> i64 {
        micros(self.duration_s)
    }

    /// How far an event may be off.
    pub fn tolerance_us(&self) -> i64 {
        micros(self.tolerance_s)
    }

    /// True where the truth speaks of `rule`.
    pub fn knows(&self, rule: &str) -> bool {
        self.rules.iter().any(|known| known.name == rule)
    }

    /// What happens in a loop that begins at `start_us`.
    pub fn expected(&self, start_us: i64) -> Vec<Happening> {
        let happening = |event: &TruthEvent| Happening {
            rule: event.rule.clone(),
            direction: event.direction.clone(),
            at_us: start_us + micros(event.t_s),
            optional: event.optional,
        };
        self.events.iter().map(happening).collect()
    }
}

/// Reads the loops that a schedule file names so far; a last line that is still being written is left out.
pub fn load_schedule(path: &Path) -> Result<Vec<Loop>, TruthError> {
    let text = read(path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse =
        |line: &str| serde_json::from_str(line).map_err(|source| TruthError::Parse { path: path.to_owned(), source });
    whole.lines().filter(|line| !line.trim().is_empty()).map(parse).collect()
}

/// How the truth files name what an event says: an intrusion's begin and end are `enter` and `exit`, a loiter's begin
/// is `loiter`, a crossing's begin its direction; everything else is not counted.
pub fn direction_of(kind: &str, phase: &str, direction: Option<&str>) -> Option<String> {
    match (kind, phase) {
        ("intrusion", "begin") => Some("enter".into()),
        ("intrusion", "end") => Some("exit".into()),
        ("loiter", "begin") => Some("loiter".into()),
        ("line_cross", "begin") => direction.map(str::to_owned),
        _ => None,
    }
}

/// Holds `found` against `expected`: first all that must be there, then what is left against the optional.
pub fn compare(found: &[Happening], expected: &[Happening], tolerance_us: i64) -> Outcome {
    let required: Vec<usize> = (0..expected.len()).filter(|index| !expected[*index].optional).collect();
    let optional: Vec<usize> = (0..expected.len()).filter(|index| expected[*index].optional).collect();
    let everything: Vec<usize> = (0..found.len()).collect();
    let mut pairs = pair(found, &everything, expected, &required, tolerance_us);
    let rest: Vec<usize> = everything.into_iter().filter(|one| pairs.iter().all(|(taken, _)| taken != one)).collect();
    let ignored = pair(found, &rest, expected, &optional, tolerance_us);
    let unmatched = rest.into_iter().filter(|one| ignored.iter().all(|(taken, _)| taken != one)).collect();
    let missing = required.into_iter().filter(|one| pairs.iter().all(|(_, taken)| taken != one)).collect();
    pairs.sort_unstable();
    Outcome { pairs, missing, unmatched }
}

/// A maximal one-to-one matching by augmenting paths, nearest first.
fn pair(
    found: &[Happening],
    from: &[usize],
    expected: &[Happening],
    to: &[usize],
    tolerance_us: i64,
) -> Vec<(usize, usize)> {
    let distance = |one: usize, other: usize| (found[one].at_us - expected[other].at_us).abs();
    let fits = |one: usize, other: usize| {
        let (found, expected) = (&found[one], &expected[other]);
        found.rule == expected.rule && found.direction == expected.direction && distance(one, other) <= tolerance_us
    };
    let candidates: Vec<Vec<usize>> = from
        .iter()
        .map(|&one| {
            let mut fitting: Vec<usize> = (0..to.len()).filter(|&index| fits(one, to[index])).collect();
            fitting.sort_by_key(|&index| distance(one, to[index]));
            fitting
        })
        .collect();
    let mut order: Vec<usize> = (0..from.len()).collect();
    order.sort_by_key(|&one| candidates[one].first().map_or(i64::MAX, |&index| distance(from[one], to[index])));
    let mut owners = vec![None; to.len()];
    for one in order {
        augment(one, &candidates, &mut owners, &mut vec![false; to.len()]);
    }
    let pairs = owners.iter().enumerate().filter_map(|(index, owner)| owner.map(|one: usize| (from[one], to[index])));
    pairs.collect()
}

fn augment(one: usize, candidates: &[Vec<usize>], owners: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for &index in &candidates[one] {
        if seen[index] {
            continue;
        }
        seen[index] = true;
        let free = owners[index].is_none_or(|owner| augment(owner, candidates, owners, seen));
        if free {
            owners[index] = Some(one);
            return true;
        }
    }
    false
}

fn read(path: &Path) -> Result<String, TruthError> {
    std::fs::read_to_string(path).map_err(|source| TruthError::Read { path: path.to_owned(), source })
}

#[allow(clippy::cast_possible_truncation, reason = "clips last hours at most")]
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rule: &str, t_s: f64, optional: bool) -> Happening {
        Happening { rule: rule.into(), direction: "enter".into(), at_us: micros(t_s), optional }
    }

    #[test]
    fn the_matching_is_maximal_and_not_greedy() {
        // Greedy by nearest would give 10.9 to 11.0 and leave 10.0 and 11.8 unmatched.
        let found = [at("zone", 10.9, false), at("zone", 11.8, false)];
        let expected = [at("zone", 10.0, false), at("zone", 11.0, false)];
        let outcome = compare(&found, &expected, 1_000_000);
        assert_eq!(outcome, Outcome { pairs: vec![(0, 0), (1, 1)], missing: vec![], unmatched: vec![] });
    }

    #[test]
    fn rule_direction_and_tolerance_must_fit() {
        let other_way = Happening { direction: "exit".into(), ..at("zone", 10.0, false) };
        let found = [at("other", 10.0, false), other_way, at("zone", 11.1, false)];
        let outcome = compare(&found, &[at("zone", 10.0, false)], 1_000_000);
        assert_eq!(outcome, Outcome { pairs: vec![], missing: vec![0], unmatched: vec![0, 1, 2] });
    }

    #[test]
    fn an_optional_event_is_neither_missed_nor_false() {
        let expected = [at("zone", 10.0, true), at("zone", 20.0, true), at("zone", 10.5, false)];
        let outcome = compare(&[at("zone", 10.2, false), at("zone", 10.4, false)], &expected, 1_000_000);
        assert_eq!((outcome.missing.len(), outcome.unmatched.len(), outcome.pairs.len()), (0, 0, 1));
    }

    #[test]
    fn a_schedule_that_is_being_written_is_read_up_to_its_last_whole_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("schedule");
        let first = Loop { camera: "gate".into(), index: 0, start_us: 5 };
        std::fs::write(&path, serde_json::to_string(&first).unwrap() + "\n{\"camera\":\"ga").unwrap();
        assert_eq!(load_schedule(&path).unwrap(), [first]);
    }
}
