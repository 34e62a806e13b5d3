//! Batches of events. A stream has one encoder and one decoder; names and models are numbered as they first appear and
//! travel once. When an encoder's table is full it starts over with number 1, and the decoder replaces. Fractions are
//! rounded (1/65535 of the picture, 1/1000 of a confidence), everything else comes back as it went in.

use std::collections::HashMap;

use prost::Message as _;
use uuid::Uuid;

use super::{WireError, check::check, check::count, check::required, check::scan};
use crate::event::{Event, Measure, Model, Phase, Record, Rect, Severity, Subject, TimeSource};
use crate::{limits, pb};

/// A batch, decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Epoch of all its records.
    pub epoch: u64,
    /// True where these were kept back while there was no connection.
    pub backfill: bool,
    /// The events with their sequences, in the order in which they were sent.
    pub records: Vec<Record>,
}

/// The encoding side of one event stream.
///
/// Bound: [`limits::MAX_NAMES_PER_STREAM`] names and [`limits::MAX_MODELS_PER_STREAM`] models; when full, starts over.
#[derive(Debug, Default)]
pub struct BatchEncoder {
    names: HashMap<String, u32>,
    models: HashMap<Model, u32>,
}

/// Bytes left for the batch's own fields and lengths beside names, models and events.
const OVERHEAD_BYTES: usize = 64;

impl BatchEncoder {
    /// For a new stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes as many of the records as one frame takes, and says how many: at least one, unless there are none. The
    /// records are of this epoch, keep to [`check`] and may come in any order.
    pub fn encode(&mut self, epoch: u64, backfill: bool, records: &[Record]) -> (Vec<u8>, usize) {
        let mut batch = pb::EventBatch {
            epoch,
            backfill,
            base_us: records.first().map_or(0, |record| record.event.captured_us),
            base_sequence: records.iter().map(|record| record.sequence).min().unwrap_or(0),
            ..Default::default()
        };
        let mut bytes = OVERHEAD_BYTES;
        for record in records.iter().take(limits::MAX_BATCH_EVENTS) {
            let first = batch.events.is_empty();
            if !self.fits(&record.event) {
                if !first {
                    break;
                }
                self.names.clear();
                self.models.clear();
            }
            let (names_before, models_before) = (batch.names.len(), batch.models.len());
            let event = self.event(&mut batch, record);
            let added: usize = embedded(&event)
                + batch.names[names_before..].iter().map(embedded).sum::<usize>()
                + batch.models[models_before..].iter().map(embedded).sum::<usize>();
            if !first && bytes + added > limits::MAX_FRAME_BYTES {
                // Its names go back: the decoder would never hear of them.
                for name in batch.names.drain(names_before..) {
                    self.names.remove(&name.text);
                }
                let known = self.models.len() - (batch.models.len() - models_before);
                self.models.retain(|_, number| *number as usize <= known);
                batch.models.truncate(models_before);
                break;
            }
            bytes += added;
            batch.events.push(event);
        }
        let taken = batch.events.len();
        (batch.encode_to_vec(), taken)
    }

    /// Would the names of one more event fit into the table, in the worst case?
    fn fits(&self, event: &Event) -> bool {
        let names = 6 + 2 * event.measures.len() + event.attributes.len();
        self.names.len() + names <= limits::MAX_NAMES_PER_STREAM && self.models.len() < limits::MAX_MODELS_PER_STREAM
    }

    fn name(&mut self, batch: &mut pb::EventBatch, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(&number) = self.names.get(text) {
            return number;
        }
        let number = self.names.len() as u32 + 1;
        self.names.insert(text.into(), number);
        batch.names.push(pb::Name { number, text: text.into() });
        number
    }

    fn model(&mut self, batch: &mut pb::EventBatch, model: &Model) -> u32 {
        if let Some(&number) = self.models.get(model) {
            return number;
        }
        let number = self.models.len() as u32 + 1;
        self.models.insert(model.clone(), number);
        batch.models.push(pb::Model {
            number,
            name: model.name.clone(),
            sha256: unhex(&model.sha256),
            width_px: model.input_px.0,
            height_px: model.input_px.1,
        });
        number
    }

