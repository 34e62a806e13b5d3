//! What the tests, the demo's cameras and the benchmarks are made of. Nothing of it is part of the product; the product's
//! own crates never depend on it.

// What happens before the cameras; the cameras themselves are `yiwang_city::rtsp`.
pub mod assets;
pub mod truth;

// Load and bad weather.
pub mod events;
pub mod link;
pub mod process;
pub mod proxy;
pub mod sim;
pub mod uplink;

// What came out in the end, held against it; and what it costs.
pub mod bench;
pub mod check;
pub mod feed;
pub mod viewer;
pub mod watch;
