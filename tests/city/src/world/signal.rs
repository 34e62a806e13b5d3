//! The traffic lights of the crossing: two axes in turn, with time for people to walk and for the crossing to clear.

/// One of the two streets, in plan coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// Along x.
    EastWest,
    /// Along y.
    NorthSouth,
}

/// What a driver sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aspect {
    /// Go.
    Green,
    /// Stop if it can be done gently.
    Amber,
    /// Stop.
    Red,
}

const GREEN_S: f32 = 26.0;
const AMBER_S: f32 = 3.0;
const CLEAR_S: f32 = 3.0;
/// People start to cross only so long after their green begins; the rest of it is for arriving.
const WALK_S: f32 = 9.0;

/// The lights at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signals {
    now_s: f32,
}

impl Signals {
    /// Lights at a time, seconds; `shift_s` is where in their cycle they began.
    pub(super) fn at(now_s: f64, shift_s: f32) -> Signals {
        let cycle = f64::from(2.0 * (GREEN_S + AMBER_S + CLEAR_S));
        Signals { now_s: (now_s + f64::from(shift_s)).rem_euclid(cycle) as f32 }
    }

    /// Seconds since the axis's green began.
    fn since_green_s(self, axis: Axis) -> f32 {
        let half = GREEN_S + AMBER_S + CLEAR_S;
        match axis {
            Axis::EastWest => self.now_s,
            Axis::NorthSouth => (self.now_s - half).rem_euclid(2.0 * half),
        }
    }

    pub(super) fn aspect(self, axis: Axis) -> Aspect {
        match self.since_green_s(axis) {
            s if s < GREEN_S => Aspect::Green,
            s if s < GREEN_S + AMBER_S => Aspect::Amber,
            _ => Aspect::Red,
        }
    }

    /// Whether somebody on foot may start to walk along this axis.
    pub(super) fn walk(self, axis: Axis) -> bool {
        self.since_green_s(axis) < WALK_S
    }
}
