//! What the spool holds, in memory: segments with their bounds, what of each epoch is settled (durable at the hub, or
//! lost), and what had to be dropped. Pure: it names the files to remove, the caller removes them.

use std::collections::{BTreeMap, VecDeque};

use yiwang_wire::ranges::RangeSet;

use super::segment::Header;

/// One offset is remembered per so many records: a million held events cost 250 KB.
const SPARSE: u64 = 64;

/// Dropped spans kept until the hub has them. When full the two oldest become one: a span may grow, it is never
/// forgotten.
const DROPPED_MAX: usize = 64;

/// Why events were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The spool was at its bound of bytes: the oldest segment went.
    Size,
    /// They waited longer than the bound of age.
    Age,
    /// They could not be written and the queue in memory was full: the newest were refused.
    Refused,
    /// They could not be read back.
    Damaged,
}

impl DropReason {
    /// The word in events, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            DropReason::Size => "size",
            DropReason::Age => "age",
            DropReason::Refused => "refused",
            DropReason::Damaged => "damaged",
        }
    }
}

/// Events that were dropped together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Grows with every change; [`super::Spool::forget_dropped`] takes it.
    pub number: u64,
    /// Why.
    pub reason: DropReason,
    /// How many.
    pub events: u64,
    /// Capture time of the earliest, or a bound below it.
    pub from_us: i64,
    /// Capture time of the latest, or a bound above it.
    pub to_us: i64,
}

/// What the spool has of an epoch that is not settled from the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochHeld {
    /// The epoch.
    pub epoch: u64,
    /// First sequence that is not settled.
    pub first: u64,
    /// Last sequence that is on disk; `first - 1` where there is none.
    pub last: u64,
}

/// A record's place among others, as the index needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) offset: u64,
    pub(super) captured_us: i64,
    pub(super) spooled_us: i64,
}

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) header: Header,
    pub(super) bytes: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    from_us: i64,
    to_us: i64,
    /// When its newest record was spooled.
    newest_us: i64,
    sparse: Vec<(u64, u64)>,
    records: u64,
}

impl Segment {
    pub(super) fn new(header: Header) -> Self {
        Self {
            header,
            bytes: 0,
            first: 0,
            last: 0,
            from_us: i64::MAX,
            to_us: i64::MIN,
            newest_us: i64::MIN,
            sparse: Vec::new(),
            records: 0,
        }
    }

    pub(super) fn add(&mut self, entry: Entry) {
        if self.records == 0 {
            self.first = entry.sequence;
        }
        if self.records.is_multiple_of(SPARSE) {
            self.sparse.push((entry.sequence, entry.offset));
        }
        self.records += 1;
        self.last = entry.sequence;
        self.from_us = self.from_us.min(entry.captured_us);
        self.to_us = self.to_us.max(entry.captured_us);
        self.newest_us = self.newest_us.max(entry.spooled_us);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }
}

#[derive(Debug, Default)]
struct Epoch {
    /// Durable at the hub, lost, or from before what is held.
    settled: RangeSet,
    lost: RangeSet,
    last: u64,
}

impl Epoch {
    fn held(&self, epoch: u64) -> EpochHeld {
        let first = self.settled.contiguous_from(1).map_or(1, |end| end + 1);
        EpochHeld { epoch, first, last: self.last.max(first - 1) }
    }
}

/// Where reading begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) end: u64,
    /// The segment's last sequence.
    pub(super) last: u64,
}

/// The index. Segments are in the order of their headers, which is the order of their records.
#[derive(Debug, Default)]
pub(super) struct Index {
    segments: BTreeMap<Header, Segment>,
    epochs: BTreeMap<u64, Epoch>,
    dropped: VecDeque<Dropped>,
    dropped_number: u64,
    /// Events lost since the start, by any reason.
    pub(super) dropped_events: u64,
}

impl Index {
    /// The epoch that is being written is always known, even without a record.
    pub(super) fn begin_epoch(&mut self, epoch: u64) {
        self.epochs.entry(epoch).or_default();
    }

