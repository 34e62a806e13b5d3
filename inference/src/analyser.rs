//! Track and rules of one camera in one call: what the gateway's analyse stage and a recorded clip both run. Pictures
//! and the model are left to the caller, who may share them among cameras.

use crate::{
    detect::Detection,
    rules::{RuleError, RuleEvent, RuleSet},
    track::{Track, Tracker, TrackerConfig},
};

/// From what each picture showed to events. Time is media time only, so two runs over a clip agree.
#[derive(Debug)]
pub struct Analyser {
    tracker: Tracker,
    rules: RuleSet,
    now_us: Option<i64>,
}

impl Analyser {
    /// For one camera: its `[[camera.rule]]` tables and the class names of its model.
    pub fn new(config: TrackerConfig, rules: Vec<toml::Table>, classes: &[String]) -> Result<Self, RuleError> {
        let rules = RuleSet::parse(rules, classes, config.new_score)?;
        Ok(Self { tracker: Tracker::for_classes(config, classes), rules, now_us: None })
    }

    /// Takes in what the picture at `t_us` showed. A picture that is not later than the last one changes nothing.
    /// Events are in the order of the rules; their times may lie before `t_us`, never before `settled_us()` as it was.
    pub fn observe(&mut self, t_us: i64, detections: &[Detection]) -> Vec<RuleEvent> {
        if self.now_us.is_some_and(|now_us| t_us <= now_us) {
            return Vec::new();
        }
        self.now_us = Some(t_us);
        self.tracker.update(t_us, detections);
        self.rules.observe(t_us, self.tracker.tracks())
    }

    /// Ends what is open, because the stream was lost or the clip is over, and forgets the objects. The next picture
    /// starts afresh, at any later time.
    pub fn finish(&mut self, t_us: i64) -> Vec<RuleEvent> {
        self.tracker.forget();
        self.rules.finish(t_us)
    }

    /// The confirmed objects of the last picture.
    pub fn tracks(&self) -> &[Track] {
        self.tracker.tracks()
    }

    /// The media time before which no event can come any more, for the camera's watermark. None before the first
    /// picture.
    pub fn settled_us(&self) -> Option<i64> {
        self.tracker.settled_us().into_iter().chain(self.rules.pending_us()).min()
    }
}
