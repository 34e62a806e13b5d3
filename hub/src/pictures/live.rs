//! Live video: one ask to a gateway for all who watch a camera, its fragments handed to each of them. Whoever is slow loses
//! whole groups and never slows the others; whoever comes later begins with the group that is coming in. When the last one
//! leaves, the gateway is told to stop.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quinn::{Connection, RecvStream};
use tokio::sync::{Notify, broadcast};
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::pb::{self, answer, ask};
use yiwang_wire::picture::NoPicture;
use yiwang_wire::{codec, limits};

use super::Unseen;
use crate::registry::now_us;

/// Fragments that one viewer may be behind; beyond it the next keyframe is waited for.
const BEHIND_MAX: usize = 100;
/// What a viewer who comes later begins with. A group beyond these bounds is not kept: who comes waits for the next.
const GROUP_MAX: usize = 300;
const GROUP_BYTES_MAX: usize = 8 << 20;
const CHUNK_BYTES: usize = 64 * 1024;

/// What a viewer gets.
#[derive(Debug)]
pub enum Item {
    /// A picture.
    Picture(Picture),
    /// There is no more, and why.
    End(Unseen),
}

/// A coded picture as a fragment.
#[derive(Debug)]
pub struct Picture {
    /// It can be shown without any before.
    pub keyframe: bool,
    /// With a keyframe: the codec's name and what a player needs first.
    pub head: Option<(String, Vec<u8>)>,
    /// When it was taken, microseconds since 1970 UTC by the gateway's clock.
    pub captured_us: i64,
    /// How old it was when it came here.
    pub age_ms: u32,
    /// The fragment.
    pub media: Vec<u8>,
}

/// One camera that is watched.
pub(super) struct Channel {
    pub(super) number: u32,
    pub(super) connection: Connection,
    /// The gateway's clock less the hub's.
    clock_offset_us: i64,
    /// Bound: [`BEHIND_MAX`]; the oldest goes, and its viewer waits for a keyframe.
    sender: broadcast::Sender<Arc<Item>>,
    /// Bound: [`GROUP_MAX`] and [`GROUP_BYTES_MAX`].
    group: Mutex<Group>,
    newest: AtomicU32,
    /// A viewer left.
    pub(super) left: Notify,
}

#[derive(Default)]
struct Group {
    items: VecDeque<Arc<Item>>,
    bytes: usize,
}

impl Channel {
    pub(super) fn new(connection: Connection, number: u32, clock_offset_us: i64) -> Self {
        let (sender, _) = broadcast::channel(BEHIND_MAX);
        let (group, newest, left) = (Mutex::default(), AtomicU32::new(0), Notify::new());
        Self { number, connection, clock_offset_us, sender, group, newest, left }
    }

    /// One more who watches.
    pub(super) fn viewer(self: &Arc<Self>) -> Viewer {
        // Under the lock: nothing is missed between what is kept and what comes.
        let group = self.lock();
        let (waiting, items) = (group.items.clone(), self.sender.subscribe());
        drop(group);
        Viewer { channel: self.clone(), leaving_out: waiting.is_empty(), waiting, items: Some(items) }
    }

    /// Whether nobody watches.
    pub(super) fn is_idle(&self) -> bool {
        self.sender.receiver_count() == 0
    }

    pub(super) fn end(&self, why: Unseen) {
        self.push(Item::End(why), 0);
    }

    fn push(&self, item: Item, bytes: usize) {
        let mut group = self.lock();
        if matches!(&item, Item::Picture(picture) if picture.keyframe) {
            *group = Group::default();
        }
        let item = Arc::new(item);
        group.bytes += bytes;
        let first = matches!(&*item, Item::Picture(picture) if picture.keyframe) || matches!(&*item, Item::End(_));
        if group.bytes > GROUP_BYTES_MAX || group.items.len() >= GROUP_MAX {
            group.items.clear();
        } else if first || !group.items.is_empty() {
            group.items.push_back(item.clone());
        }
        // Nobody may be there just now.
        let _ = self.sender.send(item);
    }

