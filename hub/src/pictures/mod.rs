//! Asks gateways for pictures, over the connections that they made: the hub never connects out. Who may ask, and that it
//! is on the record, is decided before (`web`, `share`); here is who can be asked, how many at a time, and why none came.

pub mod clip;
pub mod live;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::{Connection, RecvStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::pb::{self, answer, ask};
use yiwang_wire::picture::{self, NoPicture};
use yiwang_wire::{codec, limits};

use self::clip::Clip;
use self::live::{Channel, Viewer};

/// Stills under way at one gateway, below what it takes, so that an ask never waits for a stream; above it the answer is
/// that the gateway is busy.
const ASKS_MAX: usize = (limits::MAX_ASKS - limits::MAX_LIVE) as usize;
/// A gateway that has not answered within this time does not.
const WITHIN: Duration = Duration::from_secs(12);
/// Clips that the hub takes in at a time, each at most [`limits::MAX_CLIP_BYTES`]: they are held until they are verified.
const CLIPS_MAX: usize = 4;

/// Why there is no picture, as far as the hub knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unseen {
    /// The gateway is not connected.
    #[error("the gateway is not connected")]
    Offline,
    /// The gateway is connected and cannot send any.
    #[error("the gateway runs a version that cannot send pictures")]
    Old,
    /// As many clips as the hub takes in at a time are on their way.
    #[error("{CLIPS_MAX} clips are on their way to the hub already")]
    Full,
    /// Too many ask this gateway.
    #[error("{ASKS_MAX} pictures are asked of this gateway already")]
    Busy,
    /// It did not answer in time.
    #[error("the gateway did not send it within {} s", WITHIN.as_secs())]
    Late,
    /// The connection broke amid the answer, or brought something else.
    #[error("the answer did not come whole: {0}")]
    Broken(String),
    /// The gateway said why not.
    #[error("{}", cause.text())]
    None {
        /// Why.
        cause: NoPicture,
        /// What exactly; may be empty.
        exactly: String,
    },
}

/// The gateways that can be asked. Bound: one line for each gateway that is connected.
pub struct Pictures {
    lines: Mutex<BTreeMap<String, Line>>,
    /// By gateway and camera. Bound: those that somebody watches, [`limits::MAX_LIVE`] of each gateway.
    channels: Mutex<BTreeMap<(String, String), Arc<Channel>>>,
    number: AtomicU32,
    /// Bound: [`CLIPS_MAX`]; above it the answer is that the hub is busy.
    clips: Semaphore,
}

impl Default for Pictures {
    fn default() -> Self {
        let (lines, channels, number) = (Mutex::default(), Mutex::default(), AtomicU32::new(0));
        Self { lines, channels, number, clips: Semaphore::new(CLIPS_MAX) }
    }
}

#[derive(Clone)]
struct Line {
    connection: Connection,
    /// Bits of the hello's `pictures`.
    can: u32,
    clock_offset_us: i64,
    asks: Arc<Semaphore>,
}

impl Pictures {
    /// A gateway was welcomed, and said what it can send.
    pub(crate) fn connected(&self, gateway: &str, connection: Connection, can: u32, clock_offset_us: i64) {
        let line = Line { connection, can, clock_offset_us, asks: Arc::new(Semaphore::new(ASKS_MAX)) };
        self.lock().insert(gateway.to_owned(), line);
    }

    /// A connection ended; a newer one stays.
    pub(crate) fn disconnected(&self, gateway: &str, stable_id: usize) {
        let mut lines = self.lock();
        if lines.get(gateway).is_some_and(|line| line.connection.stable_id() == stable_id) {
            lines.remove(gateway);
        }
    }

    /// The newest picture of a camera.
    pub async fn still(&self, gateway: &str, camera: &str, width_px_max: u32) -> Result<pb::Still, Unseen> {
        let line = self.lock().get(gateway).cloned().ok_or(Unseen::Offline)?;
        if line.can & picture::STILLS == 0 {
            return Err(Unseen::Old);
        }
        let _permit = line.asks.clone().try_acquire_owned().map_err(|_| Unseen::Busy)?;
        let what = ask::What::Still(pb::AskStill { width_px_max });
        let ask = pb::Ask { camera: camera.to_owned(), what: Some(what) };
        match timeout(WITHIN, ask_one(&line.connection, &ask)).await.map_err(|_| Unseen::Late)?? {
            Some(answer::Answer::Still(still)) => Ok(still),
            Some(answer::Answer::Live(_) | answer::Answer::Clip(_)) => {
                Err(Unseen::Broken("something else than a still came".into()))
            }
            Some(answer::Answer::None(none)) => {
                let cause = NoPicture::from_u32(none.cause).unwrap_or(NoPicture::Failed);
                Err(Unseen::None { cause, exactly: none.text })
            }
            None => Err(Unseen::Broken("the gateway speaks a later version of the contract".into())),
        }
    }

