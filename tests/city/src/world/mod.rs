//! What is there and what happens. Logic only: no pixels, no clock, no files. The same seed gives the same world.

mod actor;
mod layout;
mod light;

pub use actor::{Actor, ActorKind, Pose};
pub use layout::{Building, Ground, Layout, Prop, PropKind, Surface};
pub use light::Light;
