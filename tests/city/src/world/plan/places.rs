//! Places with a meaning, in plan coordinates: what cameras watch and where incidents happen. All in one file, because
//! zones, incidents and furniture must fit each other.

use glam::Vec2;

/// A rectangle along the axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::world) struct Zone {
    pub(in crate::world) from: Vec2,
    pub(in crate::world) to: Vec2,
}

impl Zone {
    pub(in crate::world) const fn new(x: (f32, f32), y: (f32, f32)) -> Zone {
        Zone { from: Vec2::new(x.0, y.0), to: Vec2::new(x.1, y.1) }
    }

    pub(in crate::world) fn middle(&self) -> Vec2 {
        (self.from + self.to) / 2.0
    }

    pub(in crate::world) fn contains(&self, point: Vec2) -> bool {
        point.cmpge(self.from).all() && point.cmple(self.to).all()
    }

    /// Corners counter-clockwise.
    pub(in crate::world) fn corners(&self) -> [Vec2; 4] {
        [self.from, Vec2::new(self.to.x, self.from.y), self.to, Vec2::new(self.from.x, self.to.y)]
    }
}

/// A place to stay at.
#[derive(Debug, Clone, Copy)]
pub(in crate::world) struct Spot {
    /// The node from which it is reached.
    pub(in crate::world) node: usize,
    pub(in crate::world) at: Vec2,
    /// What one looks at there.
    pub(in crate::world) facing: Vec2,
}

/// The square's middle, where crowds form.
pub(in crate::world) const CROWD: Zone = Zone::new((26.0, 34.5), (28.5, 36.5));
/// A marked stage on the square that nobody walks over.
pub(in crate::world) const STAGE: Zone = Zone::new((47.0, 57.0), (43.0, 51.0));
/// Beside the benches of the square, where bags are forgotten.
pub(in crate::world) const BENCHES: Zone = Zone::new((31.5, 35.8), (22.6, 27.0));
/// Before the school's gate.
pub(in crate::world) const SCHOOL: Zone = Zone::new((-61.0, -53.0), (-14.2, -10.2));
/// The school's gate.
pub(in crate::world) const SCHOOL_GATE: Vec2 = Vec2::new(-57.0, -15.4);
/// Inside the construction site.
pub(in crate::world) const SITE: Zone = Zone::new((54.5, 66.0), (-28.4, -19.0));
/// The gap in the site's hoarding.
pub(in crate::world) const SITE_GAP: Vec2 = Vec2::new(60.0, -15.2);
/// The lanes where a car that stops is in everybody's way.
pub(in crate::world) const KEEP_MOVING: Zone = Zone::new((37.5, 50.0), (-9.0, 0.0));
/// Where the broken-down car stops.
pub(in crate::world) const BREAKDOWN: Vec2 = Vec2::new(43.0, -5.25);
/// Where vehicles are counted: across the eastbound lanes, from the middle to the kerb.
pub(in crate::world) const COUNT_LINE: [Vec2; 2] = [Vec2::new(35.5, -0.2), Vec2::new(35.5, -9.2)];
/// The travel lane of the one-way side street; its right way is north.
pub(in crate::world) const ONE_WAY: Zone = Zone::new((-99.0, -94.2), (46.0, 64.0));
/// Where its speed is measured: as far as a camera at its southern end can tell.
pub(in crate::world) const SPEED: Zone = Zone::new((-99.4, -93.6), (45.0, 76.0));
/// The bus stop's pavement.
pub(in crate::world) const BUS_STOP: Zone = Zone::new((-57.0, -45.0), (9.6, 14.0));
/// Beside the shelter, where bags are forgotten.
pub(in crate::world) const BUS_BAG: Zone = Zone::new((-48.5, -44.5), (13.0, 15.0));
/// Where the bag lies there.
pub(in crate::world) const BUS_STOP_BAG: Vec2 = Vec2::new(-46.4, 14.1);
/// The first one of the queue.
pub(in crate::world) const BUS_QUEUE: Vec2 = Vec2::new(-55.5, 10.2);
/// Middle of a bus that halts.
pub(in crate::world) const BUS_HALT_X: f32 = -54.0;
/// The guard line along the middle of the street, on which nobody is to cross; ends west and east.
pub(in crate::world) const GUARD_LINE: [Vec2; 2] = [Vec2::new(-29.0, 0.0), Vec2::new(-17.0, 0.0)];
/// Along the steps to the water, ends west and east; down to the water is southwards.
pub(in crate::world) const WATER_LINE: [Vec2; 2] = [Vec2::new(-65.5, -113.2), Vec2::new(-53.5, -113.2)];
/// The gap in the river's railing, from and to along x.
pub(in crate::world) const RAILING_GAP: (f32, f32) = (-66.0, -54.0);
