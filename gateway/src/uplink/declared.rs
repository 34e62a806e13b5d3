//! Which cameras the hub has heard of. A camera may be taken out of the configuration while its events still wait for the
//! hub, which takes events of declared cameras only: until a hub has welcomed a gateway that named it, a camera is kept
//! here, and the next hello names it once more. `declared.json` in the state folder, replaced whole:
//! `{"cameras":[{"id":"…","name":"…","position":[…],"heading_deg":…,"field_of_view_deg":…,"heard":false},…]}`

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use yiwang_wire::limits;

use super::{CameraInfo, files};

const FILE: &str = "declared.json";

/// The cameras that are or were, and whether the hub has heard of each.
#[derive(Debug, Default, PartialEq)]
pub struct Declared {
    cameras: BTreeMap<String, (CameraInfo, bool)>,
}

impl Declared {
    /// What is noted. A file that is damaged or not there is none: then only the present cameras are named.
    pub fn load(state_dir: &Path) -> Self {
        std::fs::read(state_dir.join(FILE)).ok().and_then(|bytes| Self::parse(&bytes)).unwrap_or_default()
    }

    /// Notes the cameras of a configuration, before the first of them is started.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(state_dir: &Path, cameras: &[CameraInfo]) -> io::Result<()> {
        Self::change(state_dir, |declared| {
            for camera in cameras {
                let known = declared.cameras.entry(camera.id.clone()).or_insert_with(|| (camera.clone(), false));
                known.0 = camera.clone();
            }
        })
    }

    /// The hub has welcomed a hello with the present and the former ones.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn welcomed(state_dir: &Path, present: &[CameraInfo], former: &[CameraInfo]) -> io::Result<()> {
        let among = |cameras: &[CameraInfo], id: &str| cameras.iter().any(|camera| camera.id == id);
        Self::change(state_dir, |declared| {
            declared.cameras.iter_mut().for_each(|(id, (_, heard))| *heard |= among(present, id));
            // What came in since the hello stays: the next one names it.
            declared.cameras.retain(|id, (_, heard)| among(present, id) || !(*heard || among(former, id)));
        })
    }

    /// Another hub has heard of none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn joined_anew(state_dir: &Path) -> io::Result<()> {
        Self::change(state_dir, |declared| declared.cameras.values_mut().for_each(|(_, heard)| *heard = false))
    }

    /// Cameras that are not among the present ones and that no hub has heard of, as far as a hello takes them.
    pub fn former(&self, present: &[CameraInfo]) -> Vec<CameraInfo> {
        let room = limits::MAX_CAMERAS.saturating_sub(present.len());
        let unheard = self.cameras.values().filter(|(_, heard)| !heard).map(|(camera, _)| camera);
        unheard.filter(|camera| present.iter().all(|other| other.id != camera.id)).take(room).cloned().collect()
    }

    fn change(state_dir: &Path, change: impl FnOnce(&mut Self)) -> io::Result<()> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let before = Self::load(state_dir);
        let mut after = Self { cameras: before.cameras.clone() };
        change(&mut after);
        if after == before {
            return Ok(());
        }
        files::replace(&state_dir.join(FILE), after.text().as_bytes(), 0o600)
    }

    fn text(&self) -> String {
        let camera = |(camera, heard): &(CameraInfo, bool)| {
            json!({
                "id": camera.id,
                "name": camera.name,
                "position": camera.position,
                "heading_deg": camera.heading_deg,
                "field_of_view_deg": camera.field_of_view_deg,
                "heard": heard,
            })
        };
        json!({ "cameras": self.cameras.values().map(camera).collect::<Vec<_>>() }).to_string()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let root: Value = serde_json::from_slice(bytes).ok()?;
        let camera = |value: &Value| {
            let id = value.get("id")?.as_str()?.to_owned();
            let position = value.get("position").and_then(Value::as_array);
            let position = position.and_then(|pair| Some([pair.first()?.as_f64()?, pair.get(1)?.as_f64()?]));
            let info = CameraInfo {
                id: id.clone(),
                name: value.get("name")?.as_str()?.to_owned(),
                position,
                heading_deg: value.get("heading_deg").and_then(Value::as_f64),
                field_of_view_deg: value.get("field_of_view_deg").and_then(Value::as_f64),
            };
            Some((id, (info, value.get("heard")?.as_bool()?)))
        };
        Some(Self { cameras: root.get("cameras")?.as_array()?.iter().filter_map(camera).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(id: &str) -> CameraInfo {
        CameraInfo {
            id: id.into(),
            name: format!("门 {id}"),
            position: Some([120.5, 30.25]),
            heading_deg: None,
            field_of_view_deg: Some(80.0),
        }
    }

    #[test]
    fn a_camera_that_no_hub_heard_of_is_named_once_more() {
        let dir = tempfile::tempdir().unwrap();
        let ids = |cameras: Vec<CameraInfo>| cameras.into_iter().map(|camera| camera.id).collect::<Vec<_>>();
        let former = |present: &[CameraInfo]| ids(Declared::load(dir.path()).former(present));
        Declared::note(dir.path(), &[camera("a"), camera("b")]).unwrap();
        Declared::note(dir.path(), &[camera("a"), camera("c")]).unwrap();
        let now = [camera("a"), camera("c")];
        assert_eq!(former(&now), ["b"]);
        assert_eq!(Declared::load(dir.path()).former(&now), [camera("b")], "with all that is known of it");
        Declared::note(dir.path(), &[camera("a"), camera("c"), camera("late")]).unwrap();
        Declared::welcomed(dir.path(), &now, &[camera("b")]).unwrap();
        assert_eq!(former(&now), ["late"]);
        Declared::welcomed(dir.path(), &now, &[camera("late")]).unwrap();
        assert!(former(&now).is_empty());
        assert!(former(&[camera("a")]).is_empty(), "the hub has heard of c");
        Declared::joined_anew(dir.path()).unwrap();
        assert_eq!(former(&[camera("a")]), ["c"]);
        std::fs::write(dir.path().join(FILE), "{\"cameras\":[{\"id\":7},").unwrap();
        assert!(former(&[]).is_empty());
    }
}
