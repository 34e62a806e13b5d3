//! The spool's logic without thread, clock or lock: recovery, the queue, group commits, bounds, reading. A commit has
//! three parts, so that the shell can write while others append: `begin` decides, [`Commit::perform`] writes, `finish`
//! takes the result. Simulations call [`Core::commit`], which does all three.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use yiwang_wire::codec;
use yiwang_wire::event::{Event, Record};
use yiwang_wire::ranges::RangeSet;

use super::index::{DropReason, Dropped, Entry, EpochHeld, Index, Place, Segment};
use super::segment::{self, HEADER_BYTES, Header, RECORD_HEADER_BYTES, Stored};
use super::store::Store;
use super::{SpoolError, SpoolLimits, SpoolStats, SpoolView};

const EPOCH_FILE: &str = "epoch";
/// Times before 2024 come from a clock that was not set yet: nothing is dropped for its age by them.
const CLOCK_SET_US: i64 = 1_704_067_200_000_000;
/// A clock that moves by more than this between two looks was set, and age does not count it.
const CLOCK_JUMP_US: i64 = 600_000_000;
/// Far above the longest segment that was ever written; more of a file is not read.
const RECOVER_BYTES_MAX: usize = 256 << 20;
/// A commit writes at most about this much.
const GROUP_BYTES_MAX: usize = 512 * 1024;

/// The spool's state.
#[derive(Debug)]
pub struct Core {
    store: Arc<dyn Store>,
    limits: SpoolLimits,
    epoch: u64,
    /// The epoch's number is on disk: before that nothing is written under it, or a later start could take it again.
    epoch_saved: bool,
    sequence: u64,
    durable: u64,
    /// Bound: `limits.queue_events`, those of a commit under way included. Overflow: the newest is refused and counted.
    queue: VecDeque<Queued>,
    active: Option<Header>,
    active_bytes: u64,
    next_number: u64,
    index: Index,
    /// Files to be removed; tried again with each commit.
    doomed: Vec<String>,
    torn_bytes: u64,
    damages: u64,
    fault: Option<String>,
    looked_us: i64,
}

#[derive(Debug)]
struct Queued {
    sequence: u64,
    bytes: Vec<u8>,
    captured_us: i64,
    spooled_us: i64,
}

/// One write that was decided on.
#[derive(Debug)]
pub struct Commit {
    epoch: Option<u64>,
    remove: Vec<String>,
    header: Header,
    offset: u64,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Commit {
    /// Does it. Blocks until it is on the disk.
    pub fn perform(&self, store: &dyn Store) -> io::Result<()> {
        for name in &self.remove {
            store.remove(name)?;
        }
        if let Some(epoch) = self.epoch {
            store.replace(EPOCH_FILE, epoch.to_string().as_bytes())?;
        }
        let name = self.header.file_name();
        if self.entries.is_empty() {
            return Ok(());
        }
        store.append(&name, self.offset, &self.bytes).inspect_err(|_| {
            // Best effort: what cannot be cut off is torn and skipped by every reader.
            let cut = if self.offset == 0 { store.remove(&name) } else { store.truncate(&name, self.offset) };
            if let Err(error) = cut {
                tracing::debug!(%name, %error, "a failed write could not be undone; its rest is skipped when read");
            }
        })
    }
}

impl Core {
    /// Recovers what is there and begins a new epoch: the one before plus one, or the clock in milliseconds, whichever
    /// is greater. A disk that cannot be written is no error here; it is one with each commit.
    pub fn open(store: Arc<dyn Store>, limits: SpoolLimits, now_us: i64) -> Result<Self, SpoolError> {
        let mut core = Self {
            store,
            limits: limits.sane(),
            epoch: 0,
            epoch_saved: false,
            sequence: 0,
            durable: 0,
            queue: VecDeque::new(),
            active: None,
            active_bytes: 0,
            next_number: 1,
            index: Index::default(),
            doomed: Vec::new(),
            torn_bytes: 0,
            damages: 0,
            fault: None,
            looked_us: now_us,
        };
        let newest = core.recover(now_us).map_err(|source| SpoolError::Recover { source })?;
        core.epoch = (newest + 1).max(u64::try_from(now_us / 1000).unwrap_or(0));
        core.index.begin_epoch(core.epoch);
        // Now rather than with the first event: an epoch is named in the hello.
        if let Err(error) = core.commit(now_us) {
            tracing::warn!(%error, "the spool cannot be written at the start; events wait in memory");
        }
        Ok(core)
    }