    /// Takes over a segment that was found; the caller brings them in order, with the holes in their sequences. A hole
    /// is damage, also between two segments; what is missing before an epoch's first was released in a former life.
    pub(super) fn recover(&mut self, segment: Segment, holes: &[(u64, u64)]) {
        let header = segment.header;
        let known = self.epochs.contains_key(&header.epoch);
        let epoch = self.epochs.entry(header.epoch).or_default();
        let first = holes.first().map_or(segment.first, |hole| hole.0.min(segment.first));
        let between = if known { Some((epoch.last + 1, segment.first - 1)) } else { None };
        if !known {
            epoch.settled.insert_range(1, first - 1);
        }
        epoch.last = segment.last;
        let span = (segment.from_us, segment.to_us);
        self.segments.insert(header, segment);
        for &(first, last) in holes.iter().chain(&between) {
            self.lose(header.epoch, first, last, DropReason::Damaged, span);
        }
    }

    /// A group of records is on disk in this segment, which now has this length.
    pub(super) fn written(&mut self, header: Header, bytes: u64, entries: &[Entry]) {
        let segment = self.segments.entry(header).or_insert_with(|| Segment::new(header));
        segment.bytes = bytes;
        for &entry in entries {
            segment.add(entry);
        }
        let last = segment.last;
        self.epochs.entry(header.epoch).or_default().last = last;
    }

    /// The hub has these. Returns the segments that are of no use any more; the one being written stays.
    pub(super) fn release(&mut self, epoch: u64, durable: &RangeSet, active: Option<Header>) -> Vec<String> {
        let Some(state) = self.epochs.get_mut(&epoch) else { return Vec::new() };
        // A hub that claims what was never sent must not make us forget what comes.
        for (first, last) in durable.iter() {
            state.settled.insert_range(first, last.min(state.last));
        }
        self.remove_settled(epoch, active)
    }

    /// Drops the oldest segments until bytes and age are within bounds.
    pub(super) fn enforce(&mut self, bytes_max: u64, oldest_us: i64) -> Vec<String> {
        let mut removed = Vec::new();
        while let Some((&header, segment)) = self.segments.first_key_value() {
            let reason = match (self.bytes() > bytes_max, segment.newest_us < oldest_us) {
                (true, _) => DropReason::Size,
                (_, true) => DropReason::Age,
                _ => break,
            };
            let (first, last, span) = (segment.first, segment.last, (segment.from_us, segment.to_us));
            self.segments.remove(&header);
            removed.push(header.file_name());
            self.lose(header.epoch, first, last, reason, span);
            self.forget_empty_epochs(header.epoch);
        }
        removed
    }

    /// Counts what of `first..=last` is not settled as lost.
    pub(super) fn lose(&mut self, epoch: u64, first: u64, last: u64, reason: DropReason, span: (i64, i64)) {
        let Some(state) = self.epochs.get_mut(&epoch) else { return };
        let mut events = 0;
        for (first, last) in state.settled.missing(first, last) {
            events += last - first + 1;
            state.settled.insert_range(first, last);
            state.lost.insert_range(first, last);
        }
        self.drop_events(reason, events, span);
    }

    /// Counts dropped events that have no sequence, or whose sequences are settled elsewhere.
    pub(super) fn drop_events(&mut self, reason: DropReason, events: u64, (from_us, to_us): (i64, i64)) {
        if events == 0 {
            return;
        }
        self.dropped_events += events;
        self.dropped_number += 1;
        let mut dropped = Dropped { number: self.dropped_number, reason, events, from_us, to_us };
        if let Some(before) = self.dropped.pop_back_if(|before| before.reason == reason) {
            dropped = join(&before, dropped);
        }
        self.dropped.push_back(dropped);
        if self.dropped.len() > DROPPED_MAX
            && let (Some(first), Some(second)) = (self.dropped.pop_front(), self.dropped.pop_front())
        {
            self.dropped.push_front(join(&first, second));
        }
    }

