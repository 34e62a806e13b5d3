//! What somebody on site is shown of a camera's analysis: the picture that was analysed last, as the masks leave it, with
//! the boxes, the objects and what each rule makes of them. Nothing is copied while nobody looks; what the model found in
//! the last minutes is always remembered, as boxes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use yiwang_inference::detect::Detection;
use yiwang_inference::picture::I420;
use yiwang_inference::rules::RuleWatch;
use yiwang_inference::track::Track;
use yiwang_wire::event::Phase;

use super::memory::{Look, Memory};
use super::{Analyst, Found};
use crate::decode::Picture;
use crate::now_us;

/// Who has not asked for so long looks no more.
const LOOKS_FOR_US: i64 = 6_000_000;
/// Events that are shown beside the picture; the oldest goes first.
const TOLD_MAX: usize = 40;

/// One camera's window. Cloning it copies a reference.
#[derive(Clone, Debug)]
pub struct Window(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    looked_us: AtomicI64,
    kept: Mutex<Kept>,
    /// The number of the newest picture that was shown.
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    memory: Memory,
    classes: Vec<String>,
    seen: Option<Arc<Seen>>,
    told: VecDeque<Found>,
}

/// An analysed picture and all that was made of it.
#[derive(Debug)]
pub struct Seen {
    /// Counts up.
    pub number: u64,
    /// When it was taken.
    pub capture_us: i64,
    /// Media time.
    pub media_us: i64,
    /// The picture, masks black.
    pub planes: Planes,
    /// What the model found.
    pub boxes: Vec<Detection>,
    /// The objects that were made of it.
    pub tracks: Vec<Track>,
    /// What each rule makes of them.
    pub rules: Vec<RuleWatch>,
}

/// A copy of a picture.
#[derive(Debug, Clone)]
pub struct Planes {
    size_px: (u32, u32),
    bytes: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl Planes {
    /// Copies.
    pub fn of(view: &I420<'_>) -> Self {
        Self {
            size_px: (view.width_px, view.height_px),
            bytes: [view.y.to_vec(), view.u.to_vec(), view.v.to_vec()],
            strides: [view.y_stride, view.u_stride, view.v_stride],
        }
    }

    /// The picture.
    pub fn i420(&self) -> I420<'_> {
        let ([y, u, v], [y_stride, u_stride, v_stride]) = (&self.bytes, self.strides);
        I420 { width_px: self.size_px.0, height_px: self.size_px.1, y, y_stride, u, u_stride, v, v_stride }
    }

    /// Width and height.
    pub fn size_px(&self) -> (u32, u32) {
        self.size_px
    }
}

impl Default for Window {
    fn default() -> Self {
        let newest = watch::Sender::new(0);
        Self(Arc::new(Inner { looked_us: AtomicI64::new(i64::MIN / 2), kept: Mutex::default(), newest }))
    }
}

impl Window {
    /// Somebody looks, from now on for a few seconds. Gives what tells of the next picture.
    pub fn look(&self) -> watch::Receiver<u64> {
        self.0.looked_us.store(now_us(), Ordering::Relaxed);
        self.0.newest.subscribe()
    }

    /// Whether somebody looks.
    pub fn is_watched(&self) -> bool {
        now_us() - self.0.looked_us.load(Ordering::Relaxed) < LOOKS_FOR_US
    }

    /// The newest picture that somebody looked at; none where that was too long ago.
    pub fn seen(&self) -> Option<Arc<Seen>> {
        self.lock().seen.clone()
    }

    /// What was told last, oldest first.
    pub fn told(&self) -> Vec<Found> {
        self.lock().told.iter().cloned().collect()
    }

    /// What the model found in the last minutes, and what it calls its classes.
    pub fn remembered(&self) -> (Vec<Look>, Vec<String>) {
        let kept = self.lock();
        (kept.memory.looks(), kept.classes.clone())
    }

    /// Takes in what was found in a picture. The names say what the boxes mean.
    pub(super) fn remember(&self, look: Look, classes: &[String]) {
        let mut kept = self.lock();
        if kept.classes != classes {
            kept.memory.clear();
            kept.classes = classes.to_vec();
        }
        kept.memory.push(look);
        if !self.is_watched() {
            // Pictures are not kept for nobody.
            kept.seen = None;
        }
    }

    /// Takes in what was told.
    pub(super) fn tell(&self, found: &[Found]) {
        if found.is_empty() {
            return;
        }
        let mut kept = self.lock();
        kept.told.extend(found.iter().cloned());
        let surplus = kept.told.len().saturating_sub(TOLD_MAX);
        kept.told.drain(..surplus);
    }

