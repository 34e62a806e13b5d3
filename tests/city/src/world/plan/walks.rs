//! The city's walking net: pavements, crossings, the square's ways, the promenade, alleys between the buildings.

use glam::Vec2;

use super::{
    super::{
        net::{Gate, Net},
        signal::Axis,
    },
    places::Spot,
};

/// Middle of a pavement, from the street's middle.
pub(super) const WALK_M: f32 = 12.0;
const END_M: f32 = 165.0;
const HALF_M: f32 = 1.5;

/// Mouth and end of each alley.
pub(super) const ALLEYS: [(Vec2, Vec2); 14] = [
    (Vec2::new(-38.0, 12.0), Vec2::new(-38.0, 31.0)),
    (Vec2::new(-78.0, 12.0), Vec2::new(-78.0, 31.0)),
    (Vec2::new(-38.0, -12.0), Vec2::new(-38.0, -31.0)),
    (Vec2::new(-80.0, -12.0), Vec2::new(-80.0, -31.0)),
    (Vec2::new(38.0, -12.0), Vec2::new(38.0, -31.0)),
    (Vec2::new(86.0, -12.0), Vec2::new(86.0, -31.0)),
    (Vec2::new(66.0, 12.0), Vec2::new(66.0, 31.0)),
    (Vec2::new(-12.0, 38.0), Vec2::new(-31.0, 38.0)),
    (Vec2::new(-12.0, -50.0), Vec2::new(-31.0, -50.0)),
    (Vec2::new(12.0, -50.0), Vec2::new(31.0, -50.0)),
    (Vec2::new(40.0, 56.0), Vec2::new(40.0, 77.0)),
    (Vec2::new(-101.0, 72.0), Vec2::new(-120.0, 72.0)),
    (Vec2::new(-74.0, -106.5), Vec2::new(-74.0, -84.0)),
    (Vec2::new(-36.0, -106.5), Vec2::new(-36.0, -84.0)),
];

fn v(x: f32, y: f32) -> Vec2 {
    Vec2::new(x, y)
}

/// The net, not yet finished: whoever adds to it finishes it.
pub(super) fn net() -> Net {
    let mut net = Net::default();
    let w = WALK_M;
    // East-west pavements; the northern one passes the side street's mouth, the square and alleys.
    net.line(
        &[v(-END_M, w), v(-101.0, w), v(-89.0, w), v(-78.0, w), v(-62.0, w), v(-52.0, w), v(-38.0, w), v(-w, w)],
        HALF_M,
        Gate::Open,
    );
    net.line(&[v(w, w), v(20.0, w), v(40.0, w), v(66.0, w), v(110.0, w), v(END_M, w)], HALF_M, Gate::Open);
    net.line(&[v(-END_M, -w), v(-80.0, -w), v(-57.0, -w), v(-38.0, -w), v(-25.0, -w), v(-w, -w)], HALF_M, Gate::Open);
    net.line(&[v(w, -w), v(38.0, -w), v(60.0, -w), v(86.0, -w), v(END_M, -w)], HALF_M, Gate::Open);
    net.line(&[v(-25.0, w), v(-38.0, w)], HALF_M, Gate::Open);
    net.line(&[v(-25.0, w), v(-w, w)], HALF_M, Gate::Open);
    // North-south pavements.
    net.line(&[v(-w, w), v(-w, 38.0), v(-w, 90.0), v(-w, END_M)], HALF_M, Gate::Open);
    net.line(&[v(w, w), v(w, 22.0), v(w, 40.0), v(w, 56.0), v(w, 100.0), v(w, END_M)], HALF_M, Gate::Open);
    for x in [-w, w] {
        net.line(&[v(x, -w), v(x, -50.0), v(x, -106.5), v(x, -END_M)], HALF_M, Gate::Open);
    }
    // The four crossings.
    for side in [-w, w] {
        net.line(&[v(side, -w), v(side, w)], 1.4, Gate::Signal(Axis::NorthSouth));
        net.line(&[v(-w, side), v(w, side)], 1.4, Gate::Signal(Axis::EastWest));
    }
    // The side street's pavements and the promenade.
    net.line(&[v(-101.0, w), v(-101.0, 72.0), v(-101.0, END_M)], 1.0, Gate::Open);
    net.line(&[v(-89.0, w), v(-89.0, 72.0), v(-89.0, END_M)], 1.0, Gate::Open);
    let river = -106.5;
    net.line(&[v(-END_M, river), v(-74.0, river), v(-60.0, river), v(-36.0, river), v(-w, river)], 1.8, Gate::Open);
    net.line(&[v(w, river), v(60.0, river), v(END_M, river)], 1.8, Gate::Open);
    square(&mut net);
    for (mouth, end) in ALLEYS {
        net.line(&[mouth, end], 0.9, Gate::Open);
    }
    net
}

fn square(net: &mut Net) {
    let wide = 2.0;
    let (south_west, south) = (v(23.0, 19.0), v(40.0, 18.0));
    let (middle, east, north) = (v(40.0, 34.0), v(57.0, 36.0), v(40.0, 52.0));
    let west = v(20.0, 36.0);
    net.line(&[v(20.0, WALK_M), south_west, v(40.0, 18.0)], wide, Gate::Open);
    net.line(&[v(WALK_M, 22.0), south_west], wide, Gate::Open);
    net.line(&[v(40.0, WALK_M), south, middle, north, v(40.0, 56.0)], wide, Gate::Open);
    net.line(&[v(WALK_M, 40.0), west, v(22.0, 40.0), north], 1.5, Gate::Open);
    net.line(&[v(WALK_M, 56.0), v(26.0, 54.0), v(40.0, 56.0)], 1.5, Gate::Open);
    net.line(&[v(66.0, WALK_M), v(58.0, 20.0), east, middle], 1.5, Gate::Open);
    net.line(&[v(58.0, 20.0), south], wide, Gate::Open);
    net.line(&[west, v(30.0, 33.0), middle], wide, Gate::Open);
}

/// Where people stay for a while of their own accord: away from what cameras count.
pub(super) fn spots(net: &Net) -> Vec<Spot> {
    let spots = [
        (v(44.5, 20.5), v(40.0, 26.0)),
        (v(61.5, 20.5), v(56.0, 26.0)),
        (v(26.0, 16.5), v(30.0, 24.0)),
        (v(18.0, 29.5), v(24.0, 30.0)),
        (v(24.5, 51.5), v(30.0, 46.0)),
        (v(61.0, 52.5), v(52.0, 47.0)),
        (v(-20.0, 13.4), v(-20.0, 8.0)),
        (v(75.0, 13.2), v(75.0, 8.0)),
        (v(14.0, -70.0), v(8.0, -70.0)),
        (v(-42.0, -104.9), v(-42.0, -112.0)),
        (v(-27.0, -110.9), v(-27.0, -116.0)),
        (v(-102.0, 50.0), v(-96.0, 50.0)),
        (v(-40.5, -13.2), v(-40.0, -8.0)),
    ];
    spots.into_iter().map(|(at, facing)| Spot { node: net.nearest(at), at, facing }).collect()
}
