//! Asks for pictures and the answers to them. Like the control messages they stay the generated types: one place on each
//! side reads them, and what must hold of them is checked here on the way in.

use prost::Message as _;

use super::WireError;
use super::check::{count, picture, required, text, time};
use crate::pb::{self, answer, ask};
use crate::{limits, picture};

/// A hub's ask as a frame's payload.
pub fn encode_ask(ask: &pb::Ask) -> Vec<u8> {
    ask.encode_to_vec()
}

/// Reads an ask. Where `what` is none, a later version asked for something that this one does not know.
pub fn decode_ask(bytes: &[u8]) -> Result<pb::Ask, WireError> {
    count("ask bytes", bytes.len(), limits::MAX_ASK_BYTES)?;
    let ask = pb::Ask::decode(bytes).map_err(WireError::Malformed)?;
    required("ask.camera", &ask.camera)?;
    if let Some(ask::What::Still(still)) = &ask.what
        && still.width_px_max > limits::MAX_PICTURE_PX
    {
        return Err(WireError::Invalid { what: "ask.still.width_px_max", why: "not a picture size" });
    }
    if let Some(ask::What::Clip(clip)) = &ask.what {
        time("ask.clip.from_us", clip.from_us)?;
        time("ask.clip.to_us", clip.to_us)?;
        if !(0..=limits::MAX_CLIP_US).contains(&(clip.to_us - clip.from_us)) {
            return Err(WireError::Invalid { what: "ask.clip", why: "it ends before it begins, or is too long" });
        }
    }
    Ok(ask)
}

/// A gateway's answer as a frame's payload.
pub fn encode_answer(answer: answer::Answer) -> Vec<u8> {
    pb::Answer { answer: Some(answer) }.encode_to_vec()
}

/// Reads an answer. None: one that a later version added.
pub fn decode_answer(bytes: &[u8]) -> Result<Option<answer::Answer>, WireError> {
    count("answer bytes", bytes.len(), limits::MAX_STILL_BYTES)?;
    let Some(answer) = pb::Answer::decode(bytes).map_err(WireError::Malformed)?.answer else {
        return Ok(None);
    };
    match &answer {
        answer::Answer::None(none) => text("answer.none.text", &none.text)?,
        answer::Answer::Still(still) => check_still(still)?,
        answer::Answer::Live(_) => {}
        answer::Answer::Clip(clip) => check_clip(clip)?,
    }
    Ok(Some(answer))
}

/// The answer that there is none, with what exactly; cut where it is longer than a text may be.
pub fn no_picture(cause: picture::NoPicture, exactly: &str) -> answer::Answer {
    let end = (0..=exactly.len().min(limits::MAX_TEXT_BYTES)).rev().find(|&end| exactly.is_char_boundary(end));
    answer::Answer::None(pb::NoPicture { cause: cause.as_u32(), text: exactly[..end.unwrap_or(0)].to_owned() })
}

/// A fragment of live video as a frame's payload.
pub fn encode_fragment(fragment: &pb::Fragment) -> Vec<u8> {
    fragment.encode_to_vec()
}

/// Reads a fragment.
pub fn decode_fragment(bytes: &[u8]) -> Result<pb::Fragment, WireError> {
    count("fragment bytes", bytes.len(), limits::MAX_FRAGMENT_BYTES)?;
    let fragment = pb::Fragment::decode(bytes).map_err(WireError::Malformed)?;
    time("fragment.captured_us", fragment.captured_us)?;
    time("fragment.sent_us", fragment.sent_us)?;
    count("fragment.head", fragment.head.len(), limits::MAX_HEAD_BYTES)?;
    count("fragment.codec", fragment.codec.len(), 32)?;
    if !is_codec(&fragment.codec) || fragment.head.is_empty() != fragment.codec.is_empty() {
        return Err(WireError::Invalid { what: "fragment.codec", why: "no name of a codec" });
    }
    if fragment.media.is_empty() {
        return Err(WireError::Invalid { what: "fragment.media", why: "empty" });
    }
    Ok(fragment)
}

/// What a group's stream begins with.
pub fn encode_group(number: u32, group: u32) -> [u8; picture::GROUP_HEADER_BYTES] {
    let mut bytes = [0; picture::GROUP_HEADER_BYTES];
    bytes[..4].copy_from_slice(&picture::GROUP_MAGIC);
    bytes[4..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..].copy_from_slice(&group.to_le_bytes());
    bytes
}

/// The ask's number and the group's; none where the stream is another.
pub fn decode_group(bytes: &[u8; picture::GROUP_HEADER_BYTES]) -> Option<(u32, u32)> {
    let [m0, m1, m2, m3, n0, n1, n2, n3, g0, g1, g2, g3] = *bytes;
    let pair = (u32::from_le_bytes([n0, n1, n2, n3]), u32::from_le_bytes([g0, g1, g2, g3]));
    ([m0, m1, m2, m3] == picture::GROUP_MAGIC).then_some(pair)
}

fn check_still(still: &pb::Still) -> Result<(), WireError> {
    time("still.captured_us", still.captured_us)?;
    time("still.sent_us", still.sent_us)?;
    picture("still", still.width_px, still.height_px)?;
    // What is shown in a browser as a JPEG begins and ends as one.
    if !still.jpeg.starts_with(&[0xFF, 0xD8, 0xFF]) || !still.jpeg.ends_with(&[0xFF, 0xD9]) {
        return Err(WireError::Invalid { what: "still.jpeg", why: "no JPEG" });
    }
    Ok(())
}

