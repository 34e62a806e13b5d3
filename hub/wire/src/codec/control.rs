//! The messages of the control stream and of joining. They stay the generated types: session logic on both sides is
//! their only reader, and what must hold of them is checked here, once, on the way in.

use prost::Message as _;

use super::WireError;
use super::batch::{severity_from_u32, severity_to_u32};
use super::check::{count, finite, name, required, scan, text, time};
use crate::event::KindDescriptor;
use crate::pb::{self, down, up};
use crate::ranges::RangeSet;
use crate::{limits, token};

/// A gateway's message as a frame's payload.
pub fn encode_up(message: up::Message) -> Vec<u8> {
    pb::Up { message: Some(message) }.encode_to_vec()
}

/// A hub's message as a frame's payload.
pub fn encode_down(message: down::Message) -> Vec<u8> {
    pb::Down { message: Some(message) }.encode_to_vec()
}

/// Reads a gateway's message. None: a message that a later version added; it is to be ignored.
pub fn decode_up(bytes: &[u8]) -> Result<Option<up::Message>, WireError> {
    count("message bytes", bytes.len(), limits::MAX_CONTROL_BYTES)?;
    // Depth 1, field 3 is the cameras of watermarks, whose gaps repeat once more.
    scan("message fields", bytes, limits::MAX_CONTROL_FIELDS, &|depth, tag| depth == 0 || depth == 1 && tag == 3)?;
    let Some(message) = pb::Up::decode(bytes).map_err(WireError::Malformed)?.message else {
        return Ok(None);
    };
    match &message {
        up::Message::Hello(hello) => check_hello(hello)?,
        up::Message::Watermarks(watermarks) => check_watermarks(watermarks)?,
        up::Message::Status(status) => check_status(status)?,
        up::Message::Renew(renew) => check_csr(&renew.csr_der)?,
    }
    Ok(Some(message))
}

/// Reads a hub's message. None: a message that a later version added; it is to be ignored.
pub fn decode_down(bytes: &[u8]) -> Result<Option<down::Message>, WireError> {
    count("message bytes", bytes.len(), limits::MAX_CONTROL_BYTES)?;
    scan("message fields", bytes, limits::MAX_CONTROL_FIELDS, &|depth, _| depth == 0)?;
    let Some(message) = pb::Down::decode(bytes).map_err(WireError::Malformed)?.message else {
        return Ok(None);
    };
    match &message {
        down::Message::Welcome(welcome) => {
            name("welcome.hub", &welcome.hub)?;
            time("welcome.clock_us", welcome.clock_us)?;
            check_durable(&welcome.durable)?;
        }
        down::Message::Ack(ack) => {
            check_durable(&ack.durable)?;
            time("ack.watermarks_us", ack.watermarks_us)?;
        }
        down::Message::Renewed(renewed) => {
            count("renewed.chain_pem", renewed.chain_pem.len(), limits::MAX_CHAIN_BYTES)?;
        }
        down::Message::Refused(refused) => text("refused.reason", &refused.reason)?,
    }
    Ok(Some(message))
}

/// A joining request as a frame's payload.
pub fn encode_join(join: &pb::Join) -> Vec<u8> {
    join.encode_to_vec()
}

/// Reads a joining request.
pub fn decode_join(bytes: &[u8]) -> Result<pb::Join, WireError> {
    count("message bytes", bytes.len(), limits::MAX_CONTROL_BYTES)?;
    let join = pb::Join::decode(bytes).map_err(WireError::Malformed)?;
    if token::secret_from_text(&join.secret).is_none() {
        return Err(WireError::Invalid { what: "join.secret", why: "not a secret" });
    }
    check_csr(&join.csr_der)?;
    time("join.clock_us", join.clock_us)?;
    name("join.name", &join.name)?;
    name("join.software", &join.software)?;
    Ok(join)
}

/// The answer to a joining request as a frame's payload.
pub fn encode_joined(joined: &pb::Joined) -> Vec<u8> {
    joined.encode_to_vec()
}

