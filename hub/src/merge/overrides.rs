//! What people laid down by hand about which threads belong together, made from the record of their steps: a replay of
//! the log under the same record gives the same incidents.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

/// A step that touches what belongs together, in the order of the record; steps that were taken back are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Some threads are an incident of their own, the rest stay together.
    Split {
        /// These.
        sources: Vec<Uuid>,
        /// The rest.
        rest: Vec<Uuid>,
    },
    /// The incidents of two threads are one.
    Join(Uuid, Uuid),
    /// The incident of this thread takes nothing that begins between these times.
    Resolved(Uuid, i64, i64),
    /// From this time on it does again.
    Reopened(Uuid, i64),
}

/// The sum of the steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Threads that were put into a group, named by its first thread.
    pub(super) pins: HashMap<Uuid, Uuid>,
    /// Pairs whose incidents are one.
    pub(super) joins: Vec<(Uuid, Uuid)>,
    /// Times between which an incident took nothing, by the thread that names it.
    pub(super) cuts: BTreeMap<Uuid, Vec<(i64, i64)>>,
}

impl Overrides {
    /// Sums steps up. `first` gives a group's first thread in the order of threads.
    pub fn of(steps: &[Step], first: impl Fn(&[Uuid]) -> Option<Uuid>) -> Overrides {
        let mut sum = Overrides::default();
        for step in steps {
            match step {
                Step::Split { sources, rest } => {
                    let parted: HashSet<&Uuid> = sources.iter().collect();
                    let whole: HashSet<&Uuid> = sources.iter().chain(rest).collect();
                    let crosses = |a: &Uuid, b: &Uuid| {
                        whole.contains(a) && whole.contains(b) && parted.contains(a) != parted.contains(b)
                    };
                    sum.joins.retain(|(a, b)| !crosses(a, b));
                    for group in [sources, rest] {
                        if let Some(name) = first(group) {
                            sum.pins.extend(group.iter().map(|id| (*id, name)));
                        }
                    }
                }
                Step::Join(a, b) => sum.joins.push((*a, *b)),
                Step::Resolved(id, from_us, to_us) => sum.cuts.entry(*id).or_default().push((*from_us, *to_us)),
                Step::Reopened(id, at_us) => {
                    for cut in sum.cuts.entry(*id).or_default().iter_mut().filter(|cut| cut.1 > *at_us) {
                        cut.1 = *at_us;
                    }
                }
            }
        }
        sum
    }

    /// True where this thread's incident takes nothing that begins then.
    pub(super) fn is_cut(&self, thread: Uuid, begin_us: i64) -> bool {
        self.cuts.get(&thread).is_some_and(|cuts| cuts.iter().any(|(from, to)| (*from..*to).contains(&begin_us)))
    }

    /// Threads about which the two say something different, joins apart.
    pub(super) fn differing(&self, other: &Overrides) -> HashSet<Uuid> {
        let pins = self.pins.keys().chain(other.pins.keys()).filter(|id| self.pins.get(id) != other.pins.get(id));
        let cuts = self.cuts.keys().chain(other.cuts.keys()).filter(|id| self.cuts.get(id) != other.cuts.get(id));
        pins.chain(cuts).copied().collect()
    }
}
