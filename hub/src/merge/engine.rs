//! The incremental merge. Threads are decided in one order, by begin and id: each joins the incident of the earlier thread
//! that fits it best, or founds its own. A decision looks only at earlier threads, so the incidents are a function of the
//! set of threads and of what people laid down by hand, and of nothing else: whatever comes late, twice or in another
//! order, only those decisions are made again that it touches, and they end as if everything had come in order.
//!
//! An incident is named by its first thread. No clock, no socket, no disk.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::fit::{Link, fit, two_objects};
use super::index::Index;
use super::kinds;
use super::overrides::Overrides;
use super::thread::{Key, More, Thread};

/// Sources of one incident; what comes beyond them founds another one. A broken camera tells thousands a second.
pub(super) const MAX_SOURCES: usize = 2_000;
/// Updates and ends whose begin has not come yet. Bound: the oldest are forgotten; their begin then lasts until it is
/// told of again.
const MAX_EARLY: usize = 100_000;

/// A thread with what was decided.
#[derive(Debug)]
struct Node {
    thread: Thread,
    /// The founder of its incident; itself where it founded one. None before the first decision.
    incident: Option<Uuid>,
    /// Why it joined.
    link: Option<Link>,
}

/// What changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Incidents with other members or other data than before, those included that have no members any more.
    pub incidents: BTreeSet<Uuid>,
    /// Threads that are new, other than before, or in another incident.
    pub threads: BTreeSet<Uuid>,
}

/// All threads that can still take part.
#[derive(Debug, Default)]
pub struct Engine {
    nodes: HashMap<Uuid, Node>,
    index: Index,
    /// Members by founder, before joins by hand.
    members: HashMap<Uuid, BTreeSet<Key>>,
    early: BTreeMap<Uuid, Vec<More>>,
    dirty: BTreeSet<Key>,
    overrides: Overrides,
    /// Founders that joins by hand show under another one.
    shown: HashMap<Uuid, Uuid>,
}

impl Engine {
    /// Takes in a thread with its begin. What was known of it already is kept; true where it is new.
    pub fn begin(&mut self, thread: Thread, changes: &mut Changes) -> bool {
        if !kinds::row(&thread.kind).incident || self.nodes.contains_key(&thread.id) {
            return false;
        }
        let mut thread = thread;
        for more in self.early.remove(&thread.id).unwrap_or_default() {
            thread.add(&more);
        }
        let (key, id) = (thread.key(), thread.id);
        self.index.add(&thread);
        self.dirty.insert(key);
        self.touch_after(&thread);
        self.nodes.insert(id, Node { thread, incident: None, link: None });
        changes.threads.insert(id);
        true
    }

    /// Takes in an update or an end.
    pub fn more(&mut self, more: More, changes: &mut Changes) {
        let Some(node) = self.nodes.get_mut(&more.thread) else {
            if self.early.len() >= MAX_EARLY {
                self.early.pop_first();
            }
            self.early.entry(more.thread).or_default().push(more);
            return;
        };
        let before = node.thread.clone();
        if !node.thread.add(&more) {
            return;
        }
        let (after, incident) = (node.thread.clone(), node.incident);
        // A shorter life than was assumed lets others go, a longer one takes others in.
        if before.until_us() != after.until_us() {
            self.touch_after(&before);
            self.index.change(&before, &after);
            self.touch_after(&after);
        }
        changes.threads.insert(after.id);
        changes.incidents.extend(incident.map(|founder| self.shown_as(founder)));
    }

    /// What people laid down by hand, all of it.
    pub fn lay_down(&mut self, overrides: Overrides, changes: &mut Changes) {
        let before = std::mem::replace(&mut self.overrides, overrides);
        let differing = self.overrides.differing(&before);
        for id in differing {
            let Some(node) = self.nodes.get(&id) else { continue };
            let founder = node.incident.unwrap_or(id);
            self.dirty.insert(node.thread.key());
            // Whether an incident takes more is asked by whoever comes after any of its members.
            let members: Vec<Uuid> = self.members.get(&founder).into_iter().flatten().map(|(_, id)| *id).collect();
            for member in members {
                let thread = self.nodes[&member].thread.clone();
                self.dirty.insert(thread.key());
                self.touch_after(&thread);
            }
        }
        if before.joins != self.overrides.joins {
            self.settle(changes);
            self.show(changes);
        }
    }

