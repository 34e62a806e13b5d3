//! Pictures on request: what a gateway can send, and why there is none, in plain words for whoever asked.

/// A bit of `Hello.pictures`: the gateway answers asks for stills.
pub const STILLS: u32 = 1;
/// The gateway answers asks for live video.
pub const LIVE: u32 = 2;
/// The gateway answers asks for clips.
pub const CLIPS: u32 = 4;
/// What the stream of a group of live pictures begins with. No event stream does: it would announce a frame beyond bounds.
pub const GROUP_MAGIC: [u8; 4] = *b"YWLV";
/// Bytes before a group's first fragment: the magic, the ask's number, the group's.
pub const GROUP_HEADER_BYTES: usize = 12;

/// The attribute of an event's end with the SHA-256 of the clip around it, in hexadecimal.
pub const CLIP_SHA256: &str = "clip_sha256";
/// A clip begins so long before its event.
pub const CLIP_BEFORE_US: i64 = 5_000_000;

/// From when to when the clip around an event goes; of a long one it is the end.
pub fn clip_span_us(begun_us: i64, ended_us: i64) -> (i64, i64) {
    let from_us = begun_us.min(ended_us).saturating_sub(CLIP_BEFORE_US);
    (from_us.max(ended_us.saturating_sub(crate::limits::MAX_CLIP_US)), ended_us)
}

/// Why there is no picture. The number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoPicture {
    /// The gateway has no such camera, or none any more.
    UnknownCamera = 1,
    /// The site does not let pictures of this camera out.
    SwitchedOff = 2,
    /// None has come from the camera, or none that can be decoded.
    NothingCame = 3,
    /// As many asks as the gateway answers at a time are under way.
    TooMany = 4,
    /// The gateway failed at it.
    Failed = 5,
    /// The ask is of a later version.
    NotUnderstood = 6,
    /// Live video cannot be masked without coding it anew.
    Masked = 7,
    /// The camera's coding is not what browsers show.
    Codec = 8,
    /// That time is not kept (any more).
    NotKept = 9,
    /// The site keeps no clips of this camera.
    ClipsOff = 10,
}

const ALL: [NoPicture; 10] = [
    NoPicture::UnknownCamera,
    NoPicture::SwitchedOff,
    NoPicture::NothingCame,
    NoPicture::TooMany,
    NoPicture::Failed,
    NoPicture::NotUnderstood,
    NoPicture::Masked,
    NoPicture::Codec,
    NoPicture::NotKept,
    NoPicture::ClipsOff,
];

impl NoPicture {
    /// The number on the wire.
    pub fn as_u32(self) -> u32 {
        self as u32
    }

    /// The cause with this number, where this version knows it.
    pub fn from_u32(number: u32) -> Option<Self> {
        ALL.into_iter().find(|cause| cause.as_u32() == number)
    }

    /// A word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            NoPicture::UnknownCamera => "camera_unknown",
            NoPicture::SwitchedOff => "pictures_off",
            NoPicture::NothingCame => "no_picture",
            NoPicture::TooMany => "gateway_busy",
            NoPicture::Failed => "gateway_failed",
            NoPicture::NotUnderstood => "not_understood",
            NoPicture::Masked => "masked",
            NoPicture::Codec => "codec_not_shown",
            NoPicture::NotKept => "clip_not_kept",
            NoPicture::ClipsOff => "clips_off",
        }
    }

    /// What happened, for people.
    pub fn text(self) -> &'static str {
        match self {
            NoPicture::UnknownCamera => "The gateway has no such camera any more.",
            NoPicture::SwitchedOff => "The site does not let pictures of this camera out.",
            NoPicture::NothingCame => "The gateway has no picture of this camera.",
            NoPicture::TooMany => "As many people as the gateway can serve are looking through it.",
            NoPicture::Failed => "The gateway failed at making the picture.",
            NoPicture::NotUnderstood => "The gateway does not know what was asked of it; it runs an older version.",
            NoPicture::Masked => "Parts of this camera are masked: it is shown in stills, neither live nor in clips.",
            NoPicture::Codec => "The camera sends H.265, which is shown in stills, neither live nor in clips.",
            NoPicture::NotKept => "The gateway does not keep the pictures of that time any more.",
            NoPicture::ClipsOff => "The site keeps no clips of this camera.",
        }
    }

    /// What to do about it.
    pub fn next(self) -> &'static str {
        match self {
            NoPicture::UnknownCamera => "Load the page again; if it stays, ask whoever keeps the gateway.",
            NoPicture::SwitchedOff => "Ask the department; it decides in [pictures] of the gateway's configuration.",
            NoPicture::NothingCame => "See the camera's state for the cause.",
            NoPicture::TooMany => "Try again in a few seconds.",
            NoPicture::Failed => "Try again; if it stays, see the gateway's log.",
            NoPicture::NotUnderstood => "Update the gateway.",
            NoPicture::Masked => "Ask for a still.",
            NoPicture::Codec => "Ask for a still, or give the gateway an H.264 stream of this camera.",
            NoPicture::NotKept => {
                "Ask sooner after an event; [pictures] clip_s and clip_mib at the gateway say how much is kept."
            }
            NoPicture::ClipsOff => {
                "Ask the department; it decides in [pictures] clip_s of the gateway's configuration."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_own_number_word_and_text() {
        for (number, cause) in (1..).zip(ALL) {
            assert_eq!((cause.as_u32(), NoPicture::from_u32(number)), (number, Some(cause)));
            let same = |other: &NoPicture| other.as_str() == cause.as_str() || other.text() == cause.text();
            assert_eq!(ALL.iter().filter(|other| same(other)).count(), 1);
            assert!(!cause.next().is_empty());
        }
        assert_eq!((NoPicture::from_u32(0), NoPicture::from_u32(ALL.len() as u32 + 1)), (None, None));
    }
}