fn check_clip(clip: &pb::ClipBegins) -> Result<(), WireError> {
    time("clip.from_us", clip.from_us)?;
    time("clip.to_us", clip.to_us)?;
    time("clip.sent_us", clip.sent_us)?;
    count("clip.bytes", clip.bytes as usize, limits::MAX_CLIP_BYTES)?;
    picture("clip", clip.width_px, clip.height_px)?;
    required("clip.codec", &clip.codec)?;
    count("clip.codec", clip.codec.len(), 32)?;
    if !is_codec(&clip.codec) {
        return Err(WireError::Invalid { what: "clip.codec", why: "no name of a codec" });
    }
    if clip.sha256.len() != 32 {
        return Err(WireError::Invalid { what: "clip.sha256", why: "not 32 bytes" });
    }
    if clip.bytes == 0 || clip.pictures == 0 || clip.to_us < clip.from_us {
        return Err(WireError::Invalid { what: "clip", why: "nothing in it, or it ends before it begins" });
    }
    Ok(())
}

/// Letters, digits and dots: it stands in what browsers are told.
fn is_codec(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::NoPicture;
    use crate::samples;
    use proptest::prelude::*;

    #[test]
    fn asks_and_answers_come_back_as_they_went() {
        for ask in samples::asks() {
            assert_eq!(decode_ask(&encode_ask(&ask)).unwrap(), ask);
        }
        for answer in samples::answers() {
            assert_eq!(decode_answer(&encode_answer(answer.clone())).unwrap(), Some(answer));
        }
    }

    #[test]
    fn fragments_and_groups_come_back_and_what_is_none_is_refused() {
        let fragment = samples::fragment();
        assert_eq!(decode_fragment(&encode_fragment(&fragment)).unwrap(), fragment);
        let changed = |change: &dyn Fn(&mut pb::Fragment)| {
            let mut other = fragment.clone();
            change(&mut other);
            decode_fragment(&encode_fragment(&other)).is_ok()
        };
        assert!(changed(&|f| (f.codec, f.head) = (String::new(), Vec::new())));
        assert!(!changed(&|f| f.codec = "avc1\"><script>".into()));
        assert!(!changed(&|f| f.codec.clear()));
        assert!(!changed(&|f| f.media.clear()));
        assert!(!changed(&|f| f.head = vec![0; limits::MAX_HEAD_BYTES + 1]));
        assert_eq!(decode_group(&encode_group(7, 9)), Some((7, 9)));
        assert_eq!(decode_group(&[0; 12]), None);
        let as_a_frame = u32::from_le_bytes(picture::GROUP_MAGIC) as usize;
        assert!(as_a_frame > limits::MAX_FRAME_BYTES, "no event stream begins so");
    }

    #[test]
    fn what_a_later_version_asks_or_answers_is_known_as_such() {
        let later = [0x0a, 0x01, b'a', 0x9a, 0x06, 0x00]; // camera a, and a field 99
        assert_eq!(decode_ask(&later).unwrap().what, None);
        assert_eq!(decode_answer(&[0x9a, 0x06, 0x00]).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_is_refused_and_long_words_are_cut() {
        assert_eq!(decode_ask(&[]).unwrap_err().to_string(), "ask.camera: empty");
        let wide =
            pb::Ask { camera: "a".into(), what: Some(ask::What::Still(pb::AskStill { width_px_max: u32::MAX })) };
        assert!(decode_ask(&encode_ask(&wide)).is_err());
        assert!(decode_ask(&vec![0; limits::MAX_ASK_BYTES + 1]).is_err());
        assert!(decode_answer(&vec![0; limits::MAX_STILL_BYTES + 1]).is_err());
        let still = |change: &dyn Fn(&mut pb::Still)| {
            let Some(answer::Answer::Still(mut still)) = samples::answers().into_iter().nth(1) else { panic!() };
            change(&mut still);
            decode_answer(&encode_answer(answer::Answer::Still(still))).is_ok()
        };
        assert!(still(&|_| ()));
        assert!(!still(&|s| s.jpeg = b"<html>".to_vec()));
        assert!(!still(&|s| s.width_px = 0));
        assert!(!still(&|s| s.captured_us = i64::MAX));
        let span = |from_us, to_us| {
            let what = Some(ask::What::Clip(pb::AskClip { from_us, to_us }));
            decode_ask(&encode_ask(&pb::Ask { camera: "a".into(), what })).is_ok()
        };
        assert!(span(5, 5) && span(0, limits::MAX_CLIP_US));
        assert!(!span(6, 5) && !span(0, limits::MAX_CLIP_US + 1) && !span(i64::MIN, i64::MAX));
        let clip = |change: &dyn Fn(&mut pb::ClipBegins)| {
            let Some(answer::Answer::Clip(mut clip)) = samples::answers().into_iter().nth(3) else { panic!() };
            change(&mut clip);
            decode_answer(&encode_answer(answer::Answer::Clip(clip))).is_ok()
        };
        assert!(clip(&|_| ()));
        assert!(!clip(&|c| c.bytes = u32::MAX));
        assert!(!clip(&|c| c.bytes = 0));
        assert!(!clip(&|c| c.sha256.truncate(31)));
        assert!(!clip(&|c| c.codec = "avc1\r\nx: y".into()));
        assert!(!clip(&|c| c.to_us = c.from_us - 1));
        let long = no_picture(NoPicture::Failed, &"文".repeat(2000));
        assert!(decode_answer(&encode_answer(long)).is_ok());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (decode_ask(&bytes), decode_answer(&bytes), decode_fragment(&bytes));
        }
    }
}
