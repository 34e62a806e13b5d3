//! What the analysis says of a camera, for whoever decides what is decoded of it: whether something moves there, and
//! whether a keyframe that was looked at in between showed what was there before. Written by the decoder's thread, read
//! by the camera's task; a lock that is held for a copy.

use std::sync::{Arc, Mutex, PoisonError};

/// How much goes on before a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Stir {
    /// Nothing is there.
    Empty,
    /// Objects are there and have not moved for long.
    Still,
    /// Something moves, or is being thought about.
    #[default]
    Moving,
}

/// What the analysis says now. Times are media time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct View {
    /// How much goes on.
    pub stir: Stir,
    /// Since when nothing moves; none while something does.
    pub calm_since_us: Option<i64>,
    /// The newest picture that was analysed.
    pub seen_us: Option<i64>,
    /// The newest keyframe that was looked at while idle, and whether it showed anything else than before.
    pub glance: Option<(i64, bool)>,
}

/// The view that both sides share.
#[derive(Debug, Clone, Default)]
pub struct Attention {
    view: Arc<Mutex<View>>,
}

impl Attention {
    /// A picture was analysed.
    pub fn observed(&self, media_us: i64, stir: Stir) {
        self.change(|view| {
            view.stir = stir;
            view.seen_us = Some(media_us);
            if stir == Stir::Moving {
                view.calm_since_us = None;
            } else {
                view.calm_since_us.get_or_insert(media_us);
            }
        });
    }

    /// A keyframe was looked at.
    pub fn glanced(&self, media_us: i64, changed: bool) {
        self.change(|view| view.glance = Some((media_us, changed)));
    }

    /// The stream is over: nothing is known any more.
    pub fn forget(&self) {
        self.change(|view| *view = View::default());
    }

    /// What is known now.
    pub fn view(&self) -> View {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        // Fields stand alone; a panic elsewhere leaves none half written.
        change(&mut self.view.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