    /// Spans that were dropped and that nobody has told the hub yet.
    pub(super) fn dropped(&self) -> impl Iterator<Item = &Dropped> {
        self.dropped.iter()
    }

    /// The hub knows of those up to this number.
    pub(super) fn forget_dropped(&mut self, number: u64) {
        self.dropped.retain(|dropped| dropped.number > number);
    }

    /// Where the first record with a sequence of at least `from` may be found.
    pub(super) fn locate(&self, epoch: u64, from: u64) -> Option<Place> {
        let bounds = Header { epoch, number: 0 }..=Header { epoch, number: u64::MAX };
        let segment = self.segments.range(bounds).map(|(_, segment)| segment).find(|segment| segment.last >= from)?;
        let at = segment.sparse.partition_point(|&(sequence, _)| sequence <= from).saturating_sub(1);
        let (_, offset) = segment.sparse.get(at)?;
        Some(Place { name: segment.header.file_name(), offset: *offset, end: segment.bytes, last: segment.last })
    }

    /// The time that a segment's records cover.
    pub(super) fn span(&self, name: &str) -> (i64, i64) {
        let segment = Header::from_file_name(name).and_then(|header| self.segments.get(&header));
        segment.map_or((0, 0), |segment| (segment.from_us, segment.to_us))
    }

    /// The epochs with something held, and the one being written.
    pub(super) fn held(&self) -> Vec<EpochHeld> {
        self.epochs.iter().map(|(&epoch, state)| state.held(epoch)).collect()
    }

    /// What is lost of each epoch that is known.
    pub(super) fn lost(&self) -> Vec<(u64, RangeSet)> {
        let lost = self.epochs.iter().filter(|(_, state)| !state.lost.is_empty());
        lost.map(|(&epoch, state)| (epoch, state.lost.clone())).collect()
    }

    /// Bytes of all segments.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    /// How many segments.
    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Events that the hub has not acknowledged.
    pub(super) fn events(&self) -> u64 {
        let missing = |state: &Epoch| {
            state.last
                - state
                    .settled
                    .iter()
                    .map(|(first, last)| last.min(state.last).saturating_sub(first - 1))
                    .sum::<u64>()
                    .min(state.last)
        };
        self.epochs.values().map(missing).sum()
    }

    /// When the newest record of the oldest segment was spooled.
    pub(super) fn oldest_us(&self) -> Option<i64> {
        self.segments.values().next().map(|segment| segment.newest_us)
    }

    /// The clock was set by this much: what waits does not become older by it.
    pub(super) fn shift_ages(&mut self, by_us: i64) {
        for segment in self.segments.values_mut() {
            segment.newest_us = segment.newest_us.saturating_add(by_us);
        }
    }

    fn remove_settled(&mut self, epoch: u64, active: Option<Header>) -> Vec<String> {
        let Some(state) = self.epochs.get(&epoch) else { return Vec::new() };
        let settled_to = state.settled.contiguous_from(1).unwrap_or(0);
        let done: Vec<Header> = self
            .segments
            .range(Header { epoch, number: 0 }..=Header { epoch, number: u64::MAX })
            .filter(|(header, segment)| segment.last <= settled_to && Some(**header) != active)
            .map(|(header, _)| *header)
            .collect();
        for header in &done {
            self.segments.remove(header);
        }
        self.forget_empty_epochs(epoch);
        done.into_iter().map(Header::file_name).collect()
    }

    /// An earlier epoch without a segment has nothing more to say; the newest one is being written.
    fn forget_empty_epochs(&mut self, epoch: u64) {
        let newest = self.epochs.last_key_value().map(|(&epoch, _)| epoch);
        let holds = self.segments.keys().any(|header| header.epoch == epoch);
        if !holds && newest != Some(epoch) {
            self.epochs.remove(&epoch);
        }
    }
}

fn join(before: &Dropped, mut dropped: Dropped) -> Dropped {
    dropped.events += before.events;
    dropped.from_us = dropped.from_us.min(before.from_us);
    dropped.to_us = dropped.to_us.max(before.to_us);
    dropped
}
