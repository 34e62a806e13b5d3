//! The city as clips: an MP4 file for each device and the truth beside them, as fast as the machine can.

use std::path::{Path, PathBuf};

use super::record::Record;
use super::{Coding, EncodeError, Encoder, StreamError, Studio};
use crate::rtsp::Codec;

/// Renders until the world stands at `until_us`; gives the clips' files in the order of the studio's cameras. Media
/// time 0 of each is the world's zero.
///
/// # Errors
/// The folder cannot be written, or GStreamer is not as `deploy/setup` leaves it.
pub fn render(studio: &mut Studio, until_us: i64, codec: Codec, folder: &Path) -> Result<Vec<PathBuf>, StreamError> {
    let mut record = Record::create(&folder.join("truth"), studio)?;
    let mut clips = Vec::new();
    let mut encoders = Vec::new();
    for device in studio.devices() {
        let path = folder.join(format!("{}.mp4", device.name));
        encoders.push(Encoder::to_file(&path, &Coding::usual(codec, device.size_px(), device.fps()))?);
        clips.push(path);
    }
    while studio.due_us() < until_us {
        let mut done = Ok(());
        studio.shoot(|shot| {
            let pushed = shot.frame.map_or(Ok(()), |frame| encoders[shot.device].push(frame, shot.t_us, false));
            let noted = record.shot(&shot);
            if done.is_ok() {
                done = pushed.map_err(StreamError::from).and(noted);
            }
        });
        done?;
        record.moment(studio)?;
    }
    record.finish(studio)?;
    encoders.into_iter().try_for_each(Encoder::finish).map_err(|error: EncodeError| StreamError::from(error))?;
    let of = |camera: usize| studio.devices().iter().position(|device| device.cameras.contains(&camera));
    Ok((0..studio.cameras().len()).filter_map(|camera| Some(clips[of(camera)?].clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Fault, FaultKind};
    use crate::rtsp::Clip;
    use crate::truth::{self, Line};
    use crate::world::{Options, World};

    #[test]
    fn a_clip_has_a_picture_each_eighty_milliseconds_and_the_truth_one_for_each_camera() {
        let directory = tempfile::tempdir().expect("a directory");
        // One device, two departments; no signal in the second second.
        let ids = ["pol-crossing".to_owned(), "cty-crossing".to_owned()];
        let mut studio = Studio::new(World::new(Options::default()), &ids, 1, false).expect("both are there");
        assert_eq!(studio.devices().len(), 1);
        let lost = Fault { kind: FaultKind::SignalLost, from_us: 1_000_000, to_us: 2_000_000 };
        studio.add_fault("cty-crossing", &lost).expect("it is watched");
        studio.begin_at(1_790_000_000_000_000);
        let clips = render(&mut studio, 3_000_000, Codec::H264, directory.path()).expect("rendered");
        assert_eq!(clips.len(), 2);
        assert_eq!(clips[0], clips[1]);
        let shown_us: Vec<i64> =
            Clip::read(&clips[0], Codec::H264).expect("a clip").units.iter().map(|unit| unit.shown_us).collect();
        let expected = (0..3_000_000).step_by(80_000).filter(|t_us| !(1_000_000..2_000_000).contains(t_us));
        assert_eq!(shown_us, expected.collect::<Vec<i64>>());

        let read = |name: &str| std::fs::read_to_string(directory.path().join("truth").join(name)).expect("written");
        let objects = truth::read("objects", &read("objects.jsonl")).expect("lines");
        let (mut of_police, mut of_city) = (Vec::new(), Vec::new());
        for line in objects {
            let Line::Objects { camera, t_us, objects } = line else { panic!("{line:?}") };
            (if camera == "pol-crossing" { &mut of_police } else { &mut of_city }).push((t_us, objects));
        }
        assert_eq!(of_police, of_city);
        assert_eq!(of_police.len(), 38);
        assert!(of_police.iter().any(|(_, objects)| !objects.is_empty()), "the crossing is never empty");
        let city = truth::read("city", &read("city.jsonl")).expect("lines");
        let faults = city.iter().filter(|line| matches!(line, Line::Fault(_))).count();
        assert_eq!(faults, 2, "of both cameras");
    }

    #[test]
    fn a_camera_that_is_not_there_is_named_with_those_that_are() {
        let error = Studio::new(World::new(Options::default()), &["pol-moon".to_owned()], 1, false).err();
        let text = error.expect("no such camera").to_string();
        assert!(text.contains("pol-moon") && text.contains("pol-square"), "{text}");
    }
}
