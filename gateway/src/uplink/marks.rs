//! What the session tells the hub beside events: the heartbeat with each camera's state, and the watermarks. Pure.
//!
//! A watermark claims that everything a camera saw before T is among the events up to a sequence. It is true because
//! the board is read before the spool's last sequence, and because nothing is claimed while an earlier epoch still has
//! events to come. Gaps are told until the hub acknowledges the watermarks that named them.

use std::collections::{BTreeMap, VecDeque};

use yiwang_wire::ranges::RangeSet;
use yiwang_wire::{codec, limits, pb, pb::up};

use super::session::Action;
use crate::board::CameraLine;
use crate::spool::{Dropped, SpoolStats};

/// The heartbeat goes out this often, and at once when a camera's state changes.
pub(super) const STATUS_EVERY_US: i64 = 2_000_000;
/// Watermarks go out this often.
pub(super) const WATERMARKS_EVERY_US: i64 = 1_000_000;
/// A gap that the hub has not acknowledged is told again after this time.
const GAPS_AGAIN_US: i64 = 30_000_000;
/// Watermarks that may wait for their acknowledgement; above it the oldest is forgotten, and its gaps are told again.
const WAITING_MAX: usize = 256;
/// A message is closed at about this size.
const MESSAGE_BYTES: usize = limits::MAX_CONTROL_BYTES / 4;
/// A message is closed at about this many embedded fields.
const MESSAGE_FIELDS: usize = limits::MAX_CONTROL_FIELDS / 2;

/// What the gateway knows at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The board. Take it BEFORE `last_sequence`: then every event before its times is up to that sequence.
    pub board: &'a BTreeMap<String, CameraLine>,
    /// The last sequence that the spool gave.
    pub last_sequence: u64,
    /// The spool's figures.
    pub stats: &'a SpoolStats,
    /// What the spool dropped and the hub was not told of.
    pub dropped: &'a [Dropped],
}

#[derive(Debug)]
pub(super) struct Marks {
    epoch: u64,
    /// Sequences of this epoch that never come.
    pub(super) lost: Option<RangeSet>,
    status_us: Option<i64>,
    states: Vec<(String, String, String)>,
    marks_us: Option<i64>,
    sent_us: i64,
    /// Gaps as they were last told, by camera, and when.
    told: BTreeMap<String, (Vec<pb::Gap>, i64)>,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    sent_us: i64,
    gaps_to: Vec<(String, i64)>,
    dropped: u64,
}

impl Marks {
    pub(super) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            lost: None,
            status_us: None,
            states: Vec::new(),
            marks_us: None,
            sent_us: 0,
            told: BTreeMap::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The messages that are due, as payloads.
    pub(super) fn due(&mut self, report: &Report<'_>, may_mark: bool, now_us: i64) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        let states = states(report);
        if passed(self.status_us, STATUS_EVERY_US, now_us) || states != self.states {
            messages.extend(status(report, now_us));
            self.status_us = Some(now_us);
            self.states = states;
        }
        if may_mark && passed(self.marks_us, WATERMARKS_EVERY_US, now_us) {
            messages.extend(self.watermarks(report, now_us));
            self.marks_us = Some(now_us);
        }
        messages
    }

    /// When something is due again, or a change of state is to be looked for.
    pub(super) fn next_us(&self, now_us: i64) -> i64 {
        let look = now_us + 250_000;
        self.marks_us.map_or(now_us, |us| us + WATERMARKS_EVERY_US).clamp(now_us, look)
    }

    /// The hub has the watermarks up to this one.
    pub(super) fn acknowledged(&mut self, sent_us: i64) -> Vec<Action> {
        let mut gaps = BTreeMap::new();
        let mut dropped = 0;
        while let Some(waiting) = self.waiting.pop_front_if(|waiting| waiting.sent_us <= sent_us) {
            dropped = dropped.max(waiting.dropped);
            for (camera, to_us) in waiting.gaps_to {
                let end = gaps.entry(camera).or_insert(to_us);
                *end = to_us.max(*end);
            }
        }
        let forget = |(camera, to_us)| Action::ForgetGaps { camera, to_us };
        let mut actions: Vec<Action> = gaps.into_iter().map(forget).collect();
        if dropped > 0 {
            actions.push(Action::ForgetDropped(dropped));
        }
        actions
    }

    fn watermarks(&mut self, report: &Report<'_>, now_us: i64) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        let (mut cameras, mut waiting, mut bytes, mut fields) = (Vec::new(), Vec::new(), 0, 0);
        let dropped_number = report.dropped.iter().map(|dropped| dropped.number).max().unwrap_or(0);
        let mut lines = report.board.iter().peekable();
        while let Some((camera, line)) = lines.next() {
            if let Some(complete_to_us) = line.complete_to_us {
                let gaps = self.untold(camera, gaps(line, report.dropped), now_us);
                if let Some(to_us) = line.gaps.iter().map(|gap| gap.to_us).max().filter(|_| !gaps.is_empty()) {
                    waiting.push((camera.clone(), to_us));
                }
                bytes += camera.len() + 24 + gaps.iter().map(|gap| gap.reason.len() + 24).sum::<usize>();
                fields += 2 + 2 * gaps.len();
                cameras.push(pb::Watermark {
                    camera: camera.clone(),
                    complete_to_us: time(complete_to_us),
                    gaps,
                    complete_from_us: line.complete_from_us.map(time),
                });
            }
            let last = lines.peek().is_none();
            if !cameras.is_empty() && (last || bytes > MESSAGE_BYTES || fields > MESSAGE_FIELDS) {
                self.sent_us = now_us.max(self.sent_us + 1);
                let told_gaps = cameras.iter().any(|mark| !mark.gaps.is_empty());
                let dropped = if last { dropped_number } else { 0 };
                if told_gaps {
                    let gaps_to = std::mem::take(&mut waiting);
                    self.waiting.push_back(Waiting { sent_us: self.sent_us, gaps_to, dropped });
                    if self.waiting.len() > WAITING_MAX {
                        self.waiting.pop_front();
                    }
                }
                let message = self.message(std::mem::take(&mut cameras), report.last_sequence);
                messages.push(message);
                (bytes, fields) = (0, 0);
            }
        }
        messages
    }

