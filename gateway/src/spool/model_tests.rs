//! The spool against a model: random operations by seed, crashes at every byte of a write, full disks, damage. What
//! must hold: an event that was synced is read back as it was, or was released, or is counted as lost; nothing else
//! is ever read.

use std::collections::BTreeMap;
use std::sync::Arc;

use yiwang_wire::event::{Event, Phase, Severity, TimeSource};
use yiwang_wire::ranges::RangeSet;

use super::*;

const NOW_US: i64 = 1_800_000_000_000_000;

fn event(text: &str, captured_us: i64) -> Event {
    Event {
        id: uuid::Uuid::from_u128(7),
        cause: None,
        camera: Some("east".into()),
        kind: "intrusion".into(),
        phase: Phase::Begin,
        severity: Severity::High,
        rule: None,
        config_revision: "0123456789ab".into(),
        captured_us,
        time_source: TimeSource::Arrival,
        time_error_ms: 0,
        direction: None,
        subject: None,
        point: None,
        frame_px: None,
        measures: vec![],
        model: None,
        attributes: vec![("text".into(), text.into())],
    }
}

/// Small numbers by seed; the quality of the randomness does not matter here.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What must be there: everything synced, by epoch and sequence.
#[derive(Default, Clone)]
struct Model {
    synced: BTreeMap<(u64, u64), String>,
    /// Pushed, perhaps on disk: a crash may keep or lose it.
    pushed: BTreeMap<(u64, u64), String>,
    released: BTreeMap<u64, RangeSet>,
    /// All that was ever named as lost: the spool forgets it with the epoch.
    lost: BTreeMap<u64, RangeSet>,
}

impl Model {
    fn push(&mut self, core: &mut Core, text: &str) {
        if let Ok(sequence) = core.push(&event(text, NOW_US), NOW_US) {
            self.pushed.insert((core.epoch(), sequence), text.into());
        }
    }

    fn commit(&mut self, core: &mut Core, now_us: i64) -> bool {
        let ok = core.commit(now_us).is_ok();
        let (epoch, durable) = (core.epoch(), core.durable_sequence());
        let done: Vec<_> = self.pushed.range(..=(epoch, durable)).map(|(key, text)| (*key, text.clone())).collect();
        for (key, text) in done {
            self.pushed.remove(&key);
            self.synced.insert(key, text);
        }
        ok
    }

    fn release(&mut self, core: &mut Core, epoch: u64, ranges: &RangeSet) {
        self.released.entry(epoch).or_default().merge(ranges);
        core.release(epoch, ranges);
    }

    fn check_only_reads(&self, read: &BTreeMap<(u64, u64), String>, seed: u64) {
        for (key, text) in read {
            assert_eq!(self.synced.get(key), Some(text), "seed {seed}: damage was read as an event");
        }
    }

    fn check(&mut self, core: &mut Core, note: &str) {
        let read = read_all(core);
        for (epoch, lost) in core.view().lost {
            self.lost.entry(epoch).or_default().merge(&lost);
        }
        for (key, text) in &read {
            let known = self.synced.get(key).or_else(|| self.pushed.get(key));
            assert_eq!(known, Some(text), "{note}: {key:?} was never spooled so");
        }
        for key in self.synced.keys() {
            let released = self.released.get(&key.0).is_some_and(|ranges| ranges.contains(key.1));
            let lost = self.lost.get(&key.0).is_some_and(|ranges| ranges.contains(key.1));
            assert!(read.contains_key(key) || released || lost, "{note}: {key:?} is gone; lost: {:?}", core.view());
        }
    }
}

fn read_all(core: &mut Core) -> BTreeMap<(u64, u64), String> {
    let mut all = BTreeMap::new();
    for held in core.held() {
        let mut from = held.first;
        loop {
            let records = core.read(held.epoch, from, 7, 3000).unwrap();
            let Some(last) = records.last() else { break };
            assert!(records[0].sequence >= from && records.is_sorted_by_key(|record| record.sequence));
            from = last.sequence + 1;
            for record in records {
                assert_eq!(record.epoch, held.epoch);
                all.insert((record.epoch, record.sequence), record.event.attributes[0].1.clone());
            }
        }
    }
    all
}

