//! From the log to the view. `apply` brings each record of the log into the store and publishes it, in the log's order;
//! `waiting` holds watermarks until what they speak of can be seen there. (Incidents come with their own module.)

mod apply;
mod waiting;

pub use apply::{Applier, ApplyError, Publish};
pub use waiting::{Told, Waiting};
