//! Round trips, bounds and hostile input of the batch coder.

use super::*;
use crate::samples;
use proptest::prelude::*;

/// The event as it comes back: only fractions are rounded.
fn rounded(mut record: Record) -> Record {
    let round = |value: f32, scale: f32| quantise(value, scale) as f32 / scale;
    if let Some(point) = &mut record.event.point {
        *point = point.map(|value| round(value, 65535.0));
    }
    if let Some(subject) = &mut record.event.subject {
        subject.confidence = round(subject.confidence, 1000.0);
        let Rect { x0, y0, x1, y1 } = subject.bbox;
        let [x0, y0, x1, y1] = [x0, y0, x1, y1].map(|value| round(value, 65535.0));
        subject.bbox = Rect { x0, y0, x1, y1 };
    }
    record
}

proptest! {
    #[test]
    fn batches_come_back_as_they_went(batches in prop::collection::vec(prop::collection::vec(samples::event(), 0..6), 1..5)) {
        let (mut encoder, mut decoder) = (BatchEncoder::new(), BatchDecoder::new());
        for (epoch, events) in batches.into_iter().enumerate() {
            let epoch = epoch as u64;
            let mut records: Vec<Record> =
                (7u64..).zip(events).map(|(sequence, event)| Record { epoch, sequence, event }).collect();
            records.reverse();
            let (bytes, taken) = encoder.encode(epoch, true, &records);
            prop_assert_eq!(taken, records.len());
            let batch = decoder.decode(&bytes).unwrap();
            let records = records.into_iter().map(rounded).collect();
            prop_assert_eq!(batch, Batch { epoch, backfill: true, records });
        }
    }

    #[test]
    fn a_record_stands_alone(event in samples::event(), epoch: u64, sequence in 1u64..) {
        let record = Record { epoch, sequence, event };
        let bytes = encode_record(&record);
        let once = decode_record(&bytes).unwrap();
        prop_assert_eq!(&once, &rounded(record));
        prop_assert_eq!(encode_record(&once), bytes, "rounding twice changes nothing");
    }

    #[test]
    fn damaged_batches_never_panic(event in samples::event(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut bytes = encode_record(&Record { epoch: 1, sequence: 1, event });
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode_record(&bytes);
        let _ = decode_record(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = BatchDecoder::new().decode(&bytes);
    }
}

#[test]
fn a_frame_takes_what_fits_and_the_rest_follows_with_names_intact() {
    let mut event = samples::crossing();
    event.attributes = (0..30).map(|i| (format!("attribute {i}"), "x".repeat(1000))).collect();
    let mut records = Vec::new();
    for sequence in 1..=40 {
        event.model.as_mut().unwrap().name = format!("model {}", sequence % 7);
        event.rule = Some(format!("rule {sequence}"));
        records.push(rounded(Record { epoch: 3, sequence, event: event.clone() }));
    }
    let (mut encoder, mut decoder) = (BatchEncoder::new(), BatchDecoder::new());
    let (mut rest, mut got, mut frames) = (records.as_slice(), Vec::new(), 0);
    while !rest.is_empty() {
        let (bytes, taken) = encoder.encode(3, false, rest);
        assert!(taken > 0 && bytes.len() <= limits::MAX_FRAME_BYTES);
        got.extend(decoder.decode(&bytes).unwrap().records);
        rest = &rest[taken..];
        frames += 1;
    }
    assert!(frames > 1, "the test wants more than a frame");
    assert_eq!(got, records);
}

#[test]
fn a_full_table_starts_over_and_the_decoder_follows() {
    let (mut encoder, mut decoder) = (BatchEncoder::new(), BatchDecoder::new());
    for round in 0..3 * limits::MAX_NAMES_PER_STREAM as u64 {
        let mut event = samples::crossing();
        event.rule = Some(format!("rule {round}"));
        if round % 5 == 0 {
            event.model.as_mut().unwrap().name = format!("model {round}");
        }
        let record = rounded(Record { epoch: 1, sequence: round + 1, event });
        let (bytes, _) = encoder.encode(1, false, std::slice::from_ref(&record));
        assert_eq!(decoder.decode(&bytes).unwrap().records, [record]);
    }
}

#[test]
fn names_travel_once() {
    let records = samples::records(32);
    let mut encoder = BatchEncoder::new();
    let first = encoder.encode(1, false, &records).0.len();
    let second = encoder.encode(1, false, &records).0.len();
    assert!(second < first, "{second} bytes the second time, {first} the first");
}

#[test]
fn hostile_batches_are_refused_with_their_reason() {
    let valid = || pb::EventBatch {
        base_sequence: 1,
        names: vec![pb::Name { number: 1, text: "line_cross".into() }],
        events: vec![pb::Event { id: vec![1; 16], kind: 1, ..Default::default() }],
        ..Default::default()
    };
    type Change = fn(&mut pb::EventBatch);
    let cases: Vec<(&str, Change)> = vec![
        ("event.kind: empty", |b| b.events[0].kind = 0),
        ("event.kind: a number without a name", |b| b.events[0].kind = 2),
        ("event.id: not 16 bytes", |b| b.events[0].id = vec![1; 15]),
        ("event.cause: not 16 bytes", |b| b.events[0].cause = vec![1]),
        ("event.phase: unknown number", |b| b.events[0].phase = 3),
        ("event.severity: unknown number", |b| b.events[0].severity = 4),
        ("event.time_source: unknown number", |b| b.events[0].time_source = 4),
        ("event.model: unknown number", |b| b.events[0].model = 1),
        ("event.point: not two numbers", |b| b.events[0].point = vec![1]),
        ("event.point: above 1", |b| b.events[0].point = vec![1, 65536]),
        ("event.frame_px: not a picture size", |b| b.events[0].frame_px = vec![0, 1]),
        ("event.sequence: out of range", |b| b.base_sequence = 0),
        ("event.sequence: out of range", |b| (b.base_sequence, b.events[0].sequence_delta) = (2, u64::MAX)),
        ("event.captured_us: not a time before the year 10000", |b| b.base_us = i64::MAX),
        ("event.subject.bbox: not four numbers", |b| b.events[0].subject = Some(pb::Subject::default())),
        ("event.measure.value: not a finite number", |b| {
            b.events[0].measures = vec![pb::Measure { name: 1, value: f64::NAN, ..Default::default() }];
        }),
        ("event.measures: 33 is above the limit of 32", |b| b.events[0].measures = vec![Default::default(); 33]),
        ("event.attributes: 33 is above the limit of 32", |b| b.events[0].attributes = vec![Default::default(); 33]),
        ("event.attribute.value: 1025 is above the limit of 1024", |b| {
            b.events[0].attributes = vec![pb::Attribute { name: 1, value: "x".repeat(1025) }];
        }),
        ("batch.name.number: numbers must follow each other from 1", |b| b.names[0].number = 2),
        ("batch.name.number: 4097 is above the limit of 4096", |b| b.names[0].number = 4097),
        ("batch.name: 257 is above the limit of 256", |b| b.names[0].text = "x".repeat(257)),
        ("batch.events: 1025 is above the limit of 1024", |b| b.events = vec![Default::default(); 1025]),
        ("batch fields: 5185 is above the limit of 5184", |b| b.events = vec![Default::default(); 9000]),
    ];
    assert!(BatchDecoder::new().decode(&valid().encode_to_vec()).is_ok());
    for (expected, change) in cases {
        let mut batch = valid();
        change(&mut batch);
        let error = BatchDecoder::new().decode(&batch.encode_to_vec()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let error = BatchDecoder::new().decode(&vec![0; limits::MAX_FRAME_BYTES + 1]).unwrap_err();
    assert!(matches!(error, WireError::Limit { .. }));
}