    /// Decides whatever is not decided, or not any more.
    pub fn settle(&mut self, changes: &mut Changes) {
        let mut moved = HashSet::new();
        while let Some((_, id)) = self.dirty.pop_first() {
            let (incident, link) = self.decide(id);
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            let before = node.incident.replace(incident);
            let new_link = node.link != link;
            node.link = link;
            if before == Some(incident) {
                if new_link {
                    changes.threads.insert(id);
                    changes.incidents.insert(incident);
                }
                continue;
            }
            let thread = node.thread.clone();
            if let Some(founder) = before {
                if let Some(members) = self.members.get_mut(&founder) {
                    members.remove(&thread.key());
                    if members.is_empty() {
                        self.members.remove(&founder);
                    }
                }
                changes.incidents.insert(founder);
            }
            self.members.entry(incident).or_default().insert(thread.key());
            changes.incidents.insert(incident);
            changes.threads.insert(id);
            moved.insert(id);
            self.touch_after(&thread);
            let full = self.members.get(&incident).is_some_and(|members| members.len() > MAX_SOURCES);
            if full || self.overrides.cuts.contains_key(&id) {
                for founder in before.into_iter().chain([incident]) {
                    self.touch_members_after(founder, &thread);
                }
            }
        }
        if !moved.is_empty() && !self.overrides.joins.is_empty() {
            self.show(changes);
        }
        let shown: Vec<Uuid> = changes.incidents.iter().map(|founder| self.shown_as(*founder)).collect();
        changes.incidents.extend(shown);
    }

    fn decide(&self, id: Uuid) -> (Uuid, Option<Link>) {
        let Some(node) = self.nodes.get(&id) else { return (id, None) };
        if let Some(group) = self.overrides.pins.get(&id) {
            return (*group, (*group != id).then(|| Link::by_hand(*group)));
        }
        let thread = &node.thread;
        let mut best: Option<(f64, Key, Uuid, Link)> = None;
        // Many neighbours are of one incident, and an incident of thousands is asked through all of them.
        let mut taken: HashMap<Uuid, bool> = HashMap::new();
        for key in self.index.before(thread) {
            let earlier = key.1;
            let Some(other) = self.nodes.get(&earlier) else { continue };
            let Some(founder) = other.incident else { continue };
            let Some((cost, link)) = fit(&other.thread, thread) else { continue };
            let nearer = best.as_ref().is_none_or(|(least, first, ..)| (cost, key) < (*least, *first));
            if nearer && *taken.entry(founder).or_insert_with(|| self.takes(founder, thread)) {
                best = Some((cost, key, founder, link));
            }
        }
        best.map_or((id, None), |(_, _, founder, link)| (founder, Some(link)))
    }

    /// Whether an incident may take a thread at all: it does not grow for ever, and what was resolved stays resolved.
    fn takes(&self, founder: Uuid, thread: &Thread) -> bool {
        let Some(first) = self.nodes.get(&founder) else { return false };
        let span_us = (kinds::row(&thread.kind).span_s * 1e6) as i64;
        if thread.begin_us - first.thread.begin_us > span_us {
            return false;
        }
        let Some(members) = self.members.get(&founder) else { return true };
        if members.len() >= MAX_SOURCES && members.range(..thread.key()).count() >= MAX_SOURCES {
            return false;
        }
        // What another camera saw must not join two objects that one camera tells apart.
        let other =
            |(_, member): &Key| self.nodes.get(member).is_some_and(|member| two_objects(&member.thread, thread));
        if kinds::row(&thread.kind).one_object && members.range(..thread.key()).any(other) {
            return false;
        }
        let cut = |member: &Uuid| self.overrides.is_cut(*member, thread.begin_us);
        // An incident of thousands is asked through the few that were resolved, and the other way about.
        if self.overrides.cuts.len() < members.len() {
            let mine = |id: &&Uuid| self.nodes.get(id).is_some_and(|node| members.contains(&node.thread.key()));
            !self.overrides.cuts.keys().filter(mine).any(cut)
        } else {
            !members.iter().any(|(_, member)| cut(member))
        }
    }

