//! Pictures for people, on request: none leaves before somebody with the right asks the hub for one and the hub, with
//! that on its record, asks this gateway over the connection that the gateway keeps.
//!
//! - [`reel`] (pure) the newest coded pictures of a camera, [`still`] one of them as JPEG with the masks black,
//! - [`live`] the pictures as they come, in fragments ([`h264`], [`fmp4`], both pure),
//! - [`ring`] (pure) the newest seconds of a camera, [`clip`] (pure) a part of them as one file, `hashed` the hash of it in
//!   an event,
//! - [`serve`] answers asks, bounded, below events in priority.
//!
//! What the site does not let out ([`Sight`]) is not kept here either.

pub mod clip;
pub mod fmp4;
pub mod h264;
mod hashed;
mod live;
pub mod reel;
pub mod ring;
mod serve;
pub mod still;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, mpsc};
use yiwang_inference::mask::Mask;
use yiwang_wire::limits;
use yiwang_wire::picture::NoPicture;

pub(crate) use self::hashed::hashing;
use self::reel::Reel;
use self::ring::Ring;
use self::serve::Group;
pub(crate) use self::serve::run as serve;
use crate::board::{Board, State};
use crate::camera::Codec;
use crate::config::Camera;
use crate::decode::pipeline::Unit;

/// Stills decoded at a time: each takes a core for as long as its group of pictures needs, and analysis goes on beside.
const DECODING_MAX: usize = 1;
/// Answers under way at a time.
const SENDING_MAX: usize = 1;
/// Clips made and under way at a time: each is a copy of what it is cut from.
const CLIPS_MAX: usize = 1;

/// The cameras that can be looked through. Cloning it copies a reference.
#[derive(Clone)]
pub struct Pictures(Arc<Inner>);

struct Inner {
    board: Arc<Board>,
    /// Bound: the cameras of the configuration.
    sights: Mutex<BTreeMap<String, Arc<Sight>>>,
    decoding: Semaphore,
    sending: Semaphore,
    watched: Semaphore,
    clips: Semaphore,
}

impl fmt::Debug for Pictures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pictures")
    }
}

impl Pictures {
    /// No camera yet; why one has no picture stands on the board.
    pub fn new(board: Arc<Board>) -> Self {
        Self(Arc::new(Inner {
            watched: Semaphore::new(limits::MAX_LIVE as usize),
            board,
            sights: Mutex::default(),
            decoding: Semaphore::new(DECODING_MAX),
            sending: Semaphore::new(SENDING_MAX),
            clips: Semaphore::new(CLIPS_MAX),
        }))
    }

    /// A camera's stream begins; what was kept of one before is forgotten.
    pub fn add(&self, camera: &Camera) -> Arc<Sight> {
        let sight = Arc::new(Sight(Mutex::new(Kept {
            lets_out: camera.pictures,
            mask: camera.mask.clone(),
            reel: Reel::default(),
            ring: Ring::new(camera.clips),
            watchers: Vec::new(),
        })));
        self.lock().insert(camera.id.clone(), sight.clone());
        sight
    }

    /// Other settings for a camera whose stream goes on. They hold for the next still.
    pub fn retune(&self, camera: &Camera) {
        if let Some(sight) = self.sight(&camera.id) {
            sight.retune(camera);
        }
    }

    /// A camera less.
    pub fn remove(&self, camera: &str) {
        self.lock().remove(camera);
    }

    fn sight(&self, camera: &str) -> Option<Arc<Sight>> {
        self.lock().get(camera).cloned()
    }

    fn decoding(&self) -> &Semaphore {
        &self.0.decoding
    }

    fn watched(&self) -> &Semaphore {
        &self.0.watched
    }

    fn clips(&self) -> &Semaphore {
        &self.0.clips
    }

    fn sending(&self) -> &Semaphore {
        &self.0.sending
    }

