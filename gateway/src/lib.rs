//! The gateway: from a department's cameras to events on the hub. Modules stand in the order in which data flows.

pub mod board;
pub mod camera;
pub mod decode;
pub mod spool;
pub mod uplink;