    /// What a camera showed between two moments, as far as its gateway keeps it, held against the gateway's hash.
    pub async fn clip(&self, gateway: &str, camera: &str, from_us: i64, to_us: i64) -> Result<Clip, Unseen> {
        let line = self.lock().get(gateway).cloned().ok_or(Unseen::Offline)?;
        if line.can & picture::CLIPS == 0 {
            return Err(Unseen::Old);
        }
        let _room = self.clips.try_acquire().map_err(|_| Unseen::Full)?;
        let _permit = line.asks.clone().try_acquire_owned().map_err(|_| Unseen::Busy)?;
        clip::ask(&line.connection, camera, from_us, to_us).await
    }

    /// Live video of a camera. The first who watches makes the hub ask the gateway.
    pub fn live(self: &Arc<Self>, gateway: &str, camera: &str) -> Result<Viewer, Unseen> {
        let line = self.lock().get(gateway).cloned().ok_or(Unseen::Offline)?;
        if line.can & picture::LIVE == 0 {
            return Err(Unseen::Old);
        }
        let key = (gateway.to_owned(), camera.to_owned());
        let mut channels = self.channels();
        let of_now = |channel: &&Arc<Channel>| channel.connection.stable_id() == line.connection.stable_id();
        if let Some(channel) = channels.get(&key).filter(of_now) {
            return Ok(channel.viewer());
        }
        if channels.keys().filter(|(of, _)| of == gateway).count() >= limits::MAX_LIVE as usize {
            return Err(Unseen::Busy);
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let channel = Arc::new(Channel::new(line.connection, number, line.clock_offset_us));
        let viewer = channel.viewer();
        channels.insert(key.clone(), channel.clone());
        tokio::spawn(follow(self.clone(), key, channel));
        Ok(viewer)
    }

    /// A gateway opened a stream with a group of live pictures. One that nobody waits for is not read.
    pub(crate) async fn group(&self, connection: u64, number: u32, group: u32, stream: RecvStream) {
        let asked =
            |channel: &&Arc<Channel>| channel.number == number && channel.connection.stable_id() as u64 == connection;
        let found = self.channels().values().find(asked).cloned();
        if let Some(channel) = found {
            channel.take(group, stream).await;
        }
    }

    fn channels(&self) -> MutexGuard<'_, BTreeMap<(String, String), Arc<Channel>>> {
        // A map of handles is whole after every statement.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Line>> {
        // A map of handles is whole after every statement.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a camera's live video going while somebody watches.
async fn follow(pictures: Arc<Pictures>, key: (String, String), channel: Arc<Channel>) {
    let forget = |channels: &mut BTreeMap<_, Arc<Channel>>| {
        if channels.get(&key).is_some_and(|own| Arc::ptr_eq(own, &channel)) {
            channels.remove(&key);
        }
    };
    let nobody_watches = async {
        loop {
            channel.left.notified().await;
            // Under the lock: nobody can come between looking and forgetting.
            let mut channels = pictures.channels();
            if channel.is_idle() {
                forget(&mut channels);
                return;
            }
        }
    };
    tokio::select! {
        () = nobody_watches => {}
        why = live::ask(&channel, &key.1) => {
            forget(&mut pictures.channels());
            channel.end(why);
        }
    }
}

/// One ask on a stream of its own. Dropped amid it, the gateway is told to stop.
async fn ask_one(connection: &Connection, ask: &pb::Ask) -> Result<Option<answer::Answer>, Unseen> {
    let broken = |error: &dyn std::fmt::Display| Unseen::Broken(error.to_string());
    let (mut send, mut receive) = connection.open_bi().await.map_err(|_| Unseen::Offline)?;
    let mut bytes = Vec::new();
    frame::encode(&codec::encode_ask(ask), &mut bytes);
    send.write_all(&bytes).await.map_err(|error| broken(&error))?;
    send.finish().map_err(|error| broken(&error))?;
    let most = limits::MAX_STILL_BYTES + frame::HEADER_BYTES;
    let bytes = receive.read_to_end(most).await.map_err(|error| broken(&error))?;
    let mut framer = Framer::new(limits::MAX_STILL_BYTES);
    framer.push(&bytes);
    let payload = framer.next().map_err(|error| broken(&error))?;
    let payload = payload.ok_or_else(|| Unseen::Broken("it is cut".into()))?;
    codec::decode_answer(&payload).map_err(|error| broken(&error))
}