    fn event(&mut self, batch: &mut pb::EventBatch, record: &Record) -> pb::Event {
        let event = &record.event;
        pb::Event {
            sequence_delta: record.sequence - batch.base_sequence,
            id: event.id.as_bytes().to_vec(),
            cause: event.cause.map_or_else(Vec::new, |cause| cause.as_bytes().to_vec()),
            camera: self.name(batch, event.camera.as_deref().unwrap_or("")),
            kind: self.name(batch, &event.kind),
            phase: phase_to_u32(event.phase),
            severity: severity_to_u32(event.severity),
            rule: self.name(batch, event.rule.as_deref().unwrap_or("")),
            config_revision: self.name(batch, &event.config_revision),
            captured_delta_us: event.captured_us.wrapping_sub(batch.base_us),
            time_source: time_source_to_u32(event.time_source),
            time_error_ms: event.time_error_ms,
            direction: self.name(batch, event.direction.as_deref().unwrap_or("")),
            subject: event.subject.as_ref().map(|subject| pb::Subject {
                track: subject.track,
                class: self.name(batch, &subject.class),
                confidence: quantise(subject.confidence, 1000.0),
                bbox: [subject.bbox.x0, subject.bbox.y0, subject.bbox.x1, subject.bbox.y1]
                    .map(|value| quantise(value, 65535.0))
                    .to_vec(),
                predicted: subject.predicted,
            }),
            point: event.point.map_or_else(Vec::new, |point| point.map(|value| quantise(value, 65535.0)).to_vec()),
            frame_px: event.frame_px.map_or_else(Vec::new, |(width, height)| vec![width, height]),
            measures: event
                .measures
                .iter()
                .map(|measure| pb::Measure {
                    name: self.name(batch, &measure.name),
                    value: measure.value,
                    threshold: measure.threshold,
                    unit: self.name(batch, &measure.unit),
                })
                .collect(),
            model: event.model.as_ref().map_or(0, |model| self.model(batch, model)),
            attributes: event
                .attributes
                .iter()
                .map(|(name, value)| pb::Attribute { name: self.name(batch, name), value: value.clone() })
                .collect(),
        }
    }
}

/// The decoding side of one event stream.
///
/// Bound: as the encoder's; a number above the bound ends the stream.
#[derive(Debug, Default)]
pub struct BatchDecoder {
    /// Number less one to name.
    names: Vec<String>,
    models: Vec<Model>,
}

