//! Cutting: which part of which feature lies in which tile, in the tile's own whole numbers.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use glam::{DVec2, Vec2};

use super::features::{Feature, Layer, Shape};
use super::mvt::{self, Cut, Drawn};
use crate::place::position_deg;

/// The whole city is a few pixels wide here.
pub const ZOOM_MIN: u8 = 10;
/// A unit of a tile is 6 cm here; beyond it, the page enlarges.
pub const ZOOM_MAX: u8 = 17;
/// Units along a tile's edge.
pub(super) const EXTENT: f64 = 4096.0;
/// Units around a tile, so that strokes along its edge are whole.
const BUFFER: f64 = 96.0;

/// Zoom, column from the west, row from the north.
pub(super) type TileAt = (u8, u32, u32);

/// All tiles that hold something, each as a vector tile's bytes.
pub(super) fn tiles(features: &[Feature]) -> BTreeMap<TileAt, Vec<u8>> {
    let mut found: BTreeMap<TileAt, BTreeMap<Layer, Vec<Drawn<'_>>>> = BTreeMap::new();
    for zoom in ZOOM_MIN..=ZOOM_MAX {
        for feature in features.iter().filter(|feature| feature.zoom_min <= zoom) {
            let points: Vec<DVec2> = feature.shape.points().iter().map(|point| world(*point, zoom)).collect();
            let low = points.iter().copied().fold(DVec2::INFINITY, DVec2::min) - BUFFER / EXTENT;
            let high = points.iter().copied().fold(DVec2::NEG_INFINITY, DVec2::max) + BUFFER / EXTENT;
            for (column, row) in (low.y.floor() as u32..=high.y.floor() as u32)
                .flat_map(|row| (low.x.floor() as u32..=high.x.floor() as u32).map(move |column| (column, row)))
            {
                let corner = DVec2::new(f64::from(column), f64::from(row));
                let local: Vec<DVec2> = points.iter().map(|point| (*point - corner) * EXTENT).collect();
                if let Some(cut) = cut(&feature.shape, &local) {
                    let layers = found.entry((zoom, column, row)).or_default();
                    layers.entry(feature.layer).or_default().push(Drawn { feature, cut });
                }
            }
        }
    }
    found.into_iter().map(|(at, layers)| (at, mvt::tile(&layers))).collect()
}

/// West, south, east and north of everything.
pub(super) fn bounds_deg(features: &[Feature]) -> [f64; 4] {
    let places = features.iter().flat_map(|feature| feature.shape.points()).map(|point| position_deg(*point));
    places.fold([180.0, 90.0, -180.0, -90.0], |[west, south, east, north], (x, y)| {
        [west.min(x), south.min(y), east.max(x), north.max(y)]
    })
}

/// A point in tiles from the map's north-west corner (EPSG:3857, the square of web maps).
fn world(point: Vec2, zoom: u8) -> DVec2 {
    let (longitude, latitude) = position_deg(point);
    let across = f64::from(1u32 << zoom);
    let north = latitude.to_radians().tan().asinh() / PI;
    DVec2::new((longitude + 180.0) / 360.0 * across, (1.0 - north) / 2.0 * across)
}

fn cut(shape: &Shape, points: &[DVec2]) -> Option<Cut> {
    let whole = |points: Vec<DVec2>| {
        let mut whole: Vec<(i32, i32)> =
            points.iter().map(|point| (point.x.round() as i32, point.y.round() as i32)).collect();
        whole.dedup();
        whole
    };
    match shape {
        Shape::Point(_) => {
            // Where its middle is, so that it is drawn once.
            let inside = |value: f64| (0.0..EXTENT).contains(&value);
            let point = points.first().filter(|point| inside(point.x) && inside(point.y))?;
            Some(Cut::Point(whole(vec![*point])[0]))
        }
        Shape::Line(_) => {
            let line = whole(cut_line(points));
            (line.len() > 1).then_some(Cut::Line(line))
        }
        Shape::Area(_) => {
            let mut ring = whole(cut_area(points));
            if ring.first() == ring.last() {
                ring.pop();
            }
            // What became a line or a point by rounding is too small to be seen.
            (ring.len() > 2 && mvt::area2(&ring) != 0).then_some(Cut::Area(ring))
        }
    }
}

const LOW: f64 = -BUFFER;
const HIGH: f64 = EXTENT + BUFFER;

/// The four edges of a tile with its buffer: the signed distance of a point inwards.
const EDGES: [fn(DVec2) -> f64; 4] = [|p| p.x - LOW, |p| HIGH - p.x, |p| p.y - LOW, |p| HIGH - p.y];

/// What of a convex area lies within (Sutherland and Hodgman 1974).
fn cut_area(points: &[DVec2]) -> Vec<DVec2> {
    EDGES.iter().fold(points.to_vec(), |points, inwards| {
        let mut kept = Vec::with_capacity(points.len() + 1);
        for (index, to) in points.iter().enumerate() {
            let from = points[(index + points.len() - 1) % points.len()];
            let (before, after) = (inwards(from), inwards(*to));
            if (before < 0.0) != (after < 0.0) {
                kept.push(from.lerp(*to, before / (before - after)));
            }
            if after >= 0.0 {
                kept.push(*to);
            }
        }
        kept
    })
}

/// What of a line lies within; a line that comes back is not cut apart but keeps what is between.
fn cut_line(points: &[DVec2]) -> Vec<DVec2> {
    let mut kept = Vec::new();
    for pair in points.windows(2) {
        let (mut enter, mut leave) = (0.0f64, 1.0f64);
        for inwards in EDGES {
            let (before, after) = (inwards(pair[0]), inwards(pair[1]));
            match (before < 0.0, after < 0.0) {
                (true, true) => leave = -1.0,
                (true, false) => enter = enter.max(before / (before - after)),
                (false, true) => leave = leave.min(before / (before - after)),
                (false, false) => {}
            }
        }
        if enter < leave {
            kept.extend([pair[0].lerp(pair[1], enter), pair[0].lerp(pair[1], leave)]);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(low: f64, high: f64) -> Vec<DVec2> {
        [(low, low), (high, low), (high, high), (low, high)].map(|(x, y)| DVec2::new(x, y)).to_vec()
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        assert_eq!(mvt::area2(&[(0, 0), (4, 0), (4, 4), (0, 4)]), 32);
        let area = |low, high| match cut(&Shape::Area(Vec::new()), &square(low, high)) {
            Some(Cut::Area(ring)) => mvt::area2(&ring) / 2,
            _ => 0,
        };
        assert_eq!(area(100.0, 300.0), 200 * 200);
        assert_eq!(area(-1000.0, 300.0), 396 * 396);
        assert_eq!(area(-9000.0, 9000.0), 4288 * 4288);
        assert_eq!(area(5000.0, 9000.0), 0);
        assert_eq!(area(10.0, 10.2), 0);
        let line = [DVec2::new(-5000.0, 100.0), DVec2::new(9000.0, 100.0)];
        let whole = Some(Cut::Line(vec![(-96, 100), (4192, 100)]));
        assert_eq!(cut(&Shape::Line(Vec::new()), &line), whole);
        assert_eq!(cut_line(&line.map(|point| point + DVec2::Y * 9000.0)), []);
    }
}
