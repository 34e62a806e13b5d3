//! Objects become events. A rule is one file: its settings, labels, default severity, logic and tests. What is common
//! to all (geometry, who is in a zone, reading a table) is beside them; what an event looks like on the wire is the
//! gateway's business.

mod abandoned_object;
mod attendance;
mod count;
mod crossing;
mod crowd;
mod event;
pub(crate) mod geometry;
mod intrusion;
mod line_cross;
mod loiter;
mod member;
mod occupancy;
mod path;
mod presence;
mod remembered;
mod removed_object;
mod set;
mod settings;
mod speed_over;
mod stand;
mod standing;
mod stay;
mod stopped_vehicle;
#[cfg(test)]
mod testing;
mod watching;
mod wrong_way;

pub use event::{Descriptor, Measure, Phase, RuleEvent, Severity};
pub use set::{RuleSet, descriptors, parse, schema};
pub use settings::RuleError;
pub use watching::{RuleWatch, Standpoint, Watched};

use crate::{ground::Ground, track::Track};

/// Every rule that can be configured. To add one: a file like `intrusion.rs` and a line here.
pub const RULES: &[RuleKind] = &[
    line_cross::KIND,
    intrusion::KIND,
    loiter::KIND,
    occupancy::KIND,
    crowd::KIND,
    wrong_way::KIND,
    stopped_vehicle::KIND,
    abandoned_object::KIND,
    removed_object::KIND,
    count::KIND,
    speed_over::KIND,
];

/// Default classes of rules about left and taken things.
const BAGS: &[&str] = &["bag"];
/// Default classes of rules about traffic.
const VEHICLES: &[&str] = &["vehicle"];

/// Whether one of these tables is a rule about things that are left or taken: then they are worth looking for.
pub fn about_things(tables: &[toml::Table]) -> bool {
    let mut kinds = tables.iter().filter_map(|table| table.get("kind")?.as_str());
    kinds.any(|kind| RULES.iter().any(|rule| rule.descriptor.kind == kind && rule.classes == BAGS))
}

/// A line of the table: how a rule is called, shown and read.
#[derive(Debug)]
pub struct RuleKind {
    /// The kind and its labels.
    pub descriptor: Descriptor,
    /// In a sentence, what it reports.
    pub about: &'static str,
    /// The classes that count where the rule names none. Empty means all.
    pub classes: &'static [&'static str],
    /// Reads the rule's own keys; those that all rules have are in `Head` already.
    pub(crate) parse: fn(settings::Head, toml::Table) -> Result<Box<dyn Rule>, RuleError>,
    /// JSON Schema of the rule's own keys.
    pub(crate) schema: fn() -> schemars::Schema,
}

/// What a rule sees of one picture.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Media time of the picture.
    pub t_us: i64,
    /// Confirmed objects, in the order of their numbers.
    pub tracks: &'a [Track],
    /// The ground, where the camera is calibrated.
    pub ground: Option<&'a Ground>,
}

/// A rule at work on one camera.
pub trait Rule: Send + std::fmt::Debug {
    /// Looks at one picture; appends what happened.
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>);

    /// Ends what is open and forgets: the stream is lost or over.
    fn finish(&mut self, t_us: i64, events: &mut Vec<RuleEvent>);

    /// The earliest media time of an event that is being thought about but not decided.
    fn pending_us(&self) -> Option<i64>;

    /// Pictures a second below which it can never tell anything.
    fn least_fps(&self) -> f64 {
        0.0
    }

    /// What it makes of the picture that it saw last, for somebody who looks.
    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched>;
}
