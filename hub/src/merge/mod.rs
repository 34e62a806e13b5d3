//! From the log to the view. `apply` brings each record of the log into the store and publishes it, in the log's order;
//! `waiting` holds watermarks until what they speak of can be seen there.
//!
//! Events become incidents in `engine`, which is pure: `kinds` says as data which kinds go together, `spot` where something
//! happened, `thread` folds an event's begin, updates and end, `fit` holds two threads against each other and says why,
//! `overrides` is what people laid down by hand.

mod apply;
mod engine;
mod fit;
mod index;
pub mod kinds;
mod overrides;
pub mod spot;
mod thread;
mod waiting;

#[cfg(test)]
mod properties;

pub use apply::{Applier, ApplyError, Publish};
pub use engine::{Changes, Engine};
pub use fit::{By, Link};
pub use overrides::{Overrides, Step};
pub use thread::{Key, Level, MAX_MEASURES, Measured, More, Thread, thread_id};
pub use waiting::{Told, Waiting};