impl BatchDecoder {
    /// For a new stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes one frame's payload. After an error the stream is of no use: its names may be half known.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Batch, WireError> {
        count("batch bytes", bytes.len(), limits::MAX_FRAME_BYTES)?;
        let fields = limits::MAX_BATCH_EVENTS + limits::MAX_NAMES_PER_STREAM + limits::MAX_MODELS_PER_STREAM;
        scan("batch fields", bytes, fields, &|_, _| false)?;
        let batch = pb::EventBatch::decode(bytes).map_err(WireError::Malformed)?;
        count("batch.events", batch.events.len(), limits::MAX_BATCH_EVENTS)?;
        for name in batch.names {
            required("batch.name", &name.text)?;
            place("batch.name.number", &mut self.names, name.number, name.text, limits::MAX_NAMES_PER_STREAM)?;
        }
        for model in batch.models {
            required("batch.model.name", &model.name)?;
            let number = model.number;
            let model =
                Model { name: model.name, sha256: hex(&model.sha256)?, input_px: (model.width_px, model.height_px) };
            place("batch.model.number", &mut self.models, number, model, limits::MAX_MODELS_PER_STREAM)?;
        }
        let mut records = Vec::with_capacity(batch.events.len());
        for event in batch.events {
            let sequence = batch
                .base_sequence
                .checked_add(event.sequence_delta)
                .filter(|&sequence| sequence > 0)
                .ok_or(WireError::Invalid { what: "event.sequence", why: "out of range" })?;
            let event = self.event(batch.base_us, event)?;
            check(&event)?;
            records.push(Record { epoch: batch.epoch, sequence, event });
        }
        Ok(Batch { epoch: batch.epoch, backfill: batch.backfill, records })
    }

    fn event(&self, base_us: i64, event: pb::Event) -> Result<Event, WireError> {
        let invalid = |what, why| WireError::Invalid { what, why };
        let measure = |measure: &pb::Measure| {
            Ok(Measure {
                name: self.name("event.measure.name", measure.name)?.unwrap_or_default(),
                value: measure.value,
                threshold: measure.threshold,
                unit: self.name("event.measure.unit", measure.unit)?.unwrap_or_default(),
            })
        };
        count("event.measures", event.measures.len(), limits::MAX_MEASURES)?;
        count("event.attributes", event.attributes.len(), limits::MAX_ATTRIBUTES)?;
        let attribute = |attribute: pb::Attribute| {
            Ok((self.name("event.attribute.name", attribute.name)?.unwrap_or_default(), attribute.value))
        };
        Ok(Event {
            id: uuid("event.id", &event.id)?,
            cause: (!event.cause.is_empty()).then(|| uuid("event.cause", &event.cause)).transpose()?,
            camera: self.name("event.camera", event.camera)?,
            kind: self.name("event.kind", event.kind)?.unwrap_or_default(),
            phase: phase_from_u32(event.phase).ok_or(invalid("event.phase", "unknown number"))?,
            severity: severity_from_u32(event.severity).ok_or(invalid("event.severity", "unknown number"))?,
            rule: self.name("event.rule", event.rule)?,
            config_revision: self.name("event.config_revision", event.config_revision)?.unwrap_or_default(),
            captured_us: base_us.wrapping_add(event.captured_delta_us),
            time_source: time_source_from_u32(event.time_source)
                .ok_or(invalid("event.time_source", "unknown number"))?,
            time_error_ms: event.time_error_ms,
            direction: self.name("event.direction", event.direction)?,
            subject: event.subject.map(|subject| self.subject(&subject)).transpose()?,
            point: match event.point.as_slice() {
                [] => None,
                &[x, y] => Some([restore("event.point", x, 65535)?, restore("event.point", y, 65535)?]),
                _ => return Err(invalid("event.point", "not two numbers")),
            },
            frame_px: match event.frame_px.as_slice() {
                [] => None,
                &[width, height] => Some((width, height)),
                _ => return Err(invalid("event.frame_px", "not two numbers")),
            },
            measures: event.measures.iter().map(measure).collect::<Result<_, WireError>>()?,
            model: match event.model {
                0 => None,
                number => Some(
                    self.models.get(number as usize - 1).cloned().ok_or(invalid("event.model", "unknown number"))?,
                ),
            },
            attributes: event.attributes.into_iter().map(attribute).collect::<Result<_, WireError>>()?,
        })
    }

    fn subject(&self, subject: &pb::Subject) -> Result<Subject, WireError> {
        let &[x0, y0, x1, y1] = subject.bbox.as_slice() else {
            return Err(WireError::Invalid { what: "event.subject.bbox", why: "not four numbers" });
        };
        let fraction = |value| restore("event.subject.bbox", value, 65535);
        Ok(Subject {
            track: subject.track,
            class: self.name("event.subject.class", subject.class)?.unwrap_or_default(),
            confidence: restore("event.subject.confidence", subject.confidence, 1000)?,
            bbox: Rect { x0: fraction(x0)?, y0: fraction(y0)?, x1: fraction(x1)?, y1: fraction(y1)? },
            predicted: subject.predicted,
        })
    }

    fn name(&self, what: &'static str, number: u32) -> Result<Option<String>, WireError> {
        if number == 0 {
            return Ok(None);
        }
        let name = self.names.get(number as usize - 1).filter(|name| !name.is_empty());
        name.cloned().map(Some).ok_or(WireError::Invalid { what, why: "a number without a name" })
    }
}