fn limits() -> SpoolLimits {
    SpoolLimits { bytes_max: 1 << 20, age_max_us: 3_600_000_000, segment_bytes: 1500, queue_events: 40 }
}

fn open(store: &MemStore, limits: SpoolLimits) -> Core {
    Core::open(Arc::new(store.clone()), limits, NOW_US).unwrap()
}

#[test]
fn random_lives_with_crashes_full_disks_and_damage_keep_what_was_synced() {
    for seed in 0..300 {
        let mut random = Seeded(seed);
        let store = MemStore::new();
        let mut core = open(&store, limits());
        let mut model = Model::default();
        for step in 0..120 {
            match random.below(12) {
                0..=4 => (0..random.below(6)).for_each(|i| model.push(&mut core, &format!("{seed}/{step}/{i}"))),
                5..=7 => assert!(model.commit(&mut core, NOW_US), "seed {seed}: a good disk takes all"),
                8 => {
                    let held = core.held();
                    let one = held[random.below(held.len() as u64) as usize];
                    let first = one.first + random.below(3);
                    let ranges = RangeSet::from_iter([(first, first + random.below(20))]);
                    let ranges: RangeSet = ranges.iter().map(|(a, b)| (a, b.min(one.last))).collect();
                    model.release(&mut core, one.epoch, &ranges);
                }
                9 => {
                    store.set_capacity(Some(
                        store.files().values().map(Vec::len).sum::<usize>() + random.below(300) as usize,
                    ));
                    model.push(&mut core, "while full");
                    model.commit(&mut core, NOW_US);
                    store.set_capacity(None);
                }
                10 => {
                    // A byte rots in a segment that is not being written; the spool is opened again.
                    model.commit(&mut core, NOW_US);
                    drop(core);
                    let names: Vec<String> = store.files().into_keys().filter(|name| name.ends_with(".seg")).collect();
                    if names.len() > 1 {
                        let name = &names[random.below(names.len() as u64 - 1) as usize];
                        let at = random.below(store.files()[name].len() as u64);
                        store.damage(name, at as usize, 0x20);
                    }
                    // What damage takes from an epoch's end, or all of a segment's, no reader can know of.
                    core = open(&store, limits());
                    let read = read_all(&mut core);
                    model.check_only_reads(&read, seed);
                    model.synced.retain(|key, _| read.contains_key(key));
                }
                _ => {
                    store.crash_after(random.below(600) as usize);
                    model.push(&mut core, "at the crash");
                    model.commit(&mut core, NOW_US);
                    drop(core);
                    store.revive();
                    core = open(&store, limits());
                    // What was handed over but not synced may be there, or not.
                    let read = read_all(&mut core);
                    let pushed = std::mem::take(&mut model.pushed);
                    model.synced.extend(pushed.into_iter().filter(|(key, _)| read.contains_key(key)));
                }
            }
            model.check(&mut core, &format!("seed {seed}, step {step}"));
        }
    }
}

#[test]
fn a_crash_at_every_byte_of_a_commit_loses_nothing_that_was_synced_before() {
    for before in [0, 1, 9] {
        let store = MemStore::new();
        let mut core = open(&store, limits());
        let mut model = Model::default();
        (0..before).for_each(|i| model.push(&mut core, &format!("before {i}")));
        model.commit(&mut core, NOW_US);
        let files = store.files();
        (0..4).for_each(|i| model.push(&mut core, &format!("torn {i}")));
        let mut whole = model.clone();
        whole.commit(&mut core, NOW_US);
        let (name, offset, bytes) = store.last_append().unwrap();
        for cut in 0..=bytes.len() {
            for fill in [None, Some(0u8)] {
                // A torn write leaves a prefix, or the file's new length with zeros where no data came.
                let mut files = files.clone();
                let file = files.entry(name.clone()).or_default();
                file.truncate(offset);
                file.extend_from_slice(&bytes[..cut]);
                if let Some(fill) = fill {
                    file.resize(offset + bytes.len(), fill);
                }
                let mut again = open(&MemStore::with_files(files), limits());
                assert!(again.epoch() > core.epoch());
                model.check(&mut again, &format!("{before} before, cut at {cut}, fill {fill:?}"));
                if cut == bytes.len() {
                    whole.check(&mut again, "the whole write");
                    assert_eq!(read_all(&mut again).len(), before + 4);
                }
                let lost = again.view().lost;
                assert!(lost.is_empty(), "a torn write is no loss: {lost:?}");
            }
        }
    }
}