    /// Whoever comes after this thread and could be its neighbour decides anew.
    fn touch_after(&mut self, thread: &Thread) {
        let Engine { index, dirty, .. } = self;
        index.after(thread, |key| {
            dirty.insert(key);
        });
    }

    fn touch_members_after(&mut self, founder: Uuid, thread: &Thread) {
        let later: Vec<Key> =
            self.members.get(&founder).into_iter().flatten().copied().filter(|key| *key > thread.key()).collect();
        for (_, id) in &later {
            let member = self.nodes[id].thread.clone();
            self.touch_after(&member);
        }
        self.dirty.extend(later);
    }

    /// Works out which incidents are shown together.
    fn show(&mut self, changes: &mut Changes) {
        let mut groups: Vec<BTreeSet<Uuid>> = Vec::new();
        for (a, b) in &self.overrides.joins {
            let founder = |id: &Uuid| self.nodes.get(id).and_then(|node| node.incident);
            let (Some(a), Some(b)) = (founder(a), founder(b)) else { continue };
            let (mut together, apart): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|group| group.contains(&a) || group.contains(&b));
            together.push(BTreeSet::from([a, b]));
            groups = apart;
            groups.push(together.into_iter().flatten().collect());
        }
        let mut shown = HashMap::new();
        for group in &groups {
            let first = group.iter().min_by_key(|id| self.nodes.get(id).map(|node| node.thread.key()));
            for founder in group {
                shown.extend(first.map(|first| (*founder, *first)));
            }
        }
        for founder in shown.keys().chain(self.shown.keys()) {
            let (now, then) = (shown.get(founder), self.shown.get(founder));
            if now != then {
                changes.incidents.insert(*founder);
                changes.incidents.extend(now.into_iter().chain(then).copied());
                let moved = self.members.get(founder).into_iter().flatten().map(|(_, id)| *id);
                changes.threads.extend(moved);
            }
        }
        self.shown = shown;
    }

    fn shown_as(&self, founder: Uuid) -> Uuid {
        self.shown.get(&founder).copied().unwrap_or(founder)
    }

    /// The incident that a thread is in; none where the thread is not known here.
    pub fn incident_of(&self, thread: Uuid) -> Option<Uuid> {
        Some(self.shown_as(self.nodes.get(&thread)?.incident?))
    }

    /// A thread and why it is where it is.
    pub fn thread(&self, id: Uuid) -> Option<(&Thread, Option<&Link>)> {
        self.nodes.get(&id).map(|node| (&node.thread, node.link.as_ref()))
    }

    /// The threads of an incident, first begin first; nothing where there is none of that name.
    pub fn sources(&self, incident: Uuid) -> Vec<(&Thread, Option<&Link>)> {
        if self.shown_as(incident) != incident {
            return Vec::new();
        }
        let mut keys: Vec<Key> = self.members.get(&incident).into_iter().flatten().copied().collect();
        let alone = keys.len();
        for (founder, _) in self.shown.iter().filter(|(founder, shown)| **shown == incident && **founder != incident) {
            keys.extend(self.members.get(founder).into_iter().flatten());
        }
        if keys.len() > alone {
            keys.sort_unstable();
        }
        keys.iter().filter_map(|(_, id)| self.thread(*id)).collect()
    }

    /// All incidents that are shown.
    pub fn incidents(&self) -> BTreeSet<Uuid> {
        self.members.keys().map(|founder| self.shown_as(*founder)).collect()
    }

    /// How many threads are held.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True where nothing is held.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Forgets incidents of which nothing happened since; what comes later of that time founds its own.
    pub fn forget_before(&mut self, time_us: i64) {
        let old = |id: &Uuid| self.sources(*id).iter().all(|(thread, _)| thread.until_us() < time_us);
        let gone: HashSet<Uuid> = self.incidents().into_iter().filter(old).collect();
        let founders: Vec<Uuid> =
            self.members.keys().copied().filter(|founder| gone.contains(&self.shown_as(*founder))).collect();
        for founder in founders {
            for (_, id) in self.members.remove(&founder).into_iter().flatten() {
                if let Some(node) = self.nodes.remove(&id) {
                    self.index.remove(&node.thread);
                }
            }
        }
    }
}