/// Reads the answer to a joining request. Either `refused` says why not, or the rest is there.
pub fn decode_joined(bytes: &[u8]) -> Result<pb::Joined, WireError> {
    count("message bytes", bytes.len(), limits::MAX_CONTROL_BYTES)?;
    let joined = pb::Joined::decode(bytes).map_err(WireError::Malformed)?;
    text("joined.refused", &joined.refused)?;
    time("joined.clock_us", joined.clock_us)?;
    count("joined.chain_pem", joined.chain_pem.len(), limits::MAX_CHAIN_BYTES)?;
    if joined.refused.is_empty() {
        required("joined.gateway", &joined.gateway)?;
        required("joined.department", &joined.department)?;
        if joined.chain_pem.is_empty() {
            return Err(WireError::Invalid { what: "joined.chain_pem", why: "empty" });
        }
    }
    Ok(joined)
}

/// What is durable of an epoch, for a welcome or an acknowledgement. Of more than [`limits::MAX_RANGES`] the lowest
/// travel: what is left out is sent again, no more.
pub fn durable_to_pb(epoch: u64, ranges: &RangeSet) -> pb::Durable {
    let ranges = ranges.iter().take(limits::MAX_RANGES).map(|(first, last)| pb::Range { first, last }).collect();
    pb::Durable { epoch, ranges }
}

/// The epoch and its durable sequences. Ranges have passed `decode_down`.
pub fn durable_from_pb(durable: &pb::Durable) -> (u64, RangeSet) {
    (durable.epoch, durable.ranges.iter().map(|range| (range.first, range.last)).collect())
}

/// A kind's descriptor for the hello.
pub fn descriptor_to_pb(kind: &KindDescriptor) -> pb::Kind {
    pb::Kind {
        kind: kind.kind.clone(),
        label_zh: kind.label_zh.clone(),
        label_en: kind.label_en.clone(),
        severity: severity_to_u32(kind.severity),
        merge_family: kind.merge_family.clone(),
        momentary: kind.momentary,
    }
}

/// A kind's descriptor out of a hello.
pub fn descriptor_from_pb(kind: &pb::Kind) -> Result<KindDescriptor, WireError> {
    required("hello.kind", &kind.kind)?;
    name("hello.kind.label_zh", &kind.label_zh)?;
    name("hello.kind.label_en", &kind.label_en)?;
    name("hello.kind.merge_family", &kind.merge_family)?;
    let unknown = WireError::Invalid { what: "hello.kind.severity", why: "unknown number" };
    Ok(KindDescriptor {
        kind: kind.kind.clone(),
        label_zh: kind.label_zh.clone(),
        label_en: kind.label_en.clone(),
        severity: severity_from_u32(kind.severity).ok_or(unknown)?,
        merge_family: kind.merge_family.clone(),
        momentary: kind.momentary,
    })
}

fn check_hello(hello: &pb::Hello) -> Result<(), WireError> {
    name("hello.software", &hello.software)?;
    name("hello.config_revision", &hello.config_revision)?;
    time("hello.clock_us", hello.clock_us)?;
    count("hello.cameras", hello.cameras.len(), limits::MAX_CAMERAS)?;
    count("hello.kinds", hello.kinds.len(), limits::MAX_KINDS)?;
    count("hello.epochs_held", hello.epochs_held.len(), limits::MAX_EPOCHS)?;
    for camera in &hello.cameras {
        required("hello.camera.id", &camera.id)?;
        name("hello.camera.name", &camera.name)?;
        within("hello.camera.longitude", camera.longitude, 180.0)?;
        within("hello.camera.latitude", camera.latitude, 90.0)?;
        within("hello.camera.heading_deg", camera.heading_deg, 360.0)?;
        within("hello.camera.field_of_view_deg", camera.field_of_view_deg, 360.0)?;
    }
    unique("hello.camera.id", hello.cameras.iter().map(|camera| camera.id.as_str()))?;
    for kind in &hello.kinds {
        descriptor_from_pb(kind)?;
    }
    unique("hello.kind", hello.kinds.iter().map(|kind| kind.kind.as_str()))
}

