//! Makes the lines of truth of some cameras while their world goes on: what each picture shows, what follows from it,
//! what begins and ends. Writing them is left to whoever asks ([`super::Folder`] does).

use yiwang_inference::rules::RuleError;

use super::{EventTruth, Line, Seen, Start, TrueCamera, TrueFault, incidents::Sightings};
use crate::camera::Camera;
use crate::world::Incident;

/// The truth of some cameras.
#[derive(Debug)]
pub struct Recorder {
    cameras: Vec<Recorded>,
    incidents: Sightings,
    told_to_us: Option<i64>,
}

#[derive(Debug)]
struct Recorded {
    camera: Camera,
    events: EventTruth,
    faults_told: Vec<bool>,
}

impl Recorder {
    /// For these cameras, whose first pictures are taken at `from_us`; with the lines that come first. Fails where the
    /// gateway would refuse a camera's rules.
    pub fn new(start: Start, cameras: &[Camera], from_us: i64) -> Result<(Recorder, Vec<Line>), RuleError> {
        let introduce = |camera: &Camera| Line::Camera(TrueCamera::of(camera, from_us));
        let lines = [Line::Start(start)].into_iter().chain(cameras.iter().map(introduce)).collect();
        let record = |camera: &Camera| {
            let faults_told = vec![false; camera.faults.len()];
            Ok(Recorded { camera: camera.clone(), events: EventTruth::new(camera)?, faults_told })
        };
        let cameras = cameras.iter().map(record).collect::<Result<_, RuleError>>()?;
        Ok((Recorder { cameras, incidents: Sightings::default(), told_to_us: None }, lines))
    }

    /// Takes in a picture of the camera with that index: its objects, and the events that are certain by now.
    pub fn picture(&mut self, camera: usize, t_us: i64, seen: &[Seen]) -> Vec<Line> {
        let Some(recorded) = self.cameras.get_mut(camera) else { return Vec::new() };
        let id = &recorded.camera.id;
        self.incidents.see(id, seen);
        let mut lines = vec![Line::objects(id, t_us, seen)];
        lines.extend(recorded.events.picture(t_us, seen, recorded.camera.size_px.1).into_iter().map(Line::Event));
        lines
    }

    /// Takes in what has happened in the world by now; to be called after the pictures of that time.
    pub fn world(&mut self, incidents: &[Incident], now_us: i64) -> Vec<Line> {
        let mut lines: Vec<Line> = self.incidents.update(incidents).into_iter().map(Line::Incident).collect();
        for Recorded { camera, faults_told, .. } in &mut self.cameras {
            for (fault, told) in camera.faults.iter().zip(faults_told).filter(|(fault, _)| fault.from_us <= now_us) {
                if !std::mem::replace(told, true) {
                    let (camera, kind) = (camera.id.clone(), fault.kind);
                    let (from_us, to_us) = (fault.from_us, fault.to_us);
                    lines.push(Line::Fault(TrueFault { camera, kind, from_us, to_us }));
                }
            }
        }
        let settled_us = self.cameras.iter().filter_map(|recorded| recorded.events.told_to_us()).min();
        // Once a second is enough.
        if let Some(to_us) =
            settled_us.filter(|to_us| self.told_to_us.is_none_or(|told_us| to_us - told_us >= 1_000_000))
        {
            self.told_to_us = Some(to_us);
            lines.push(Line::Told { to_us });
        }
        lines
    }

    /// All pictures have been taken: what is open ends.
    pub fn finish(&mut self, incidents: &[Incident], now_us: i64) -> Vec<Line> {
        let mut lines = self.world(incidents, now_us);
        let events = self.cameras.iter_mut().flat_map(|recorded| recorded.events.finish());
        lines.extend(events.map(Line::Event));
        lines.extend(self.incidents.finish().into_iter().map(Line::Incident));
        lines.push(Line::Told { to_us: now_us });
        lines
    }
}

impl TrueCamera {
    /// What truth says of a camera whose first picture is taken at `from_us`.
    pub fn of(camera: &Camera, from_us: i64) -> TrueCamera {
        let name = |table: &toml::Table, key| table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        let rules = camera.rules.iter().filter_map(|table| name(table, "id").or_else(|| name(table, "kind")));
        TrueCamera {
            id: camera.id.clone(),
            department: camera.department.clone(),
            physical: camera.physical.clone(),
            size_px: camera.size_px,
            from_us,
            rules: rules.collect(),
        }
    }
}
