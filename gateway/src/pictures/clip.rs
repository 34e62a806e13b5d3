//! A clip: coded pictures that were kept, put into one file as they are, and the file's SHA-256. The same pictures make the
//! same file, so that who has the hash of one can tell whether another is it. Pure.

use sha2::{Digest as _, Sha256};
use yiwang_wire::limits;
use yiwang_wire::picture::NoPicture;

use super::fmp4::{self, Fragments};
use super::h264::Parameters;
use crate::camera::Codec;
use crate::decode::pipeline::Unit;

/// A clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Fragmented MP4.
    pub file: Vec<u8>,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// As browsers name it.
    pub codec: String,
    /// Width and height.
    pub size_px: (u32, u32),
    /// When its first picture was taken, and its last.
    pub span_us: (i64, i64),
    /// How many there are.
    pub pictures: u32,
    /// What the times may be wrong by, the largest.
    pub time_error_ms: u32,
}

/// Makes a clip of pictures in decoding order, the first a keyframe. Where the camera was set to another size amid it, it
/// ends there. Copies all of them and hashes them: not for async threads.
///
/// # Errors
/// They cannot be put into a file that players take.
pub fn make(codec: Codec, units: &[Unit]) -> Result<Clip, NoPicture> {
    if codec != Codec::H264 {
        return Err(NoPicture::Codec);
    }
    let first = units.first().ok_or(NoPicture::NotKept)?;
    let parameters = Parameters::of(first.data.as_ref()).ok_or(NoPicture::Failed)?;
    let differs =
        |unit: &Unit| unit.keyframe && Parameters::of(unit.data.as_ref()).is_some_and(|others| others != parameters);
    let end = units.iter().position(differs).unwrap_or(units.len());
    let units = &units[..end];
    let span = |time: fn(&Unit) -> i64| {
        let (from, to) = (units.iter().map(time).min(), units.iter().map(time).max());
        (from.unwrap_or_default(), to.unwrap_or_default())
    };
    let media_us = span(|unit| unit.times.media_us);
    let mut file = fmp4::head_lasting(&parameters, u64::try_from(media_us.1 - media_us.0).unwrap_or(0));
    let (mut fragments, mut pictures) = (Fragments::default(), 0);
    for unit in units {
        let fragment = fragments.fragment(unit.data.as_ref(), unit.keyframe, unit.times.media_us);
        let Some(fragment) = fragment else { continue };
        file.extend_from_slice(&fragment);
        pictures += 1;
    }
    if pictures == 0 || file.len() > limits::MAX_CLIP_BYTES {
        return Err(NoPicture::Failed);
    }
    Ok(Clip {
        sha256: Sha256::digest(&file).into(),
        file,
        codec: parameters.codec(),
        size_px: parameters.size_px,
        span_us: span(|unit| unit.times.capture_us),
        pictures,
        time_error_ms: units.iter().map(|unit| unit.times.time_error_ms).max().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{TimeSource, Times};

    /// x264's parameter sets of 1280x720, then a slice.
    fn unit(n: i64, keyframe: bool, level: u8) -> Unit {
        let mut data = Vec::new();
        if keyframe {
            data.extend_from_slice(&[0, 0, 0, 1, 0x67, 0x64, 0, level, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10]);
            data.extend_from_slice(&[0, 0, 3, 0, 0x10, 0, 0, 3, 3, 0x20, 0xf1, 0x83, 0x19, 0x60]);
            data.extend_from_slice(&[0, 0, 0, 1, 0x68, 0xeb, 0xe3, 0xcb]);
        }
        data.extend_from_slice(&[0, 0, 0, 1, if keyframe { 0x65 } else { 0x41 }, 7, n as u8]);
        let times = Times {
            media_us: 40_000 * n,
            capture_us: 5_000_000 + 40_000 * n,
            time_source: TimeSource::Arrival,
            time_error_ms: n as u32,
            arrival_us: 0,
            session: 0,
        };
        Unit { data: data.into(), keyframe, times }
    }

    #[test]
    fn the_same_pictures_make_the_same_file_and_hash() {
        let units: Vec<Unit> = (0..10).map(|n| unit(n, n % 5 == 0, 31)).collect();
        let clip = make(Codec::H264, &units).unwrap();
        assert_eq!((clip.pictures, clip.size_px, clip.time_error_ms), (10, (1280, 720), 9));
        assert_eq!((clip.span_us, clip.codec.as_str()), ((5_000_000, 5_360_000), "avc1.64001f"));
        assert_eq!(make(Codec::H264, &units).unwrap(), clip);
        assert_eq!(<[u8; 32]>::from(Sha256::digest(&clip.file)), clip.sha256);
        assert_ne!(make(Codec::H264, &units[..9]).unwrap().sha256, clip.sha256);
    }

    #[test]
    fn a_clip_ends_where_the_camera_was_set_otherwise_and_what_cannot_be_shown_is_refused() {
        let units: Vec<Unit> = (0..10).map(|n| unit(n, n % 5 == 0, if n < 5 { 31 } else { 40 })).collect();
        assert_eq!(make(Codec::H264, &units).unwrap().pictures, 5);
        assert_eq!(make(Codec::H265, &units).unwrap_err(), NoPicture::Codec);
        assert_eq!(make(Codec::H264, &[]).unwrap_err(), NoPicture::NotKept);
        assert_eq!(make(Codec::H264, &units[1..]).unwrap_err(), NoPicture::Failed);
    }
}
