//! What the product costs and carries, measured. Every figure stands beside one that was taken in the same run on the
//! same machine: absolute times of a shared machine say little, ratios hold.

pub mod city;
mod clips;
pub mod edge;
pub mod events;
pub mod hub;
pub mod long;
pub mod merge;
mod merge_score;
mod merge_watch;
pub mod model;
pub mod pictures;
mod report;
pub mod search;
mod subscribers;
pub mod uplink;
mod watcher;

pub use report::Report;
