//! Track and rules of one camera in one call: what the gateway's analyse stage and a recorded clip both run. Pictures
//! and the model are left to the caller, who may share them among cameras.

use crate::{
    detect::Detection,
    ground::Calibration,
    picture::Rect,
    rules::{RuleError, RuleEvent, RuleSet, RuleWatch},
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
        Self::calibrated(config, rules, classes, None)
    }

    /// The same for a camera that may be calibrated.
    pub fn calibrated(
        config: TrackerConfig,
        rules: Vec<toml::Table>,
        classes: &[String],
        calibration: Option<Calibration>,
    ) -> Result<Self, RuleError> {
        let rules = RuleSet::calibrated(rules, classes, config.new_score, calibration)?;
        Ok(Self { tracker: Tracker::for_classes(config, classes), rules, now_us: None })
    }

    /// Tells the size of the pictures that follow.
    pub fn set_picture_px(&mut self, (width, height): (u32, u32)) {
        self.rules.set_aspect(f64::from(width) / f64::from(height.max(1)));
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
    /// starts afresh, at any time: a new session of a camera may count from zero again. Track numbers and open keys go on.
    pub fn finish(&mut self, t_us: i64) -> Vec<RuleEvent> {
        self.now_us = None;
        self.tracker.forget();
        self.rules.finish(t_us)
    }

    /// Takes other rules, or those of a model with other classes, without a break: a rule whose table is the same goes
    /// on, what the others have open ends now, and the objects stay known unless their classes mean something else now.
    /// An error changes nothing.
    pub fn replace_rules(
        &mut self,
        rules: Vec<toml::Table>,
        classes: &[String],
        calibration: Option<Calibration>,
    ) -> Result<Vec<RuleEvent>, RuleError> {
        let other_classes = !self.rules.is_for(classes);
        let events = self.rules.replace(rules, classes, calibration, self.now_us.unwrap_or(0))?;
        if other_classes {
            self.tracker.rename(classes);
        }
        Ok(events)
    }

    /// The confirmed objects of the last picture.
    pub fn tracks(&self) -> &[Track] {
        self.tracker.tracks()
    }

    /// What each rule makes of the last picture, for somebody who looks; nothing before the first.
    pub fn watching(&self) -> Vec<RuleWatch> {
        self.now_us.map_or_else(Vec::new, |now_us| self.rules.watching(now_us, self.tracker.tracks()))
    }

    /// The media time before which no event can come any more, for the camera's watermark. None before the first
    /// picture.
    pub fn settled_us(&self) -> Option<i64> {
        self.tracker.settled_us().into_iter().chain(self.rules.pending_us()).min()
    }

    /// Where the next pictures are needed to tell if an object is there ([`Tracker::undecided`]). What a rule waits for
    /// beyond that (somebody out of sight, a time to pass) is no such need.
    pub fn undecided(&self) -> impl Iterator<Item = &Rect> {
        self.tracker.undecided()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::coco80,
        picture::{Point, Rect},
        rules::Phase,
    };

    const ZONE: &str = "kind='intrusion'\nclasses=['person']\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]";
    const LINE: &str = "kind='line_cross'\nline=[[0.5,1],[0.5,0]]";

    fn analyser() -> Analyser {
        let rules = [ZONE, LINE].map(|rule| toml::from_str(rule).expect("toml"));
        Analyser::new(TrackerConfig::default(), rules.into(), &coco80()).expect("valid rules")
    }

    /// Somebody walks to the right for four seconds, flickering, from one side to the other.
    fn walk(analyser: &mut Analyser, from_us: i64) -> Vec<RuleEvent> {
        let mut events = Vec::new();
        for i in 0..20i64 {
            let t_us = from_us + i * 200_000;
            let centre = Point::new(0.2 + 0.03 * i as f32, 0.5);
            let person = Detection { bbox: Rect::around(centre, 0.1, 0.3), class: 0, score: 0.8 };
            let settled_us = analyser.settled_us();
            let new = analyser.observe(t_us, if i % 4 == 3 { &[] } else { std::slice::from_ref(&person) });
            assert!(new.iter().all(|event| settled_us.is_none_or(|settled_us| event.media_time_us >= settled_us)));
            assert!(analyser.settled_us().is_some_and(|settled_us| settled_us <= t_us));
            events.extend(new);
        }
        events
    }

    #[test]
    fn other_rules_take_over_without_a_break() {
        let table = |rule: &str| toml::from_str::<toml::Table>(rule).expect("toml");
        let everywhere = "kind='intrusion'\nid='all'\nzone=[[0,0],[1,0],[1,1],[0,1]]";
        let mut analyser =
            Analyser::new(TrackerConfig::default(), vec![table(ZONE), table(everywhere)], &coco80()).expect("rules");
        let person = |x: f32| [Detection { bbox: Rect::around(Point::new(x, 0.5), 0.1, 0.3), class: 0, score: 0.8 }];
        let mut begun = Vec::new();
        for n in 0..5 {
            begun.extend(analyser.observe(n * 200_000, &person(0.7)));
        }
        let track = analyser.tracks()[0].id;
        assert_eq!(begun.iter().map(|event| event.rule.as_str()).collect::<Vec<_>>(), ["intrusion", "all"]);
        assert!(analyser.replace_rules(vec![table("kind='intruson'")], &coco80(), None).is_err());
        // The second stays, though it is the first now; the other zone is new.
        let moved = ZONE.replace("[0.5,0],[1,0],[1,1],[0.5,1]", "[0.4,0],[1,0],[1,1],[0.4,1]");
        let ended = analyser.replace_rules(vec![table(everywhere), table(&moved)], &coco80(), None).expect("rules");
        assert_eq!(ended.len(), 1);
        assert_eq!((ended[0].phase, ended[0].open_key), (Phase::End, begun[0].open_key));
        assert_eq!(ended[0].attributes, [("ended_by".to_owned(), "configuration_changed".to_owned())]);
        let mut after = Vec::new();
        for n in 5..8 {
            after.extend(analyser.observe(n * 200_000, &person(0.7)));
        }
        assert_eq!(after.iter().map(|event| event.rule.as_str()).collect::<Vec<_>>(), ["intrusion"], "{after:?}");
        assert_eq!(after[0].track.as_ref().map(|track| track.id), Some(track), "it is the object that was there");
        assert!(begun.iter().all(|event| event.open_key != after[0].open_key));
        let other = ["cat".to_owned(), "person".to_owned()];
        let ends = analyser.replace_rules(vec![table(everywhere)], &other, None).expect("rules");
        assert_eq!(ends[0].open_key, begun[1].open_key, "another model's classes: nothing goes on");
        assert!(analyser.tracks().is_empty());
    }

    #[test]
    fn a_walk_is_the_same_events_at_any_time_and_after_a_lost_stream() {
        let mut analyser = analyser();
        let told = |events: &[RuleEvent], from_us: i64| -> Vec<(&'static str, Phase, i64)> {
            events.iter().map(|event| (event.kind, event.phase, (event.media_time_us - from_us) / 1000)).collect()
        };
        let first = walk(&mut analyser, 0);
        assert_eq!(told(&first, 0), [("intrusion", Phase::Begin, 2000), ("line_cross", Phase::Begin, 2000)]);
        assert_eq!(first[1].direction, Some("a_to_b"));
        assert_eq!(analyser.observe(0, &[]), [], "an old picture changes nothing");
        let ends = analyser.finish(3_800_000);
        assert_eq!(told(&ends, 0), [("intrusion", Phase::End, 3600)]);
        assert_eq!((ends[0].open_key, analyser.settled_us(), analyser.tracks().len()), (first[0].open_key, None, 0));
        let again = walk(&mut analyser, -7_000_000);
        assert_eq!(told(&again, -7_000_000), told(&first, 0));
        assert_ne!(again[0].open_key, first[0].open_key);
    }
}