fn check_watermarks(watermarks: &pb::Watermarks) -> Result<(), WireError> {
    time("watermarks.sent_us", watermarks.sent_us)?;
    check_durable(&watermarks.lost)?;
    count("watermarks.cameras", watermarks.cameras.len(), limits::MAX_CAMERAS)?;
    for camera in &watermarks.cameras {
        required("watermark.camera", &camera.camera)?;
        time("watermark.complete_to_us", camera.complete_to_us)?;
        camera.complete_from_us.map_or(Ok(()), |us| time("watermark.complete_from_us", us))?;
        count("watermark.gaps", camera.gaps.len(), limits::MAX_GAPS)?;
        for gap in &camera.gaps {
            time("gap.from_us", gap.from_us)?;
            time("gap.to_us", gap.to_us)?;
            name("gap.reason", &gap.reason)?;
            if gap.from_us > gap.to_us {
                return Err(WireError::Invalid { what: "gap", why: "ends before it begins" });
            }
        }
    }
    Ok(())
}

fn check_status(status: &pb::Status) -> Result<(), WireError> {
    time("status.clock_us", status.clock_us)?;
    count("status.cameras", status.cameras.len(), limits::MAX_CAMERAS)?;
    for camera in &status.cameras {
        required("status.camera", &camera.camera)?;
        required("status.camera.state", &camera.state)?;
        name("status.camera.cause", &camera.cause)?;
        text("status.camera.cause_text", &camera.cause_text)?;
        time("status.camera.since_us", camera.since_us)?;
        finite("status.camera.analysed_fps", f64::from(camera.analysed_fps))?;
    }
    Ok(())
}

fn check_durable(durable: &[pb::Durable]) -> Result<(), WireError> {
    count("durable.epochs", durable.len(), limits::MAX_EPOCHS)?;
    for durable in durable {
        count("durable.ranges", durable.ranges.len(), limits::MAX_RANGES)?;
        let mut after = 0;
        for range in &durable.ranges {
            if range.first <= after || range.last < range.first {
                return Err(WireError::Invalid { what: "durable.ranges", why: "not in order, or from 0" });
            }
            after = range.last;
        }
    }
    Ok(())
}

fn check_csr(csr_der: &[u8]) -> Result<(), WireError> {
    count("csr_der", csr_der.len(), limits::MAX_CSR_BYTES)?;
    if csr_der.is_empty() { Err(WireError::Invalid { what: "csr_der", why: "empty" }) } else { Ok(()) }
}

fn within(what: &'static str, value: Option<f64>, limit: f64) -> Result<(), WireError> {
    match value {
        Some(value) if !(value.is_finite() && value.abs() <= limit) => {
            Err(WireError::Invalid { what, why: "out of range" })
        }
        _ => Ok(()),
    }
}

