//! What the tests, the demo's cameras and the benchmarks are made of. Nothing of it is part of the product; the product's
//! own crates never depend on it.

pub mod assets; // clips and models, or a named skip
pub mod events; // plausible ones, for load
pub mod link; // a second gateway, as small as can be
pub mod process; // real processes of the product
pub mod check;
pub mod bench; // what it costs
pub mod feed; // what came out in the end
pub mod proxy; // a bad network
pub mod rtsp; // clips as cameras
pub mod truth; // what happens in them // both held against each other