    /// Why nothing has come from a camera.
    fn cause_of(&self, camera: &str) -> String {
        match self.0.board.snapshot().remove(camera) {
            Some(line) if line.state != State::Ok => line.cause_text,
            _ => "no keyframe has come yet".into(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Sight>>> {
        // A map of references is whole after every statement.
        self.0.sights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One camera: what is kept of it, and under which masks it may be seen.
pub struct Sight(Mutex<Kept>);

struct Kept {
    lets_out: bool,
    mask: Mask,
    reel: Reel,
    /// Nothing of a masked camera: it would outlive the mask.
    ring: Ring,
    /// Bound: the cameras that are watched at a time ([`limits::MAX_LIVE`]).
    watchers: Vec<Watcher>,
}

impl Kept {
    /// Why nobody may watch live, and there are no clips.
    fn withheld(&self) -> Option<NoPicture> {
        match (self.lets_out, self.mask.is_empty()) {
            (false, _) => Some(NoPicture::SwitchedOff),
            (true, false) => Some(NoPicture::Masked),
            (true, true) => None,
        }
    }
}

/// Somebody who watches live.
struct Watcher {
    /// Bound: [`live::UNITS_MAX`]; when full the rest of the group is left out.
    units: mpsc::Sender<Unit>,
    /// What comes before the next keyframe cannot be decoded.
    leaving_out: bool,
}

impl Watcher {
    /// Hands a picture on; false where nobody is there any more.
    fn push(&mut self, unit: &Unit) -> bool {
        self.leaving_out &= !unit.keyframe;
        if self.leaving_out {
            return !self.units.is_closed();
        }
        match self.units.try_send(unit.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.leaving_out = true;
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

impl Sight {
    /// Takes a coded picture as it comes from the camera.
    pub(crate) fn push(&self, codec: Codec, unit: &Unit) {
        let mut kept = self.lock();
        if kept.lets_out {
            kept.reel.push(codec, unit);
            if kept.mask.is_empty() {
                kept.ring.push(codec, unit);
            }
            if codec == Codec::H264 {
                kept.watchers.retain_mut(|watcher| watcher.push(unit));
            } else {
                kept.watchers.clear();
            }
        }
    }

    fn retune(&self, camera: &Camera) {
        let mut kept = self.lock();
        kept.mask = camera.mask.clone();
        kept.lets_out = camera.pictures;
        kept.ring.set_bounds(camera.clips);
        if !kept.lets_out {
            kept.reel.clear();
        }
        // Whoever watches sees no picture that the new settings do not let out, and none of before is kept.
        if kept.withheld().is_some() {
            kept.watchers.clear();
            kept.ring.clear();
        }
    }

    /// What is kept of a span of time, as it is; masked pictures never.
    fn past(&self, from_us: i64, to_us: i64) -> Result<Group, NoPicture> {
        let kept = self.lock();
        match kept.withheld() {
            Some(cause) => Err(cause),
            None if !kept.ring.keeps() => Err(NoPicture::ClipsOff),
            None => kept.ring.cut(from_us, to_us).ok_or(NoPicture::NotKept),
        }
    }

    /// The newest group, where one has come, and the masks that hold now; none where pictures are not let out.
    fn newest(&self) -> Option<(Option<Group>, Mask)> {
        let kept = self.lock();
        kept.lets_out.then(|| (kept.reel.newest(), kept.mask.clone()))
    }

    /// The pictures from the newest group on, as they are; masked ones never.
    fn watch(&self) -> Result<live::Feed, NoPicture> {
        let mut kept = self.lock();
        if let Some(cause) = kept.withheld() {
            return Err(cause);
        }
        let group = match kept.reel.newest() {
            None => return Err(NoPicture::NothingCame),
            Some((Codec::H265, _)) => return Err(NoPicture::Codec),
            Some((Codec::H264, units)) => units,
        };
        let (sender, units) = mpsc::channel(live::UNITS_MAX);
        let leaving_out = !kept.reel.is_whole();
        kept.watchers.push(Watcher { units: sender, leaving_out });
        Ok(live::Feed { group, units })
    }

    /// Why nobody may watch (any more).
    fn withheld(&self) -> Option<NoPicture> {
        self.lock().withheld()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Valid after every statement: a reel that lost a picture amid a push begins anew with the next keyframe.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
