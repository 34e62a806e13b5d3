//! The rules for what may travel: lengths, counts, numbers. `check` is for whole events, the rest are the small tests
//! that the coders share. `scan` counts embedded fields before prost allocates for them.

use super::WireError;
use crate::event::Event;
use crate::limits;

/// Does the event keep to the contract? The spool asks before it stores, the decoder before it hands out, so what is
/// stored can always be sent.
pub fn check(event: &Event) -> Result<(), WireError> {
    required("event.kind", &event.kind)?;
    for (what, text) in [
        ("event.camera", event.camera.as_deref()),
        ("event.rule", event.rule.as_deref()),
        ("event.direction", event.direction.as_deref()),
    ] {
        if let Some(text) = text {
            required(what, text)?;
        }
    }
    name("event.config_revision", &event.config_revision)?;
    time("event.captured_us", event.captured_us)?;
    if let Some(subject) = &event.subject {
        required("event.subject.class", &subject.class)?;
        let bbox = subject.bbox;
        fractions("event.subject.bbox", &[bbox.x0, bbox.y0, bbox.x1, bbox.y1])?;
        fractions("event.subject.confidence", &[subject.confidence])?;
    }
    if let Some(point) = event.point {
        fractions("event.point", &point)?;
    }
    if let Some((width, height)) = event.frame_px {
        picture("event.frame_px", width, height)?;
    }
    count("event.measures", event.measures.len(), limits::MAX_MEASURES)?;
    for measure in &event.measures {
        required("event.measure.name", &measure.name)?;
        name("event.measure.unit", &measure.unit)?;
        finite("event.measure.value", measure.value)?;
        finite("event.measure.threshold", measure.threshold.unwrap_or(0.0))?;
    }
    if let Some(model) = &event.model {
        required("event.model.name", &model.name)?;
        picture("event.model.input_px", model.input_px.0, model.input_px.1)?;
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if model.sha256.len() != 64 || !model.sha256.bytes().all(hex) {
            return Err(WireError::Invalid { what: "event.model.sha256", why: "not 64 lower-case hexadecimal digits" });
        }
    }
    count("event.attributes", event.attributes.len(), limits::MAX_ATTRIBUTES)?;
    for (key, value) in &event.attributes {
        required("event.attribute.name", key)?;
        text("event.attribute.value", value)?;
    }
    Ok(())
}

pub(super) fn count(what: &'static str, got: usize, limit: usize) -> Result<(), WireError> {
    if got > limit { Err(WireError::Limit { what, got, limit }) } else { Ok(()) }
}

pub(super) fn name(what: &'static str, value: &str) -> Result<(), WireError> {
    count(what, value.len(), limits::MAX_NAME_BYTES)
}

pub(super) fn required(what: &'static str, value: &str) -> Result<(), WireError> {
    if value.is_empty() {
        return Err(WireError::Invalid { what, why: "empty" });
    }
    name(what, value)
}

pub(super) fn text(what: &'static str, value: &str) -> Result<(), WireError> {
    count(what, value.len(), limits::MAX_TEXT_BYTES)
}

pub(super) fn finite(what: &'static str, value: f64) -> Result<(), WireError> {
    if value.is_finite() { Ok(()) } else { Err(WireError::Invalid { what, why: "not a finite number" }) }
}

pub(super) fn time(what: &'static str, us: i64) -> Result<(), WireError> {
    let allowed = -limits::MAX_TIME_US..=limits::MAX_TIME_US;
    if allowed.contains(&us) {
        Ok(())
    } else {
        Err(WireError::Invalid { what, why: "not a time before the year 10000" })
    }
}

pub(super) fn picture(what: &'static str, width: u32, height: u32) -> Result<(), WireError> {
    let allowed = 1..=limits::MAX_PICTURE_PX;
    if allowed.contains(&width) && allowed.contains(&height) {
        return Ok(());
    }
    Err(WireError::Invalid { what, why: "not a picture size" })
}

fn fractions(what: &'static str, values: &[f32]) -> Result<(), WireError> {
    if values.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    Err(WireError::Invalid { what, why: "not a finite number" })
}

/// Counts length-delimited fields of a message and of the embedded ones that `descend(depth, tag)` names, and stops
/// above `limit`. It runs before prost, whose structs are up to two hundred times the bytes of an empty field.
pub(super) fn scan(
    what: &'static str,
    bytes: &[u8],
    limit: usize,
    descend: &dyn Fn(u32, u64) -> bool,
) -> Result<(), WireError> {
    let mut seen = 0;
    scan_level(what, bytes, limit, descend, 0, &mut seen)
}

fn scan_level(
    what: &'static str,
    mut bytes: &[u8],
    limit: usize,
    descend: &dyn Fn(u32, u64) -> bool,
    depth: u32,
    seen: &mut usize,
) -> Result<(), WireError> {
    let cut = || WireError::Invalid { what, why: "cut or not protobuf" };
    while !bytes.is_empty() {
        let key = varint(&mut bytes).ok_or_else(cut)?;
        let skip = match key & 7 {
            0 => varint(&mut bytes).map(|_| 0),
            1 => Some(8),
            5 => Some(4),
            2 => varint(&mut bytes).and_then(|length| usize::try_from(length).ok()),
            _ => None,
        }
        .ok_or_else(cut)?;
        let field = bytes.get(..skip).ok_or_else(cut)?;
        bytes = &bytes[skip..];
        if key & 7 == 2 {
            *seen += 1;
            count(what, *seen, limit)?;
            if descend(depth, key >> 3) {
                scan_level(what, field, limit, descend, depth + 1, seen)?;
            }
        }
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
