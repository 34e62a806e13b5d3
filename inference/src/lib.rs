//! From a decoded picture to events. Modules stand in the order in which data flows; none of them knows a network, a
//! clock or tokio: time comes in as microseconds of media time, so the same input gives the same output.

pub mod picture; // what the decoder hands over, and boxes and points in fractions of the picture
pub mod mask; // what nothing may look at, made black before anything looks
mod shrink; // luma at a smaller size
pub mod background; // what a fixed camera sees when nothing moves, and what differs from it
pub mod model; // the runtime library, the manifest, one shared session a model
pub mod detect; // planes to tensor in one pass, outputs to boxes: one file a model family
pub mod left; // things that somebody left, found as what has changed and stays, whatever they are
pub mod track; // boxes to objects that keep their number
pub mod ground; // points of the picture to places on the ground, with their error
pub mod rules; // objects to events: one file a rule
pub mod quality; // pictures to faults of the camera: one file a diagnosis
pub mod analyser; // track and rules of one camera, in one call

pub mod compare; // what two models see in one picture
pub mod classes; // names of classes that mean one kind of thing, whatever the model calls it
pub mod suggest; // "did you mean", for every text that people type