#[test]
fn damage_in_the_middle_is_skipped_counted_and_named_as_lost() {
    let store = MemStore::new();
    let mut core = open(&store, SpoolLimits { segment_bytes: 1 << 18, ..limits() });
    (1..=9).for_each(|i| drop(core.push(&event(&format!("{i}"), NOW_US + i), NOW_US)));
    core.commit(NOW_US).unwrap();
    let epoch = core.epoch();
    let (name, _, bytes) = store.last_append().unwrap();
    let fifth = segment::records(&bytes, segment::HEADER_BYTES, 0).nth(4).unwrap().offset;
    // At run time, as a disk rots: the reader finds it, says so, and goes on behind it.
    store.damage(&name, fifth + 50, 1);
    let got: Vec<u64> = core.read(epoch, 1, 100, 1 << 20).unwrap().iter().map(|record| record.sequence).collect();
    assert_eq!(got, [1, 2, 3, 4, 6, 7, 8, 9]);
    assert_eq!(core.view().lost, [(epoch, RangeSet::from_iter([(5, 5)]))]);
    assert_eq!((core.stats().dropped_events, core.dropped()[0].reason), (1, DropReason::Damaged));
    // At the next start as well.
    let core = open(&store, limits());
    assert_eq!(core.view().lost, [(epoch, RangeSet::from_iter([(5, 5)]))]);
    assert_eq!((core.stats().damages, core.stats().events), (1, 8));
}

#[test]
fn over_its_bound_of_bytes_the_oldest_go_and_are_counted() {
    let store = MemStore::new();
    let limits = SpoolLimits { bytes_max: 8000, ..limits() };
    let mut core = open(&store, limits);
    for i in 0..200 {
        core.push(&event(&format!("{i}"), NOW_US + i), NOW_US).unwrap();
        core.commit(NOW_US).unwrap();
        let used: usize = store.files().values().map(Vec::len).sum();
        assert!(used <= 8000 + 40, "{used} bytes");
    }
    let read = read_all(&mut core);
    let (stats, dropped) = (core.stats(), core.dropped());
    assert_eq!((stats.dropped_events + read.len() as u64, stats.events), (200, read.len() as u64));
    assert_eq!((dropped.len(), dropped[0].reason, dropped[0].from_us), (1, DropReason::Size, NOW_US));
    assert_eq!(dropped[0].to_us, NOW_US + stats.dropped_events as i64 - 1);
    assert_eq!(core.held()[0].first, stats.dropped_events + 1);
    core.forget_dropped(dropped[0].number);
    assert!(core.dropped().is_empty());
}

#[test]
fn what_is_too_old_goes_but_a_clock_that_was_set_makes_nothing_old() {
    let store = MemStore::new();
    let mut core = open(&store, limits());
    core.push(&event("old", NOW_US), NOW_US).unwrap();
    core.commit(NOW_US).unwrap();
    let mut now_us = NOW_US + 86_400_000_000;
    core.commit(now_us).unwrap();
    assert_eq!(core.stats().dropped_events, 0, "the clock was set a day ahead");
    for _ in 0..8 {
        now_us += 500_000_000;
        core.commit(now_us).unwrap();
    }
    assert_eq!((core.stats().dropped_events, core.dropped()[0].reason), (1, DropReason::Age));
    assert_eq!(core.stats().segments, 0);
    // And at a start with a clock that was never set.
    let store = MemStore::new();
    let mut core = Core::open(Arc::new(store.clone()), limits(), 5_000_000).unwrap();
    core.push(&event("1970", 1), 5_000_000).unwrap();
    core.commit(5_000_000).unwrap();
    assert_eq!(read_all(&mut open(&store, limits())).len(), 1);
}

