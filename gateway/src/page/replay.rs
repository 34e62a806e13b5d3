//! A camera's last minutes once more under rules that are being drawn: what they would have told, and what there was
//! where they look. Pure: the same boxes, tracker and rules as in the live analysis, so the answer is the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use yiwang_inference::analyser::Analyser;
use yiwang_inference::detect::Detection;
use yiwang_inference::ground::Calibration;
use yiwang_inference::rules::{Phase, RuleError, RuleEvent};
use yiwang_inference::track::TrackerConfig;

use crate::analyse::memory::Look;
use crate::time_text;
use crate::why::{self, Path, Place};

/// Most events that are listed; more are counted.
const TOLD_MAX: usize = 200;
/// Most objects whose way is kept.
const PATHS_MAX: usize = 2000;

/// What is to be tried.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    /// Rule tables.
    pub(super) rules: Vec<toml::Table>,
    /// What ties the picture to the ground.
    pub(super) calibration: Option<Calibration>,
    /// What nothing may look at: boxes in there are left out.
    pub(super) masks: Vec<Vec<[f32; 2]>>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Begins by rule.
    pub(super) begun: BTreeMap<String, usize>,
    told: Vec<Value>,
    there: BTreeMap<String, Value>,
}

impl Outcome {
    /// For the page: what was told, and by rule what there was.
    pub(super) fn json(&self) -> Value {
        json!({ "begun": self.begun, "told": self.told, "there": self.there })
    }
}

/// Plays the pictures through the rules.
///
/// # Errors
/// A rule is wrong.
pub(super) fn replay(looks: &[Look], classes: &[String], trial: &Trial) -> Result<Outcome, RuleError> {
    let config = TrackerConfig::default();
    let mut analyser = Analyser::calibrated(config, trial.rules.clone(), classes, trial.calibration.clone())?;
    let name = |class: u16| classes.get(usize::from(class)).cloned().unwrap_or_default();
    let mut paths: BTreeMap<u64, Path> = BTreeMap::new();
    let mut outcome = Outcome { begun: BTreeMap::new(), told: Vec::new(), there: BTreeMap::new() };
    for look in looks {
        analyser.set_picture_px(look.frame_px);
        let mut made = analyser.observe(look.media_us, &uncovered(look, trial));
        for track in analyser.tracks().iter().filter(|track| !track.predicted) {
            if paths.len() < PATHS_MAX || paths.contains_key(&track.id) {
                let path = paths.entry(track.id).or_default();
                if track.score >= path.score {
                    (path.class, path.score) = (name(track.class), track.score);
                }
                let foot = track.bbox.bottom_centre();
                path.points.push((look.media_us, [foot.x, foot.y]));
            }
        }
        if look.last {
            made.extend(analyser.finish(look.media_us));
        }
        for event in made {
            outcome.take(&event, look, &name);
        }
    }
    for rule in &trial.rules {
        if let Some(place) = why::place(rule) {
            outcome.there.insert(id_of(rule), there(&place, &paths));
        }
    }
    Ok(outcome)
}

impl Outcome {
    fn take(&mut self, event: &RuleEvent, look: &Look, name: &impl Fn(u16) -> String) {
        if event.phase == Phase::Begin {
            *self.begun.entry(event.rule.clone()).or_default() += 1;
        }
        if event.phase == Phase::Update || self.told.len() >= TOLD_MAX {
            return;
        }
        let measures: Vec<Value> = event.measures.iter().map(measure).collect();
        self.told.push(json!({
            "rule": event.rule,
            "kind": event.kind,
            "phase": event.phase.as_str(),
            "at": time_text(look.capture_us - (look.media_us - event.media_time_us)),
            "direction": event.direction,
            "class": event.track.as_ref().map(|track| name(track.class)),
            "track": event.track.as_ref().map(|track| track.id),
            "point": event.point,
            "measures": measures,
        }));
    }
}

/// A measure as the page shows it.
pub(super) fn measure(measure: &yiwang_inference::rules::Measure) -> Value {
    json!({ "name": measure.name, "value": measure.value, "threshold": measure.threshold, "unit": measure.unit })
}

