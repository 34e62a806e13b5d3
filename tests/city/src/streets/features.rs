//! What a map of the city shows, and in which layer: each feature once, in metres, in drawing order.

use glam::Vec2;

use crate::world::{Building, Ground, Layout, NameKind, PropKind, Surface};

/// A layer of the tiles; all tiles have them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Earth,
    Landuse,
    Water,
    Roads,
    Buildings,
    Trees,
    Places,
}

impl Layer {
    pub(super) const ALL: [Layer; 7] =
        [Layer::Earth, Layer::Landuse, Layer::Water, Layer::Roads, Layer::Buildings, Layer::Trees, Layer::Places];

    pub(super) fn name(self) -> &'static str {
        match self {
            Layer::Earth => "earth",
            Layer::Landuse => "landuse",
            Layer::Water => "water",
            Layer::Roads => "roads",
            Layer::Buildings => "buildings",
            Layer::Trees => "trees",
            Layer::Places => "places",
        }
    }
}

/// A shape, metres east and north of the city's middle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Point(Vec2),
    Line(Vec<Vec2>),
    /// A convex outline, counter-clockwise.
    Area(Vec<Vec2>),
}

impl Shape {
    pub(super) fn points(&self) -> &[Vec2] {
        match self {
            Shape::Point(point) => std::slice::from_ref(point),
            Shape::Line(points) | Shape::Area(points) => points,
        }
    }
}

/// One thing on the map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Feature {
    pub(super) layer: Layer,
    pub(super) kind: &'static str,
    /// In Chinese and in English.
    pub(super) names: Option<(&'static str, &'static str)>,
    /// From which zoom on it is large enough to be seen.
    pub(super) zoom_min: u8,
    pub(super) shape: Shape,
}

/// From here on a house is larger than a few pixels.
const HOUSES_ZOOM: u8 = 13;
/// From here on paint and trees are.
const DETAIL_ZOOM: u8 = 16;

pub(super) fn features(layout: &Layout) -> Vec<Feature> {
    let mut water = false;
    let mut all: Vec<Feature> = layout.ground.iter().filter_map(|ground| of_ground(ground, &mut water)).collect();
    // The lowest ground of all is what the city lies on.
    if let Some(first) = all.first_mut() {
        (first.layer, first.kind) = (Layer::Earth, "earth");
    }
    all.extend(
        layout
            .buildings
            .iter()
            .map(|building| plain(Layer::Buildings, "building", HOUSES_ZOOM, Shape::Area(corners(building)))),
    );
    let trees = layout.props.iter().filter(|prop| prop.kind == PropKind::Tree);
    all.extend(trees.map(|tree| plain(Layer::Trees, "tree", DETAIL_ZOOM, Shape::Point(tree.at))));
    all.extend(layout.names.iter().map(|name| {
        let (layer, kind) = match name.kind {
            NameKind::Street => (Layer::Roads, "name"),
            NameKind::River => (Layer::Water, "name"),
            NameKind::Place => (Layer::Places, "place"),
        };
        let shape = match name.line[..] {
            [point] => Shape::Point(point),
            _ => Shape::Line(name.line.clone()),
        };
        Feature { names: Some((name.zh, name.en)), ..plain(layer, kind, HOUSES_ZOOM, shape) }
    }));
    all
}

/// The ground's drawing order becomes the layers' order: what lies over the river is a bridge, and drawn with the roads.
fn of_ground(ground: &Ground, over_water: &mut bool) -> Option<Feature> {
    *over_water |= ground.surface == Surface::Water;
    let (layer, kind, zoom_min) = match ground.surface {
        Surface::Pavement if *over_water => (Layer::Roads, "path", 0),
        Surface::Asphalt if *over_water => (Layer::Roads, "major_road", 0),
        Surface::CycleLane if *over_water => (Layer::Roads, "cycleway", DETAIL_ZOOM - 1),
        Surface::Pavement | Surface::Plaza | Surface::Floor => (Layer::Landuse, "pedestrian", 0),
        Surface::Asphalt => (Layer::Landuse, "parking", 0),
        Surface::CycleLane => (Layer::Landuse, "pitch", 0),
        Surface::Grass => (Layer::Landuse, "grass", 0),
        Surface::Earth => (Layer::Landuse, "construction", 0),
        Surface::Water => (Layer::Water, "river", 0),
        Surface::Paint => (Layer::Roads, "marking", DETAIL_ZOOM),
        // A kerb is a line of some centimetres around what it borders.
        Surface::Kerb => return None,
    };
    Some(plain(layer, kind, zoom_min, Shape::Area(ground.outline.clone())))
}

fn plain(layer: Layer, kind: &'static str, zoom_min: u8, shape: Shape) -> Feature {
    Feature { layer, kind, names: None, zoom_min, shape }
}

fn corners(building: &Building) -> Vec<Vec2> {
    let (half, turn) = (building.size_m / 2.0, Vec2::from_angle(building.heading_rad));
    let signs = [Vec2::new(-1.0, -1.0), Vec2::new(1.0, -1.0), Vec2::new(1.0, 1.0), Vec2::new(-1.0, 1.0)];
    signs.map(|sign| building.at + turn.rotate(half * sign)).to_vec()
}
