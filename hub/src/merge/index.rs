//! Which threads can be neighbours at all: by camera, by gateway for what is about cameras, and by squares of the ground.
//! Threads that last are kept apart from the many short ones, so that looking back stays short.
//!
//! Bound: of each place only the newest [`NEAREST`] short ones and as many long ones before a thread are looked at,
//! whatever a broken camera sends. That too is a function of the set of threads alone: who comes late pushes others out
//! of the view of those that follow, and those are told.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::kinds;
use super::spot::Spot;
use super::thread::{Key, Thread};

/// A square's sides, degrees: at least 110 m up to 60° of latitude. Two neighbours are never farther apart than that.
const SQUARE_DEG: (f64, f64) = (0.002, 0.001);
/// What lasts longer than this is kept with the long ones.
const SHORT_US: i64 = 60_000_000;
/// What has lasted longer than this before another begins is no neighbour.
const LOOK_BACK_US: i64 = 24 * 3_600_000_000;
/// So many of each sort are looked at in each place.
const NEAREST: usize = 96;
/// Clocks are never believed to be wrong by more.
pub(super) const TIME_ERROR_MAX_US: i64 = 5_000_000;

/// Where threads are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Camera(String, Option<String>),
    Gateway(String),
    Square(i32, i32),
}

#[derive(Debug, Default)]
struct Cell {
    short: BTreeSet<Key>,
    long: BTreeSet<Key>,
}

impl Cell {
    /// Short ones and long ones, each with how far back they are looked for.
    fn sets(&self) -> [(&BTreeSet<Key>, i64); 2] {
        [(&self.short, SHORT_US + gap_us()), (&self.long, LOOK_BACK_US)]
    }
}

/// The index.
#[derive(Debug, Default)]
pub(super) struct Index {
    cells: HashMap<Place, Cell>,
}

fn square(spot: &Spot) -> (i32, i32) {
    ((spot.longitude / SQUARE_DEG.0).floor() as i32, (spot.latitude / SQUARE_DEG.1).floor() as i32)
}

/// Where it is kept.
fn homes(thread: &Thread) -> Vec<Place> {
    if kinds::row(&thread.kind).of_camera {
        return vec![Place::Gateway(thread.gateway.clone())];
    }
    let mut homes = vec![Place::Camera(thread.gateway.clone(), thread.camera.clone())];
    homes.extend(thread.spot.as_ref().map(square).map(|(x, y)| Place::Square(x, y)));
    homes
}

/// Where its neighbours are kept.
fn around(thread: &Thread) -> Vec<Place> {
    let mut around = homes(thread);
    if let Some(Place::Square(x, y)) = around.last().cloned() {
        around.pop();
        around.extend((-1..=1).flat_map(|dx| (-1..=1).map(move |dy| Place::Square(x + dx, y + dy))));
    }
    around
}

fn is_short(thread: &Thread) -> bool {
    thread.until_us() - thread.begin_us <= SHORT_US
}

fn gap_us() -> i64 {
    (kinds::longest_gap_s() * 1e6) as i64 + 2 * TIME_ERROR_MAX_US
}

impl Index {
    pub(super) fn add(&mut self, thread: &Thread) {
        for home in homes(thread) {
            let cell = self.cells.entry(home).or_default();
            let set = if is_short(thread) { &mut cell.short } else { &mut cell.long };
            set.insert(thread.key());
        }
    }

    pub(super) fn remove(&mut self, thread: &Thread) {
        for home in homes(thread) {
            if let Some(cell) = self.cells.get_mut(&home) {
                cell.short.remove(&thread.key());
                cell.long.remove(&thread.key());
                if cell.short.is_empty() && cell.long.is_empty() {
                    self.cells.remove(&home);
                }
            }
        }
    }

    pub(super) fn change(&mut self, before: &Thread, after: &Thread) {
        if is_short(before) != is_short(after) {
            self.remove(before);
            self.add(after);
        }
    }

    /// Earlier threads that may be neighbours, each once, in order.
    pub(super) fn before(&self, thread: &Thread) -> BTreeSet<Key> {
        let mut found = BTreeSet::new();
        for cell in around(thread).iter().filter_map(|place| self.cells.get(place)) {
            for (set, window_us) in cell.sets() {
                let from = (thread.begin_us - window_us, Uuid::nil());
                found.extend(set.range(from..thread.key()).rev().take(NEAREST));
            }
        }
        found
    }

    /// Tells each later thread whose view of its neighbours this one changes.
    pub(super) fn after(&self, thread: &Thread, mut tell: impl FnMut(Key)) {
        let places = around(thread);
        let mut to = (thread.until_us() + gap_us(), Uuid::max());
        // Where many are, it also pushes others out of the view of those that follow.
        for cell in homes(thread).iter().filter_map(|place| self.cells.get(place)) {
            let (set, window_us) = cell.sets()[usize::from(!is_short(thread))];
            let from = (thread.begin_us - window_us, Uuid::nil());
            let last = (thread.begin_us + window_us, Uuid::max());
            if set.range(from..=last).take(NEAREST + 1).count() > NEAREST {
                let seen_by = set.range(thread.key()..=last).nth(NEAREST + 1).copied().unwrap_or(last);
                to = to.max(seen_by);
            }
        }
        if to <= thread.key() {
            return;
        }
        let range = (std::ops::Bound::Excluded(thread.key()), std::ops::Bound::Included(to));
        for cell in places.iter().filter_map(|place| self.cells.get(place)) {
            cell.short.range(range).chain(cell.long.range(range)).for_each(|key| tell(*key));
        }
    }
}