    /// Takes in one group as it comes. One that a newer one has overtaken is given up.
    pub(super) async fn take(&self, group: u32, mut stream: RecvStream) {
        if self.newest.fetch_max(group, Ordering::Relaxed) >= group {
            return;
        }
        let mut framer = Framer::new(limits::MAX_FRAGMENT_BYTES);
        let mut first = true;
        while let Ok(Some(chunk)) = stream.read_chunk(CHUNK_BYTES, true).await {
            framer.push(&chunk.bytes);
            loop {
                if self.newest.load(Ordering::Relaxed) != group {
                    return;
                }
                let fragment = match framer.next() {
                    Ok(None) => break,
                    Ok(Some(payload)) => codec::decode_fragment(&payload).ok(),
                    Err(_) => None,
                };
                let Some(fragment) = fragment.filter(|fragment| fragment.keyframe == first) else {
                    tracing::warn!("a gateway sent live video that cannot be; that group is left out");
                    return;
                };
                first = false;
                let bytes = fragment.media.len() + fragment.head.len();
                self.push(Item::Picture(self.picture(fragment)), bytes);
            }
        }
    }

    fn picture(&self, fragment: pb::Fragment) -> Picture {
        let pb::Fragment { captured_us, sent_us, keyframe, codec, head, media } = fragment;
        // By the gateway's own clock it was so old when it left; what the way added is told by the hub's.
        let age_us = (now_us() + self.clock_offset_us - captured_us).max(sent_us.saturating_sub(captured_us));
        let age_ms = u32::try_from(age_us / 1000).unwrap_or(0);
        let head = (!head.is_empty()).then_some((codec, head));
        Picture { keyframe, head, captured_us, age_ms, media }
    }

    fn lock(&self) -> MutexGuard<'_, Group> {
        // Whole after every statement.
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who watches. When the last one goes, so does the stream.
pub struct Viewer {
    channel: Arc<Channel>,
    waiting: VecDeque<Arc<Item>>,
    items: Option<broadcast::Receiver<Arc<Item>>>,
    leaving_out: bool,
}

impl Viewer {
    /// The next picture that can be shown, or the end; none after it.
    pub async fn next(&mut self) -> Option<Arc<Item>> {
        loop {
            let item = match self.waiting.pop_front() {
                Some(item) => item,
                None => match self.items.as_mut()?.recv().await {
                    Ok(item) => item,
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.leaving_out = true;
                        continue;
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            };
            match &*item {
                Item::End(_) => self.items = None,
                Item::Picture(picture) => {
                    self.leaving_out &= !picture.keyframe;
                    if self.leaving_out {
                        continue;
                    }
                }
            }
            return Some(item);
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        // First gone, then told.
        self.items = None;
        self.channel.left.notify_one();
    }
}

/// Asks the gateway, then waits for the end of it: the gateway's word why, or the connection's. Dropped, it tells the
/// gateway to stop.
pub(super) async fn ask(channel: &Channel, camera: &str) -> Unseen {
    let broken = |error: &dyn std::fmt::Display| Unseen::Broken(error.to_string());
    let asked = async {
        let (mut send, receive) = channel.connection.open_bi().await.map_err(|_| Unseen::Offline)?;
        let what = ask::What::Live(pb::AskLive { number: channel.number });
        let mut bytes = Vec::new();
        frame::encode(&codec::encode_ask(&pb::Ask { camera: camera.to_owned(), what: Some(what) }), &mut bytes);
        send.write_all(&bytes).await.map_err(|error| broken(&error))?;
        send.finish().map_err(|error| broken(&error))?;
        Ok::<_, Unseen>(receive)
    };
    let mut receive = match asked.await {
        Ok(receive) => receive,
        Err(unseen) => return unseen,
    };
    let mut framer = Framer::new(limits::MAX_ASK_BYTES);
    loop {
        match framer.next().map(|payload| payload.map(|payload| codec::decode_answer(&payload))) {
            Ok(Some(Ok(Some(answer::Answer::None(none))))) => {
                let cause = NoPicture::from_u32(none.cause).unwrap_or(NoPicture::Failed);
                return Unseen::None { cause, exactly: none.text };
            }
            Ok(Some(Ok(_))) => continue,
            Ok(Some(Err(error))) => return broken(&error),
            Err(error) => return broken(&error),
            Ok(None) => {}
        }
        match receive.read_chunk(CHUNK_BYTES, true).await {
            Ok(Some(chunk)) => framer.push(&chunk.bytes),
            Ok(None) => return Unseen::Broken("the gateway ended it without a word".into()),
            Err(_) => return Unseen::Offline,
        }
    }
}