    /// Shows a picture to those who look.
    pub(super) fn show(&self, seen: impl FnOnce(u64) -> Seen) {
        let number = *self.0.newest.borrow() + 1;
        self.lock().seen = Some(Arc::new(seen(number)));
        self.0.newest.send_replace(number);
    }

    /// The stream is lost or over.
    pub(super) fn part(&self) {
        self.lock().memory.part();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Every field is whole after each statement.
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `begin`, `update` or `end`.
pub(crate) fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Begin => "begin",
        Phase::Update => "update",
        Phase::End => "end",
    }
}

/// A copy for those who look; none where nobody does.
pub(super) fn copy(window: Option<&Window>, view: &I420<'_>) -> Option<Planes> {
    window.is_some_and(Window::is_watched).then(|| Planes::of(view))
}

impl Analyst {
    /// Somebody on site may look from now on.
    pub fn set_window(&mut self, window: Window) {
        self.window = Some(window);
    }

    /// Keeps what was found in a picture, and shows it to those who look.
    pub(super) fn show(&self, picture: &Picture<'_>, planes: Option<Planes>, boxes: Vec<Detection>, found: &[Found]) {
        let Some(window) = &self.window else { return };
        let times = *picture.times();
        window.tell(found);
        if let Some(planes) = planes {
            window.show(|number| Seen {
                number,
                capture_us: times.capture_us,
                media_us: times.media_us,
                planes,
                boxes: boxes.clone(),
                tracks: self.analyser.tracks().to_vec(),
                rules: self.analyser.watching(),
            });
        }
        let (media_us, capture_us) = (times.media_us, times.capture_us);
        let look = Look { media_us, capture_us, frame_px: picture.size_px(), boxes, last: false };
        window.remember(look, &self.model.info().classes);
    }

    /// What was shown is masked otherwise now.
    pub(super) fn hide(&self) {
        if let Some(window) = &self.window {
            window.lock().seen = None;
        }
    }

    /// The stream is lost or over.
    pub(super) fn part(&self, found: &[Found]) {
        if let Some(window) = &self.window {
            window.tell(found);
            window.part();
        }
    }
}

/// The cameras' windows. A camera whose stream is opened anew keeps its own.
#[derive(Debug, Clone, Default)]
pub struct Windows(Arc<Mutex<BTreeMap<String, Window>>>);

impl Windows {
    /// The camera's, made where there was none.
    pub fn open(&self, camera: &str) -> Window {
        self.lock().entry(camera.to_owned()).or_default().clone()
    }

    /// The camera's.
    pub fn get(&self, camera: &str) -> Option<Window> {
        self.lock().get(camera).cloned()
    }

    /// A camera less.
    pub fn remove(&self, camera: &str) {
        self.lock().remove(camera);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Window>> {
        // A map of references is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_copied_or_kept_for_nobody() {
        let (y, c) = ([90u8; 16], [128u8; 4]);
        let view = I420 { width_px: 4, height_px: 4, y: &y, y_stride: 4, u: &c, u_stride: 2, v: &c, v_stride: 2 };
        let window = Window::default();
        assert!(copy(None, &view).is_none() && copy(Some(&window), &view).is_none());
        let newest = window.look();
        let planes = copy(Some(&window), &view).unwrap();
        assert_eq!((planes.size_px(), planes.i420().y), ((4, 4), &y[..]));
        let (boxes, tracks, rules) = (Vec::new(), Vec::new(), Vec::new());
        window.show(|number| Seen { number, capture_us: 0, media_us: 0, planes, boxes, tracks, rules });
        assert!(newest.has_changed().unwrap());
        let look = || Look { media_us: 0, capture_us: 0, frame_px: (4, 4), boxes: Vec::new(), last: false };
        window.remember(look(), &[]);
        assert_eq!(window.seen().map(|seen| seen.number), Some(1));
        window.0.looked_us.store(now_us() - LOOKS_FOR_US, Ordering::Relaxed);
        window.remember(look(), &[]);
        assert!(window.seen().is_none(), "whoever looked has gone");
        assert_eq!(window.remembered().0.len(), 2);
        window.remember(look(), &["other".to_owned()]);
        assert_eq!(window.remembered().0.len(), 1, "the boxes of another model mean something else");
    }

    #[test]
    fn a_camera_keeps_its_window_until_it_goes() {
        let windows = Windows::default();
        windows.open("a").look();
        assert!(windows.open("a").is_watched(), "a stream that is opened anew is the same window");
        windows.remove("a");
        assert!(windows.get("a").is_none() && !windows.open("a").is_watched());
    }
}
