//! Live video to the hub: the camera's own pictures, in fragments, one stream a group, below everything else on the line.
//! The hub asks once for all who watch a camera; when it stops listening, nothing more is sent.
//!
//! A line that cannot take it all loses whole groups: a group that is not through when the next but one begins is given up,
//! so that what arrives is new.

use std::time::Duration;

use quinn::{Connection, SendStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use yiwang_wire::{codec, frame, limits, pb};

use super::fmp4::{self, Fragments};
use super::h264::Parameters;
use crate::decode::pipeline::Unit;
use crate::now_us;

/// Below stills: whoever asked for one waits for it. The group before is of less worth than the newest.
const PRIORITY: i32 = -2;
const PRIORITY_BEFORE: i32 = -3;
/// A picture that the line has not taken within this time is late, and so is its group.
const WRITTEN_WITHIN: Duration = Duration::from_millis(1500);
/// Coded pictures between the camera and the line. When full, the rest of the group is left out.
pub(super) const UNITS_MAX: usize = 128;
/// A stream is to be had at once; where none is within this time the line is no good and the group is left out.
const STREAM_WITHIN: Duration = Duration::from_millis(200);

/// What a camera's pictures are taken in: first the group that is coming in, then each as it comes.
pub(super) struct Feed {
    pub(super) group: Vec<Unit>,
    pub(super) units: mpsc::Receiver<Unit>,
}

/// Sends until the camera's feed ends (it was stopped, or may be watched no longer) or the connection does.
pub(super) async fn send(connection: &Connection, number: u32, feed: Feed) {
    let Feed { group, mut units } = feed;
    let fragments = Fragments::default();
    let mut sender = Sender { connection, number, group: 0, fragments, now: None, before: None };
    for unit in group {
        sender.unit(&unit).await;
    }
    while let Some(unit) = units.recv().await {
        sender.unit(&unit).await;
    }
}

struct Sender<'a> {
    connection: &'a Connection,
    number: u32,
    group: u32,
    fragments: Fragments,
    /// The group that is being sent; none while one is left out.
    now: Option<SendStream>,
    /// The one before, which may still be on its way.
    before: Option<SendStream>,
}

impl Sender<'_> {
    async fn unit(&mut self, unit: &Unit) {
        let annex_b = unit.data.as_ref();
        let mut head = None;
        if unit.keyframe {
            head = Parameters::of(annex_b);
            self.next_group(head.is_some()).await;
        }
        // Kept going also where nothing is sent, so that time goes on.
        let Some(media) = self.fragments.fragment(annex_b, unit.keyframe, unit.times.media_us) else { return };
        let Some(stream) = &mut self.now else { return };
        let fragment = pb::Fragment {
            captured_us: unit.times.capture_us,
            sent_us: now_us(),
            keyframe: unit.keyframe,
            codec: head.as_ref().map(Parameters::codec).unwrap_or_default(),
            head: head.as_ref().map(fmp4::head).unwrap_or_default(),
            media,
        };
        let payload = codec::encode_fragment(&fragment);
        if payload.len() > limits::MAX_FRAGMENT_BYTES {
            self.leave_out();
            return;
        }
        let mut bytes = Vec::with_capacity(payload.len() + frame::HEADER_BYTES);
        frame::encode(&payload, &mut bytes);
        if !matches!(timeout(WRITTEN_WITHIN, stream.write_all(&bytes)).await, Ok(Ok(()))) {
            self.leave_out();
        }
    }

    /// A keyframe: the group before may end on its way, the one before that is given up.
    async fn next_group(&mut self, can_be_shown: bool) {
        if let Some(mut older) = self.before.take() {
            // Does nothing where it is through.
            let _ = older.reset(0u32.into());
        }
        if let Some(mut ended) = self.now.take() {
            let _ = (ended.finish(), ended.set_priority(PRIORITY_BEFORE));
            self.before = Some(ended);
        }
        if !can_be_shown {
            return;
        }
        let Ok(Ok(mut stream)) = timeout(STREAM_WITHIN, self.connection.open_uni()).await else { return };
        let _ = stream.set_priority(PRIORITY);
        self.group += 1;
        let first = codec::encode_group(self.number, self.group);
        self.now = stream.write_all(&first).await.is_ok().then_some(stream);
    }

    fn leave_out(&mut self) {
        if let Some(mut stream) = self.now.take() {
            let _ = stream.reset(0u32.into());
        }
    }
}
