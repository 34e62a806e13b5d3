//! What differs between the configuration in force and the one that is to follow it, camera by camera. Pure: what is done
//! about it is the fleet's business.

use crate::camera::flow::{FLAWS, Flaw};

use super::{Camera, Config, RawModel};

/// What becomes of one camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameraChange {
    /// It is new.
    Added,
    /// It is not there any more.
    Removed,
    /// Its stream is opened anew, because these keys changed.
    Reopened(Vec<&'static str>),
    /// Its stream goes on; these keys changed.
    Changed(Vec<&'static str>),
}

impl std::fmt::Display for CameraChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CameraChange::Added => f.write_str("added"),
            CameraChange::Removed => f.write_str("removed"),
            CameraChange::Reopened(keys) => write!(f, "{} changed, stream opened anew", keys.join(", ")),
            CameraChange::Changed(keys) => write!(f, "{} changed", keys.join(", ")),
        }
    }
}

/// What differs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Cameras by id, in the order of the old file and then of the new.
    pub cameras: Vec<(String, CameraChange)>,
    /// Another model, or other threads.
    pub model: bool,
    /// Another candidate.
    pub shadow: bool,
    /// Another bound of the processor's use.
    pub processor: bool,
    /// Keys that only a restart brings into force.
    pub restart: Vec<&'static str>,
}

impl Changes {
    /// From one configuration to another.
    pub fn between(old: &Config, new: &Config) -> Self {
        let mut cameras = Vec::new();
        for before in &old.cameras {
            let change = match new.cameras.iter().find(|after| after.id == before.id) {
                None => Some(CameraChange::Removed),
                Some(after) => camera_change(before, after),
            };
            cameras.extend(change.map(|change| (before.id.clone(), change)));
        }
        let added = new.cameras.iter().filter(|after| old.cameras.iter().all(|before| before.id != after.id));
        cameras.extend(added.map(|camera| (camera.id.clone(), CameraChange::Added)));
        let restart = [
            ("state_dir", old.state_dir != new.state_dir),
            ("[admin] listen", old.admin_listen != new.admin_listen),
            ("[page]", old.page != new.page),
            ("[spool]", (old.spool_bytes_max, old.spool_age_max_us) != (new.spool_bytes_max, new.spool_age_max_us)),
            ("[model] onnxruntime", old.model.onnxruntime != new.model.onnxruntime),
        ];
        Self {
            cameras,
            model: RawModel { onnxruntime: None, ..old.model.clone() }
                != RawModel { onnxruntime: None, ..new.model.clone() },
            shadow: old.shadow != new.shadow,
            processor: old.cpu_cores_max.to_bits() != new.cpu_cores_max.to_bits(),
            restart: restart.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect(),
        }
    }

    /// The changes for people, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.cameras.iter().map(|(camera, change)| format!("camera {camera}: {change}")).collect();
        let said = [
            (self.model, "model: changed, swapped between two pictures"),
            (self.shadow, "shadow: changed, counted anew"),
            (self.processor, "processor: cores_max changed"),
        ];
        lines.extend(said.into_iter().filter(|(differs, _)| *differs).map(|(_, text)| text.to_owned()));
        lines.extend(self.restart.iter().map(|key| format!("{key}: changed, takes effect with the next start only")));
        lines
    }
}

fn camera_change(old: &Camera, new: &Camera) -> Option<CameraChange> {
    let stream = named([
        ("url", old.source.url() != new.source.url()),
        ("transport", old.source.transport() != new.source.transport()),
        ("user or password", old.source.credentials() != new.source.credentials()),
        ("decode", old.decode != new.decode),
        ("diagnosis_off of the stream", flaws_off(old) != flaws_off(new)),
    ]);
    let rest = named([
        ("rules", old.rules != new.rules),
        ("pictures", old.pictures != new.pictures),
        ("clips", old.clips != new.clips),
        ("masks", !old.mask.covers_as(&new.mask)),
        ("analysed_fps", old.analysed_fps.to_bits() != new.analysed_fps.to_bits()),
        ("diagnosis_off", old.diagnosis_off != new.diagnosis_off),
        ("calibration", old.calibration != new.calibration),
        ("name", old.name != new.name),
        (
            "place",
            (old.position, old.heading_deg, old.field_of_view_deg)
                != (new.position, new.heading_deg, new.field_of_view_deg),
        ),
    ]);
    match (stream.is_empty(), rest.is_empty()) {
        (true, true) => None,
        (true, false) => Some(CameraChange::Changed(rest)),
        (false, _) => Some(CameraChange::Reopened(stream.into_iter().chain(rest).collect())),
    }
}

/// What is not told of the stream, decided where it is opened.
fn flaws_off(camera: &Camera) -> Vec<&'static str> {
    FLAWS.iter().map(Flaw::name).filter(|name| camera.diagnosis_off.iter().any(|off| off == name)).collect()
}

fn named<const N: usize>(keys: [(&'static str, bool); N]) -> Vec<&'static str> {
    keys.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Secrets;

    const FILE: &str = "[[camera]]\nid='a'\nurl='rtsp://h/a'\n[[camera.rule]]\nkind='intrusion'\n\
                        zone=[[0,0],[1,0],[1,1]]\n[[camera]]\nid='b'\nurl='rtsp://h/b'\n";

    fn lines(new: &str) -> Vec<String> {
        let parse = |text: &str| Config::parse(text, Path::new("/etc/gateway.toml"), Secrets::Read).unwrap();
        Changes::between(&parse(FILE), &parse(new)).lines()
    }

    #[test]
    fn what_changed_is_told_by_camera_and_key() {
        let none: [&str; 0] = [];
        assert_eq!(lines(&format!("# a remark\n{FILE}")), none);
        let cases: &[(&str, &str, &[&str])] = &[
            ("[1,1]]", "[1,1],[0,1]]", &["camera a: rules changed"]),
            ("rtsp://h/b'", "rtsp://h/c'\nname='B'", &["camera b: url, name changed, stream opened anew"]),
            ("id='b'", "id='c'", &["camera b: removed", "camera c: added"]),
            ("rtsp://h/b'", "rtsp://h/b'\nanalysed_fps=2\nposition=[1,2]", &["camera b: analysed_fps, place changed"]),
            ("rtsp://h/b'", "rtsp://h/b'\npictures=false", &["camera b: pictures changed"]),
            (
                "[[camera]]\nid='b'",
                "[[camera.mask]]\npolygon=[[0,0],[1,0],[1,1]]\n[[camera]]\nid='b'",
                &["camera a: masks changed"],
            ),
        ];
        for (from, to, expected) in cases {
            assert_eq!(lines(&FILE.replacen(from, to, 1)), *expected, "{from} → {to}");
        }
        let all = format!(
            "state_dir='/x'\n[model]\nname='y'\n[admin]\nlisten='127.0.0.1:1'\n[processor]\ncores_max=0.5\n{FILE}"
        );
        assert_eq!(
            lines(&all),
            [
                "model: changed, swapped between two pictures",
                "processor: cores_max changed",
                "state_dir: changed, takes effect with the next start only",
                "[admin] listen: changed, takes effect with the next start only",
            ]
        );
    }
}