/// One record by itself, as the spool and the hub's log keep it: a batch of one with its names.
pub fn encode_record(record: &Record) -> Vec<u8> {
    BatchEncoder::new().encode(record.epoch, false, std::slice::from_ref(record)).0
}

/// Reads what [`encode_record`] wrote.
pub fn decode_record(bytes: &[u8]) -> Result<Record, WireError> {
    let mut batch = BatchDecoder::new().decode(bytes)?;
    match (batch.records.pop(), batch.records.is_empty()) {
        (Some(record), true) => Ok(record),
        _ => Err(WireError::Invalid { what: "record", why: "not exactly one event" }),
    }
}

pub(super) fn severity_to_u32(severity: Severity) -> u32 {
    match severity {
        Severity::Low => 0,
        Severity::Medium => 1,
        Severity::High => 2,
        Severity::Urgent => 3,
    }
}

pub(super) fn severity_from_u32(number: u32) -> Option<Severity> {
    [Severity::Low, Severity::Medium, Severity::High, Severity::Urgent].get(number as usize).copied()
}

fn phase_to_u32(phase: Phase) -> u32 {
    match phase {
        Phase::Begin => 0,
        Phase::Update => 1,
        Phase::End => 2,
    }
}

fn phase_from_u32(number: u32) -> Option<Phase> {
    [Phase::Begin, Phase::Update, Phase::End].get(number as usize).copied()
}

fn time_source_to_u32(source: TimeSource) -> u32 {
    match source {
        TimeSource::SenderReport => 0,
        TimeSource::Arrival => 1,
        TimeSource::File => 2,
        TimeSource::GatewayClock => 3,
    }
}

fn time_source_from_u32(number: u32) -> Option<TimeSource> {
    let all = [TimeSource::SenderReport, TimeSource::Arrival, TimeSource::File, TimeSource::GatewayClock];
    all.get(number as usize).copied()
}

/// A fraction as a whole number of `1/scale`; what lies outside 0–1 is moved to its edge.
fn quantise(value: f32, scale: f32) -> u32 {
    (value.clamp(0.0, 1.0) * scale).round() as u32
}

fn restore(what: &'static str, value: u32, scale: u16) -> Result<f32, WireError> {
    match u16::try_from(value) {
        Ok(value) if value <= scale => Ok(f32::from(value) / f32::from(scale)),
        _ => Err(WireError::Invalid { what, why: "above 1" }),
    }
}

/// Bytes of an embedded message with its tag and length.
fn embedded<M: prost::Message>(message: &M) -> usize {
    let bytes = message.encoded_len();
    1 + prost::length_delimiter_len(bytes) + bytes
}

/// Puts a value at its number, which is at most one above the highest so far: numbers are given in order.
fn place<T>(what: &'static str, table: &mut Vec<T>, number: u32, value: T, limit: usize) -> Result<(), WireError> {
    let number = number as usize;
    count(what, number, limit)?;
    match number.checked_sub(1) {
        Some(index) if index < table.len() => table[index] = value,
        Some(index) if index == table.len() => table.push(value),
        _ => {
            return Err(WireError::Invalid { what, why: "numbers must follow each other from 1" });
        }
    }
    Ok(())
}

fn uuid(what: &'static str, bytes: &[u8]) -> Result<Uuid, WireError> {
    Uuid::from_slice(bytes).map_err(|_| WireError::Invalid { what, why: "not 16 bytes" })
}

fn hex(bytes: &[u8]) -> Result<String, WireError> {
    if bytes.len() != 32 {
        return Err(WireError::Invalid { what: "batch.model.sha256", why: "not 32 bytes" });
    }
    let digit = |value: u8| char::from_digit(value.into(), 16).expect("a half byte is below 16");
    Ok(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

/// Hexadecimal digits to bytes; what is no digit counts as 0, because [`check`] has refused it before.
fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).unwrap_or(0) as u8).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