fn unique<'a>(what: &'static str, values: impl Iterator<Item = &'a str>) -> Result<(), WireError> {
    let mut seen = std::collections::HashSet::new();
    for value in values {
        if !seen.insert(value) {
            return Err(WireError::Invalid { what, why: "named twice" });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use proptest::prelude::*;

    #[test]
    fn every_message_comes_back_as_it_went() {
        for message in samples::up_messages() {
            assert_eq!(decode_up(&encode_up(message.clone())).unwrap(), Some(message));
        }
        for message in samples::down_messages() {
            assert_eq!(decode_down(&encode_down(message.clone())).unwrap(), Some(message));
        }
        assert_eq!(decode_join(&encode_join(&samples::join())).unwrap(), samples::join());
        for joined in samples::joined() {
            assert_eq!(decode_joined(&encode_joined(&joined)).unwrap(), joined);
        }
    }

    #[test]
    fn a_message_of_a_later_version_is_ignored() {
        let later = [0x9a, 0x06, 0x02, 0x08, 0x01]; // field 99 with an embedded message
        assert_eq!(decode_up(&later).unwrap(), None);
        assert_eq!(decode_down(&later).unwrap(), None);
    }

    #[test]
    fn durable_ranges_survive_and_too_many_are_cut_at_the_low_end() {
        let ranges: RangeSet = (0..2000u64).map(|i| (1 + 3 * i, 2 + 3 * i)).collect();
        let (epoch, back) = durable_from_pb(&durable_to_pb(9, &ranges));
        assert_eq!((epoch, back.len()), (9, limits::MAX_RANGES));
        assert!(back.iter().eq(ranges.iter().take(limits::MAX_RANGES)));
    }

    #[test]
    fn hostile_messages_are_refused_with_their_reason() {
        let camera = |id: &str| pb::Camera { id: id.into(), ..Default::default() };
        let hello = |change: &dyn Fn(&mut pb::Hello)| {
            let mut hello = pb::Hello { cameras: vec![camera("a")], ..Default::default() };
            change(&mut hello);
            up::Message::Hello(hello)
        };
        let gap = |from_us, to_us| pb::Gap { from_us, to_us, reason: "stalled".into() };
        let marks = |camera: &str, gaps: Vec<pb::Gap>| {
            let mark = pb::Watermark { camera: camera.into(), complete_to_us: 1, gaps, complete_from_us: None };
            up::Message::Watermarks(pb::Watermarks { cameras: vec![mark], ..Default::default() })
        };
        let cases = [
            (hello(&|h| h.cameras.push(camera("a"))), "hello.camera.id: named twice"),
            (hello(&|h| h.cameras[0].id.clear()), "hello.camera.id: empty"),
            (hello(&|h| h.cameras[0].latitude = Some(91.0)), "hello.camera.latitude: out of range"),
            (hello(&|h| h.cameras[0].longitude = Some(f64::NAN)), "hello.camera.longitude: out of range"),
            (hello(&|h| h.clock_us = i64::MIN), "hello.clock_us: not a time before the year 10000"),
            (hello(&|h| h.epochs_held = vec![1; 65]), "hello.epochs_held: 65 is above the limit of 64"),
            (hello(&|h| h.cameras = vec![camera("a"); 1025]), "hello.cameras: 1025 is above the limit of 1024"),
            (hello(&|h| h.kinds = vec![pb::Kind::default()]), "hello.kind: empty"),
            (hello(&|h| h.software = "x".repeat(257)), "hello.software: 257 is above the limit of 256"),
            (
                hello(&|h| h.cameras = vec![Default::default(); 20_000]),
                "message fields: 16385 is above the limit of 16384",
            ),
            (marks("", vec![]), "watermark.camera: empty"),
            (marks("a", vec![gap(2, 1)]), "gap: ends before it begins"),
            (marks("a", vec![gap(1, 2); 65]), "watermark.gaps: 65 is above the limit of 64"),
            (marks("a", vec![Default::default(); 20_000]), "message fields: 16385 is above the limit of 16384"),
            (up::Message::Renew(pb::Renew::default()), "csr_der: empty"),
        ];
        for (message, expected) in cases {
            assert_eq!(decode_up(&encode_up(message)).unwrap_err().to_string(), expected);
        }
        for ranges in [vec![(0, 1)], vec![(2, 1)], vec![(1, 5), (5, 6)]] {
            let ranges = ranges.into_iter().map(|(first, last)| pb::Range { first, last }).collect();
            let ack = pb::Ack { durable: vec![pb::Durable { epoch: 1, ranges }], watermarks_us: 0 };
            assert!(decode_down(&encode_down(down::Message::Ack(ack))).is_err());
        }
        assert!(decode_joined(&[]).is_err() && decode_join(&[]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (decode_up(&bytes), decode_down(&bytes));
            let _ = (decode_join(&bytes), decode_joined(&bytes));
        }

        #[test]
        fn damaged_messages_never_panic(which: prop::sample::Index, at: prop::sample::Index, byte: u8) {
            let mut messages: Vec<Vec<u8>> = samples::up_messages().into_iter().map(encode_up).collect();
            messages.extend(samples::down_messages().into_iter().map(encode_down));
            let mut bytes = which.get(&messages).clone();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = (decode_up(&bytes), decode_down(&bytes));
        }
    }
}
