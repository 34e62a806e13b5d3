//! Boxes of single pictures become objects that keep their number.
//!
//! The idea is ByteTrack's (Zhang et al., 2022, arXiv:2110.06864): sure boxes are associated first, then the weak ones,
//! which are mostly the same objects half hidden, are used to keep tracks alive and never to start them. Boxes move by
//! a Kalman filter (`kalman`), association is optimal (`assign`). For low and changing sample rates all times are media
//! time, and what is left over after both rounds is tried once more with grown boxes (C-BIoU, Yang et al., 2023,
//! arXiv:2211.14317), because an object may have moved by its own size between two samples.
//!
//! What events follow from tracks is left to `rules`.

mod assign;
mod kalman;
mod tracker;

pub use tracker::{Track, Tracker, TrackerConfig};
