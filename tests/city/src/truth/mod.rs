//! What is true, as JSON lines in the time base of the streams: the objects in each picture, the events of every
//! camera's rules, the incidents across cameras, the faults. A [`Recorder`] makes the lines, a [`Folder`] keeps them.

mod events;
mod folder;
mod incidents;
mod line;
mod recorder;
mod silhouette;
mod tracks;

pub use events::{EventTruth, counted, height_min_px};
pub use folder::Folder;
pub use line::{Counted, Line, LineError, Object, Start, TrueCamera, TrueEvent, TrueFault, TrueIncident, read};
pub use recorder::Recorder;
pub use silhouette::Sight;

/// What a detector of the city is asked for, in the order of its classes.
pub const CLASSES: [&str; 5] = ["person", "two_wheeler", "car", "large_vehicle", "bag"];

/// The kind that says how many rather than what; it is told by the clock.
pub const COUNT: &str = "count";

/// An object in one camera's picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The actor's identity.
    pub id: u32,
    /// Its class.
    pub class: &'static str,
    /// Box around its whole silhouette, fractions of the picture, clipped to it.
    pub bbox: yiwang_inference::picture::Rect,
    /// Part of its silhouette that is in the picture and not hidden, 0–1.
    pub visible: f32,
}

/// The classes' names as a model has them.
pub fn classes() -> Vec<String> {
    CLASSES.iter().map(|name| (*name).to_owned()).collect()
}