/// The rule's id as events name it.
fn id_of(rule: &toml::Table) -> String {
    let text = |key: &str| rule.get(key).and_then(toml::Value::as_str);
    text("id").or_else(|| text("kind")).unwrap_or_default().to_owned()
}

fn there(place: &Place, paths: &BTreeMap<u64, Path>) -> Value {
    let seen = why::seen(place, paths.values());
    let classes: Vec<Value> = seen
        .iter()
        .map(|(class, seen)| {
            let longest_s = (seen.longest_us as f64 / 1e5).round() / 10.0;
            json!({ "class": class, "objects": seen.objects, "longest_s": longest_s, "score": seen.score })
        })
        .collect();
    let most = match place {
        Place::Zone(zone) => Some(why::most_at_once(zone, paths.values())),
        Place::Line(_) => None,
    };
    json!({ "classes": classes, "most_at_once": most, "zone": most.is_some() })
}

/// The boxes that no mask of the trial covers: those whose middle is in none.
fn uncovered(look: &Look, trial: &Trial) -> Vec<Detection> {
    let middle = |found: &Detection| {
        let bbox = found.bbox;
        [f32::midpoint(bbox.x0, bbox.x1), f32::midpoint(bbox.y0, bbox.y1)]
    };
    let open = |found: &&Detection| !trial.masks.iter().any(|mask| why::inside(mask, middle(found)));
    look.boxes.iter().filter(open).copied().collect()
}

#[cfg(test)]
mod tests {
    use yiwang_inference::picture::{Point, Rect};

    use super::*;

    const ZONE: &str = "kind='intrusion'\nid='z'\nclasses=['person']\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]";

    /// Somebody walks to the right for four seconds; the clock stands at ten in the morning.
    fn walk() -> Vec<Look> {
        let look = |n: i64| Look {
            media_us: 5_000_000 + n * 200_000,
            capture_us: 36_000_000_000 + n * 200_000,
            frame_px: (1280, 720),
            boxes: vec![Detection {
                bbox: Rect::around(Point::new(0.2 + 0.03 * n as f32, 0.5), 0.1, 0.3),
                class: 0,
                score: 0.8,
            }],
            last: n == 19,
        };
        (0..20).map(look).collect()
    }

    fn trial(rule: &str) -> Trial {
        Trial { rules: vec![rule.parse().unwrap()], calibration: None, masks: Vec::new() }
    }

    #[test]
    fn the_last_minutes_tell_what_a_rule_would_have_told_and_what_was_there() {
        let classes = ["person".to_owned(), "car".to_owned()];
        let outcome = replay(&walk(), &classes, &trial(ZONE)).unwrap();
        assert_eq!(outcome.begun, [("z".to_owned(), 1)].into());
        let json = outcome.json();
        assert_eq!((&json["told"][0]["phase"], &json["told"][1]["phase"]), (&"begin".into(), &"end".into()));
        let at = json["told"][0]["at"].as_str().unwrap();
        assert!(("1970-01-01T10:00:01.9".."1970-01-01T10:00:02.1").contains(&at), "{at}");
        assert_eq!(
            (&json["there"]["z"]["classes"][0]["objects"], &json["there"]["z"]["most_at_once"]),
            (&1.into(), &1.into())
        );
        let loiter = ZONE.replace("intrusion", "loiter") + "\nseconds=10";
        let outcome = replay(&walk(), &classes, &trial(&loiter)).unwrap();
        assert!(outcome.begun.is_empty());
        let longest_s = outcome.json()["there"]["z"]["classes"][0]["longest_s"].as_f64().unwrap();
        assert!((1.0..3.0).contains(&longest_s), "it says how far that is from ten seconds: {longest_s}");
    }

    #[test]
    fn what_a_new_mask_covers_is_left_out_and_a_wrong_rule_is_refused() {
        let classes = ["person".to_owned()];
        let mask = vec![vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]];
        let masked = replay(&walk(), &classes, &Trial { masks: mask, ..trial(ZONE) }).unwrap();
        assert!(masked.begun.is_empty());
        assert!(replay(&walk(), &classes, &trial("kind='intruson'")).is_err());
        let outcome = replay(&[], &classes, &trial(ZONE)).unwrap();
        assert!(outcome.begun.is_empty());
    }
}