    fn message(&self, cameras: Vec<pb::Watermark>, after_sequence: u64) -> Vec<u8> {
        let lost = self.lost.iter().map(|lost| codec::durable_to_pb(self.epoch, lost)).collect();
        let (epoch, sent_us) = (self.epoch, self.sent_us);
        codec::encode_up(up::Message::Watermarks(pb::Watermarks { epoch, after_sequence, cameras, sent_us, lost }))
    }

    /// The gaps, unless they were told as they are a short time ago.
    fn untold(&mut self, camera: &str, gaps: Vec<pb::Gap>, now_us: i64) -> Vec<pb::Gap> {
        if gaps.is_empty() {
            self.told.remove(camera);
            return gaps;
        }
        match self.told.get(camera) {
            Some((told, at_us)) if *told == gaps && !passed(Some(*at_us), GAPS_AGAIN_US, now_us) => Vec::new(),
            _ => {
                self.told.insert(camera.into(), (gaps.clone(), now_us));
                gaps
            }
        }
    }
}

fn passed(since_us: Option<i64>, wait_us: i64, now_us: i64) -> bool {
    // A clock that was set back must not silence the heartbeat.
    since_us.is_none_or(|since_us| now_us - since_us >= wait_us || now_us < since_us)
}

fn states(report: &Report<'_>) -> Vec<(String, String, String)> {
    let state =
        |(camera, line): (&String, &CameraLine)| (camera.clone(), line.state.as_str().to_owned(), line.cause.clone());
    report.board.iter().map(state).collect()
}

/// The camera's own gaps, then the times of dropped events, which may have been any camera's. Above the contract's
/// bound the oldest two become one.
fn gaps(line: &CameraLine, dropped: &[Dropped]) -> Vec<pb::Gap> {
    let gap = |from_us: i64, to_us: i64, reason: &str| {
        let (from_us, to_us) = (time(from_us.min(to_us)), time(from_us.max(to_us)));
        pb::Gap { from_us, to_us, reason: cut(reason, limits::MAX_NAME_BYTES) }
    };
    let own = line.gaps.iter().map(|g| gap(g.from_us, g.to_us, &g.reason));
    let dropped = dropped.iter().map(|d| gap(d.from_us, d.to_us, &format!("spool_{}", d.reason.as_str())));
    let mut gaps: VecDeque<pb::Gap> = own.chain(dropped).collect();
    while gaps.len() > limits::MAX_GAPS {
        let Some(first) = gaps.pop_front() else { break };
        if let Some(second) = gaps.front_mut() {
            second.from_us = second.from_us.min(first.from_us);
            second.to_us = second.to_us.max(first.to_us);
        }
    }
    gaps.into()
}

fn status(report: &Report<'_>, now_us: i64) -> Vec<Vec<u8>> {
    let camera = |(camera, line): (&String, &CameraLine)| pb::CameraStatus {
        camera: camera.clone(),
        state: line.state.as_str().into(),
        cause: cut(&line.cause, limits::MAX_NAME_BYTES),
        cause_text: cut(&line.cause_text, limits::MAX_TEXT_BYTES),
        since_us: time(line.since_us),
        analysed_fps: if line.analysed_fps.is_finite() { line.analysed_fps } else { 0.0 },
        clock_offset_ms: line.clock_offset_ms.unwrap_or(0),
    };
    let cameras: Vec<pb::CameraStatus> = report.board.iter().map(camera).collect();
    let size = |status: &pb::CameraStatus| status.camera.len() + status.cause.len() + status.cause_text.len() + 48;
    let mut chunks: Vec<Vec<pb::CameraStatus>> = vec![Vec::new()];
    let mut bytes = 0;
    for status in cameras {
        bytes += size(&status);
        if bytes > MESSAGE_BYTES {
            bytes = size(&status);
            chunks.push(Vec::new());
        }
        chunks.last_mut().expect("there is always a chunk").push(status);
    }
    let message = |cameras| {
        codec::encode_up(up::Message::Status(pb::Status {
            clock_us: now_us,
            cameras,
            spooled_events: report.stats.events,
            spooled_bytes: report.stats.bytes,
            dropped_events: report.stats.dropped_events,
        }))
    };
    chunks.into_iter().map(message).collect()
}

fn time(us: i64) -> i64 {
    us.clamp(-limits::MAX_TIME_US, limits::MAX_TIME_US)
}

fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}
