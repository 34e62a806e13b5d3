//! A gateway's way from a picture to events, for one camera of the simulated city, without a coder and without a gate.

use yiwang_city::camera::Camera;
use yiwang_inference::analyser::Analyser;
use yiwang_inference::detect::{Detection, Tensor};
use yiwang_inference::left::LeftThings;
use yiwang_inference::model::Model;
use yiwang_inference::picture::I420;
use yiwang_inference::rules::{self, RuleEvent};
use yiwang_inference::track::TrackerConfig;

use crate::link::LinkError;

/// What a gateway keeps of a camera from picture to picture.
pub(super) struct Watcher {
    tensor: Tensor,
    /// Where a rule asks for what was left or taken.
    left: Option<LeftThings>,
    analyser: Analyser,
}

impl Watcher {
    pub(super) fn new(camera: &Camera, model: &Model) -> Result<Watcher, LinkError> {
        let classes = &model.info().classes;
        let (rules, calibration) = (camera.rules.clone(), Some(camera.calibration()));
        Ok(Watcher {
            tensor: model.tensor(),
            left: rules::about_things(&rules).then(|| LeftThings::new(classes)).flatten(),
            analyser: Analyser::calibrated(TrackerConfig::default(), rules, classes, calibration)?,
        })
    }

    /// What the model finds in the picture.
    pub(super) fn detect(&mut self, model: &Model, picture: &I420<'_>, t_us: i64) -> Result<Vec<Detection>, LinkError> {
        model.prepare(picture, t_us, &mut self.tensor)?;
        Ok(model.detect(&mut self.tensor)?)
    }

    /// What the rules tell of it.
    pub(super) fn judge(
        &mut self,
        picture: &I420<'_>,
        t_us: i64,
        mut detections: Vec<Detection>,
    ) -> Result<Vec<RuleEvent>, LinkError> {
        if let Some(left) = &mut self.left {
            left.observe(picture, t_us, &mut detections)?;
        }
        Ok(self.analyser.observe(t_us, &detections))
    }

    /// What is told at the end.
    pub(super) fn finish(&mut self, end_us: i64) -> Vec<RuleEvent> {
        self.analyser.finish(end_us)
    }
}