    /// Takes an event over and gives it its sequence. It is not on disk yet.
    pub fn push(&mut self, event: &Event, now_us: i64) -> Result<u64, SpoolError> {
        codec::check(event).map_err(|source| SpoolError::Event { kind: event.kind.clone(), source })?;
        if self.queue.len() >= self.limits.queue_events {
            self.index.drop_events(DropReason::Refused, 1, (event.captured_us, event.captured_us));
            let cause = self.fault.clone().unwrap_or_else(|| "the disk is slower than events come".into());
            return Err(SpoolError::Refused { waiting: self.queue.len(), cause });
        }
        let sequence = self.sequence + 1;
        let payload = codec::encode_record(&Record { epoch: self.epoch, sequence, event: event.clone() });
        let (captured_us, severity) = (event.captured_us, event.severity);
        let mut bytes = Vec::with_capacity(RECORD_HEADER_BYTES + payload.len());
        let record = Stored { offset: 0, sequence, captured_us, spooled_us: now_us, severity, payload: &payload };
        segment::encode(&record, &mut bytes);
        self.queue.push_back(Queued { sequence, bytes, captured_us, spooled_us: now_us });
        self.sequence = sequence;
        Ok(sequence)
    }

    /// Decides on the next write; none where there is nothing to do.
    pub fn begin(&mut self, now_us: i64) -> Option<Commit> {
        self.look(now_us);
        let header = self.active.unwrap_or(Header { epoch: self.epoch, number: self.next_number });
        let offset = if self.active.is_some() { self.active_bytes } else { 0 };
        let mut bytes = if offset == 0 { header.encode(self.durable + 1).to_vec() } else { Vec::new() };
        let mut entries = Vec::new();
        for queued in &self.queue {
            if bytes.len() >= GROUP_BYTES_MAX {
                break;
            }
            entries.push(Entry {
                sequence: queued.sequence,
                offset: offset + bytes.len() as u64,
                captured_us: queued.captured_us,
                spooled_us: queued.spooled_us,
            });
            bytes.extend_from_slice(&queued.bytes);
        }
        if !entries.is_empty() {
            self.bound(bytes.len() as u64, now_us);
        }
        // The bound may have taken the segment that was being written.
        let (header, offset) = match self.active {
            None if offset != 0 => return self.begin(now_us),
            _ => (header, offset),
        };
        let remove = std::mem::take(&mut self.doomed);
        let epoch = (!self.epoch_saved).then_some(self.epoch);
        if entries.is_empty() && remove.is_empty() && epoch.is_none() {
            return None;
        }
        Some(Commit { epoch, remove, header, offset, bytes, entries })
    }

    /// Takes the result of a write. After a failure the events wait on, and the next try goes to a new segment: what a
    /// failed sync has left in the old one is not known.
    pub fn finish(&mut self, commit: Commit, result: io::Result<()>) -> Result<(), SpoolError> {
        if let Err(source) = result {
            self.doomed.extend(commit.remove);
            if !commit.entries.is_empty() {
                self.active = None;
                self.next_number = self.next_number.max(commit.header.number + 1);
            }
            let error = SpoolError::Write { name: commit.header.file_name(), source };
            self.fault = Some(super::with_causes(&error));
            return Err(error);
        }
        self.epoch_saved = true;
        self.fault = None;
        let Some(last) = commit.entries.last() else { return Ok(()) };
        self.durable = last.sequence;
        self.queue.drain(..commit.entries.len());
        self.active_bytes = commit.offset + commit.bytes.len() as u64;
        self.next_number = self.next_number.max(commit.header.number + 1);
        self.index.written(commit.header, self.active_bytes, &commit.entries);
        let full = self.active_bytes >= self.limits.segment_bytes;
        self.active = (!full).then_some(commit.header);
        Ok(())
    }