#[test]
fn a_full_disk_refuses_the_newest_with_the_reason_and_recovers_in_order() {
    let store = MemStore::new();
    let mut core = open(&store, limits());
    store.set_capacity(Some(300));
    let mut taken = 0;
    let refused = loop {
        match core.push(&event("x", NOW_US), NOW_US) {
            Ok(sequence) => taken = sequence,
            Err(error) => break error,
        }
        let _ = core.commit(NOW_US);
    };
    assert!(refused.to_string().contains("cannot write the spool's segment"), "{refused}");
    assert!(core.stats().fault.is_some());
    assert_eq!((core.stats().dropped_events, core.dropped()[0].reason), (1, DropReason::Refused));
    store.set_capacity(None);
    core.commit(NOW_US).unwrap();
    assert_eq!((core.durable_sequence(), core.stats().fault), (taken, None));
    let sequences: Vec<u64> = read_all(&mut core).into_keys().map(|(_, sequence)| sequence).collect();
    assert!(sequences.into_iter().eq(1..=taken), "no sequence was spent on a refused event");
}

#[test]
fn epochs_grow_whatever_the_clock_says_and_nothing_is_written_before_they_are_saved() {
    let store = MemStore::new();
    let first = open(&store, limits()).epoch();
    assert_eq!(first, NOW_US as u64 / 1000);
    let back = Core::open(Arc::new(store.clone()), limits(), 1_000).unwrap().epoch();
    assert_eq!(back, first + 1);
    store.set_capacity(Some(store.files().values().map(Vec::len).sum()));
    let mut core = Core::open(Arc::new(store.clone()), limits(), 1_000).unwrap();
    core.push(&event("x", 1), 1).unwrap();
    assert!(core.commit(1).is_err());
    assert!(store.files().keys().all(|name| name == "epoch"), "{:?}", store.files().keys());
    store.set_capacity(None);
    core.commit(1).unwrap();
    assert_eq!(store.files()["epoch"], (first + 2).to_string().into_bytes());
}

#[test]
fn the_released_prefix_frees_whole_segments_and_ranges_behind_it_wait() {
    let store = MemStore::new();
    let mut core = open(&store, limits());
    for i in 0..60 {
        core.push(&event(&format!("{i}"), NOW_US), NOW_US).unwrap();
        core.commit(NOW_US).unwrap();
    }
    let (epoch, segments) = (core.epoch(), core.stats().segments);
    core.release(epoch, &RangeSet::from_iter([(20, 60)]));
    core.commit(NOW_US).unwrap();
    assert_eq!((core.stats().segments, core.stats().events), (segments, 19));
    core.release(epoch, &RangeSet::from_iter([(1, 19), (61, 99)]));
    core.commit(NOW_US).unwrap();
    let active = 1;
    assert!(core.stats().segments <= active && core.stats().events == 0, "{:?}", core.stats());
    assert_eq!(store.files().keys().filter(|name| name.ends_with(".seg")).count(), core.stats().segments);
    assert_eq!(core.push(&event("next", NOW_US), NOW_US).unwrap(), 61);
    core.commit(NOW_US).unwrap();
    assert_eq!(core.stats().events, 1, "a hub cannot settle what was never sent");
    assert_eq!(read_all(&mut core).into_keys().next_back(), Some((epoch, 61)));
}

#[test]
fn an_event_that_no_message_can_carry_is_refused_by_name() {
    let mut core = open(&MemStore::new(), limits());
    let mut bad = event("x", NOW_US);
    bad.rule = Some("r".repeat(300));
    let error = super::with_causes(&core.push(&bad, NOW_US).unwrap_err());
    assert_eq!(error, "an event of kind `intrusion` cannot be spooled: event.rule: 300 is above the limit of 256");
    assert_eq!(core.last_sequence(), 0);
}
