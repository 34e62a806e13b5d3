//! The city's ways for vehicles: lanes of the main streets, right turns, the side street, and the wrong way.

use glam::Vec2;

use super::{
    super::{
        route::{Route, Traffic, bend},
        signal::Axis,
    },
    places,
    streets::STOP_M,
};

/// Where vehicles come from and go to, from the middle.
const END_M: f32 = 190.0;
/// Of the side street's lane.
const SIDE_X: f32 = -96.5;
const INNER_M: f32 = 1.75;
const OUTER_M: f32 = 5.25;
const CYCLE_M: f32 = 8.0;

/// Westbound, outer lane.
const WEST_OUTER: usize = 9;

/// Which of the routes are used by name.
#[derive(Debug, Clone, Copy)]
pub(in crate::world) struct Known;

impl Known {
    /// Eastbound, outer lane: where cars break down.
    pub(in crate::world) const EAST_OUTER: usize = 1;
    /// Down the one-way street, against its direction.
    pub(in crate::world) const WRONG_WAY: usize = 17;
    /// From the main street into the one-way street.
    pub(in crate::world) const INTO_SIDE: usize = 16;
}

/// All routes. Four arms by turning the eastbound ones: inner lane, outer lane, outer lane with a right turn, cycles.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for arm in 0..4u8 {
        let turn = Vec2::from_angle(f32::from(arm) * std::f32::consts::FRAC_PI_2);
        let axis = if arm % 2 == 0 { Axis::EastWest } else { Axis::NorthSouth };
        let line = |points: &[Vec2]| points.iter().map(|point| turn.rotate(*point)).collect::<Vec<_>>();
        let straight = |y: f32| line(&[Vec2::new(-END_M, -y), Vec2::new(END_M, -y)]);
        let mut right = vec![Vec2::new(-END_M, -OUTER_M)];
        right.extend(bend(Vec2::new(-12.0, -OUTER_M), Vec2::new(-OUTER_M, -OUTER_M), Vec2::new(-OUTER_M, -12.0)));
        right.push(Vec2::new(-OUTER_M, -END_M));
        let first = routes.len();
        let mut group = [
            Route::new(straight(INNER_M), Traffic::Cars, 4.0, 12.0),
            Route::new(straight(OUTER_M), Traffic::All, 3.5, 11.0),
            Route::new(line(&right), Traffic::Cars, 1.2, 10.5),
            Route::new(straight(CYCLE_M), Traffic::Cycles, 3.0, 4.6),
        ];
        group.iter_mut().for_each(|route| route.stop = Some((END_M - STOP_M, axis)));
        group[1].beside = Some((first, OUTER_M - INNER_M));
        if arm == 2 {
            group[1].bus_stop_m = Some(END_M - places::BUS_HALT_X);
        }
        routes.extend(group);
    }
    let mut side = Route::new(into_side(), Traffic::Cars, 2.0, 8.5);
    side.stop = Some((END_M - STOP_M, Axis::EastWest));
    routes.push(side);
    let mut out = Route::new(out_of_side(), Traffic::None, 0.0, 8.0);
    out.give_way = Some((END_M - OUTER_M - 8.5, WEST_OUTER));
    routes.push(out);
    routes
}

/// Westbound, then north.
fn into_side() -> Vec<Vec2> {
    let mut points = vec![Vec2::new(END_M, OUTER_M)];
    points.extend(bend(Vec2::new(SIDE_X + 7.0, OUTER_M), Vec2::new(SIDE_X, OUTER_M), Vec2::new(SIDE_X, OUTER_M + 7.0)));
    points.push(Vec2::new(SIDE_X, END_M));
    points
}

/// South against the one way, then west.
fn out_of_side() -> Vec<Vec2> {
    let mut points = vec![Vec2::new(SIDE_X, END_M)];
    points.extend(bend(Vec2::new(SIDE_X, OUTER_M + 7.0), Vec2::new(SIDE_X, OUTER_M), Vec2::new(SIDE_X - 7.0, OUTER_M)));
    points.push(Vec2::new(-END_M, OUTER_M));
    points
}