    /// Writes everything that waits, here and now.
    pub fn commit(&mut self, now_us: i64) -> Result<(), SpoolError> {
        while let Some(commit) = self.begin(now_us) {
            let result = commit.perform(&*self.store);
            self.finish(commit, result)?;
        }
        Ok(())
    }

    /// The hub has these of the epoch. Whole segments go with the next commit.
    pub fn release(&mut self, epoch: u64, durable: &RangeSet) {
        let removed = self.index.release(epoch, durable, self.active);
        self.doomed.extend(removed);
    }

    /// Reads records of an epoch from a sequence on, those that are on disk; fewer than asked for does not mean that
    /// there are no more. What cannot be read is counted as lost. Empty: nothing is there at or after `from`.
    pub fn read(
        &mut self,
        epoch: u64,
        from: u64,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Record>, SpoolError> {
        let mut from = from;
        while let Some(place) = self.locate(epoch, from) {
            let read = read_place(&*self.store, &place, from, events_max, bytes_max);
            let (records, next) = self.took(epoch, from, &place, read?);
            if !records.is_empty() {
                return Ok(records);
            }
            from = next;
        }
        Ok(Vec::new())
    }

    pub(super) fn locate(&self, epoch: u64, from: u64) -> Option<Place> {
        self.index.locate(epoch, from)
    }

    /// Counts what a read could not find between `from` and what it found; returns where to go on.
    pub(super) fn took(&mut self, epoch: u64, from: u64, place: &Place, records: Vec<Record>) -> (Vec<Record>, u64) {
        let mut next = from;
        let mut holes = Vec::new();
        for record in &records {
            if record.sequence > next {
                holes.push((next, record.sequence - 1));
            }
            next = record.sequence + 1;
        }
        if records.is_empty() {
            holes.push((from, place.last));
            next = place.last + 1;
        }
        let span = self.index.span(&place.name);
        for (first, last) in holes {
            self.index.lose(epoch, first, last, DropReason::Damaged, span);
        }
        (records, next)
    }

    /// The epoch being written.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The last sequence given.
    pub fn last_sequence(&self) -> u64 {
        self.sequence
    }

    /// The last sequence on disk.
    pub fn durable_sequence(&self) -> u64 {
        self.durable
    }

    /// What waits for a write.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// True while the last write failed.
    pub fn is_failing(&self) -> bool {
        self.fault.is_some()
    }

    /// What is held and what is lost.
    pub fn view(&self) -> SpoolView {
        SpoolView { epoch: self.epoch, held: self.held(), lost: self.index.lost() }
    }

    /// What is held, by epoch, oldest first.
    pub fn held(&self) -> Vec<EpochHeld> {
        self.index.held()
    }

    /// Dropped spans that the hub was not told of yet.
    pub fn dropped(&self) -> Vec<Dropped> {
        self.index.dropped().cloned().collect()
    }

    /// The hub was told.
    pub fn forget_dropped(&mut self, number: u64) {
        self.index.forget_dropped(number);
    }

    /// Figures.
    pub fn stats(&self) -> SpoolStats {
        SpoolStats {
            epoch: self.epoch,
            last_sequence: self.sequence,
            durable_sequence: self.durable,
            events: self.index.events() + self.queue.len() as u64,
            queued: self.queue.len(),
            bytes: self.index.bytes(),
            segments: self.index.segments(),
            oldest_us: self.index.oldest_us(),
            dropped_events: self.index.dropped_events,
            damages: self.damages,
            torn_bytes: self.torn_bytes,
            fault: self.fault.clone(),
        }
    }

    /// Reads all segments once. Returns the newest epoch that was ever used.
    fn recover(&mut self, now_us: i64) -> io::Result<u64> {
        let mut headers = Vec::new();
        for (name, _) in self.store.list()? {
            headers.extend(Header::from_file_name(&name));
        }
        headers.sort();
        let mut after = (0, 0);
        for &header in &headers {
            if after.0 != header.epoch {
                after = (header.epoch, 0);
            }
            self.recover_segment(header, &mut after.1, now_us)?;
        }
        let saved = match self.store.read(EPOCH_FILE, 0, 32) {
            Ok(bytes) => std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(headers.last().map_or(0, |header| header.epoch).max(saved))
    }

    fn recover_segment(&mut self, header: Header, after: &mut u64, now_us: i64) -> io::Result<()> {
        let name = header.file_name();
        let bytes = self.store.read(&name, 0, RECOVER_BYTES_MAX)?;
        // A damaged header costs nothing: name and records say the same. A file shorter than it is a torn first write.
        let mut expected = Header::decode(&bytes).map(|(_, first)| first);
        let start = HEADER_BYTES.min(bytes.len());
        let mut segment = Segment::new(header);
        let mut holes = Vec::new();
        let mut walk = segment::records(&bytes, start, *after);
        for record in walk.by_ref() {
            let spooled_us = if record.spooled_us < CLOCK_SET_US { now_us } else { record.spooled_us };
            let (sequence, captured_us) = (record.sequence, record.captured_us);
            holes.extend(expected.filter(|&expected| expected < sequence).map(|expected| (expected, sequence - 1)));
            expected = Some(sequence + 1);
            segment.add(Entry { sequence, offset: record.offset as u64, captured_us, spooled_us });
        }
        self.damages += walk.damages;
        let good = walk.good_bytes();
        if segment.is_empty() {
            self.doomed.push(name);
            return Ok(());
        }
        *after = segment.last;
        segment.bytes = good as u64;
        if good < bytes.len() {
            self.torn_bytes += (bytes.len() - good) as u64;
            if let Err(error) = self.store.truncate(&name, good as u64) {
                tracing::warn!(%name, %error, "a torn end could not be cut off; it is skipped");
            }
        }
        self.index.recover(segment, &holes);
        Ok(())
    }

    /// Notices a clock that was set.
    fn look(&mut self, now_us: i64) {
        let by_us = now_us.saturating_sub(self.looked_us);
        if by_us.abs() > CLOCK_JUMP_US {
            self.index.shift_ages(by_us);
        }
        self.looked_us = now_us;
        self.bound(0, now_us);
    }

    fn bound(&mut self, more_bytes: u64, now_us: i64) {
        let oldest_us = now_us.saturating_sub(self.limits.age_max_us);
        let removed = self.index.enforce(self.limits.bytes_max.saturating_sub(more_bytes), oldest_us);
        if let Some(active) = self.active
            && removed.contains(&active.file_name())
        {
            self.active = None;
        }
        self.doomed.extend(removed);
    }
}

/// Reads from one place. A first read takes about what was asked for; only where damage hides the rest, the whole
/// segment is read.
pub(super) fn read_place(
    store: &dyn Store,
    place: &Place,
    from: u64,
    events_max: usize,
    bytes_max: usize,
) -> Result<Vec<Record>, SpoolError> {
    let rest = usize::try_from(place.end.saturating_sub(place.offset)).unwrap_or(usize::MAX);
    let window = bytes_max.saturating_add(64 * 1024);
    for bytes in [window, rest] {
        let read = store.read(&place.name, place.offset, bytes.min(rest));
        let bytes = match read {
            Ok(bytes) => bytes,
            // Released or dropped meanwhile, or taken away by somebody: nothing is there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(SpoolError::Read { name: place.name.clone(), source }),
        };
        let mut taken = 0;
        let records: Vec<Record> = segment::records(&bytes, 0, 0)
            .skip_while(|stored| stored.sequence < from)
            .filter_map(|stored| {
                let record = codec::decode_record(stored.payload).ok().filter(|r| r.sequence == stored.sequence)?;
                Some((record, stored.payload.len()))
            })
            .take(events_max.max(1))
            .take_while(|(_, bytes)| {
                let first = taken == 0;
                taken += bytes;
                first || taken <= bytes_max
            })
            .map(|(record, _)| record)
            .collect();
        if !records.is_empty() {
            return Ok(records);
        }
    }
    Ok(Vec::new())
}
