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
    }
    Ok(Some(answer))
}

/// The answer that there is none, with what exactly; cut where it is longer than a text may be.
pub fn no_picture(cause: picture::NoPicture, exactly: &str) -> answer::Answer {
    let end = (0..=exactly.len().min(limits::MAX_TEXT_BYTES)).rev().find(|&end| exactly.is_char_boundary(end));
    answer::Answer::None(pb::NoPicture { cause: cause.as_u32(), text: exactly[..end.unwrap_or(0)].to_owned() })
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
        let long = no_picture(NoPicture::Failed, &"文".repeat(2000));
        assert!(decode_answer(&encode_answer(long)).is_ok());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (decode_ask(&bytes), decode_answer(&bytes));
        }
    }
}
