//! One camera as the command line names it: `NAME=FILE[,offset_s=S][,codec=h265][,user=U,password=P][,clock_offset_s=N]`.

use std::path::PathBuf;
use std::str::FromStr;

/// What a camera sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codec {
    /// The file's own H.264, untouched.
    #[default]
    H264,
    /// Encoded once with x265 when the server starts.
    H265,
}

impl FromStr for Codec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "h264" => Ok(Codec::H264),
            "h265" => Ok(Codec::H265),
            _ => Err(format!("codec `{text}` is neither h264 nor h265")),
        }
    }
}

/// One camera to be played.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraSpec {
    /// Last part of its address.
    pub name: String,
    /// The clip.
    pub file: PathBuf,
    /// Where in the clip the first loop begins, seconds.
    pub offset_s: f64,
    /// What it sends.
    pub codec: Codec,
    /// User and password, asked for by digest.
    pub login: Option<(String, String)>,
    /// How far the camera's own clock runs ahead of the time of day, seconds.
    pub clock_offset_s: i64,
}

/// Why a camera's text was not understood.
#[derive(Debug, thiserror::Error)]
#[error(
    "camera {text:?}: {reason}; it is written NAME=FILE[,offset_s=S][,codec=h265][,user=U,password=P][,clock_offset_s=N]"
)]
pub struct SpecError {
    text: String,
    reason: String,
}

impl CameraSpec {
    /// A camera that plays `file` from its beginning under `name`.
    pub fn new(name: &str, file: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            file: file.into(),
            offset_s: 0.0,
            codec: Codec::H264,
            login: None,
            clock_offset_s: 0,
        }
    }
}

impl FromStr for CameraSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let fail = |reason: String| SpecError { text: text.to_owned(), reason };
        let (name, rest) = text.split_once('=').ok_or_else(|| fail("no `=`".into()))?;
        if name.is_empty() || name.contains('/') {
            return Err(fail("the name is empty or has a `/`".into()));
        }
        let mut parts = rest.split(',');
        let mut spec = Self::new(name, parts.next().unwrap_or_default());
        let (mut user, mut password) = (None, None);
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| fail(format!("`{part}` has no value")))?;
            let number = |error: &dyn std::fmt::Display| fail(format!("{key}: {error}"));
            match key {
                "offset_s" => spec.offset_s = value.parse().map_err(|error| number(&error))?,
                "clock_offset_s" => spec.clock_offset_s = value.parse().map_err(|error| number(&error))?,
                "codec" => spec.codec = value.parse().map_err(fail)?,
                "user" => user = Some(value.to_owned()),
                "password" => password = Some(value.to_owned()),
                _ => return Err(fail(format!("unknown key `{key}`"))),
            }
        }
        spec.login = match (user, password) {
            (Some(user), password) => Some((user, password.unwrap_or_default())),
            (None, Some(_)) => return Err(fail("a password without a user".into())),
            (None, None) => None,
        };
        Ok(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_read_from_its_text() {
        let spec: CameraSpec =
            "gate=a.mp4,offset_s=2.5,codec=h265,user=u,password=p=1,clock_offset_s=-7".parse().unwrap();
        let expected = CameraSpec {
            offset_s: 2.5,
            codec: Codec::H265,
            login: Some(("u".into(), "p=1".into())),
            clock_offset_s: -7,
            ..CameraSpec::new("gate", "a.mp4")
        };
        assert_eq!(spec, expected);
        assert_eq!("gate=a.mp4".parse::<CameraSpec>().unwrap(), CameraSpec::new("gate", "a.mp4"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, word) in [
            ("gate", "no `=`"),
            ("a/b=x", "`/`"),
            ("g=x,codec=av1", "av1"),
            ("g=x,offset_s=soon", "offset_s"),
            ("g=x,colour=1", "colour"),
            ("g=x,password=p", "without a user"),
        ] {
            let error = text.parse::<CameraSpec>().unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
