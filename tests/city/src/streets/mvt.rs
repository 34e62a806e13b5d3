//! A vector tile's bytes (Mapbox Vector Tile 2.1, <https://github.com/mapbox/vector-tile-spec>): a protocol buffer of
//! layers, each with its features' shapes and, once each, the keys and values that features have.

use std::collections::BTreeMap;

use super::features::{Feature, Layer};
use super::tiles::EXTENT;

/// What of a feature lies in a tile, in the tile's units, y downwards.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cut {
    Point((i32, i32)),
    Line(Vec<(i32, i32)>),
    /// Not closed: the first point is not said again.
    Area(Vec<(i32, i32)>),
}

/// A feature with its part of a tile.
pub(super) struct Drawn<'a> {
    pub(super) feature: &'a Feature,
    pub(super) cut: Cut,
}

const MOVE_TO: u32 = 1;
const LINE_TO: u32 = 2;
const CLOSE_PATH: u32 = 7;

pub(super) fn tile(layers: &BTreeMap<Layer, Vec<Drawn<'_>>>) -> Vec<u8> {
    let mut tile = Vec::new();
    for (layer, drawn) in layers {
        bytes(&mut tile, 3, &one_layer(layer.name(), drawn));
    }
    tile
}

/// Twice the area of a ring by the surveyor's formula: above 0 where it runs clockwise on a screen, as outlines have to.
pub(super) fn area2(ring: &[(i32, i32)]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| i64::from(a.0) * i64::from(b.1) - i64::from(b.0) * i64::from(a.1)).sum()
}

fn one_layer(name: &str, drawn: &[Drawn<'_>]) -> Vec<u8> {
    let mut layer = Vec::new();
    let (mut keys, mut values) = (Words::default(), Words::default());
    bytes(&mut layer, 1, name.as_bytes());
    for Drawn { feature, cut } in drawn {
        let named = feature.names.iter().flat_map(|(zh, en)| [("name", *zh), ("name:en", *en)]);
        let mut tags = Vec::new();
        for (key, value) in std::iter::once(("kind", feature.kind)).chain(named) {
            varint(&mut tags, keys.index(key));
            varint(&mut tags, values.index(value));
        }
        let (kind, geometry) = geometry(cut);
        let mut encoded = Vec::new();
        bytes(&mut encoded, 2, &tags);
        number(&mut encoded, 3, kind);
        bytes(&mut encoded, 4, &geometry);
        bytes(&mut layer, 2, &encoded);
    }
    for key in &keys.0 {
        bytes(&mut layer, 3, key.as_bytes());
    }
    for value in &values.0 {
        let mut text = Vec::new();
        bytes(&mut text, 1, value.as_bytes());
        bytes(&mut layer, 4, &text);
    }
    number(&mut layer, 5, EXTENT as u64);
    number(&mut layer, 15, 2);
    layer
}

/// Type and commands of a shape.
fn geometry(cut: &Cut) -> (u64, Vec<u8>) {
    let mut pen = Pen::default();
    match cut {
        Cut::Point(point) => pen.draw(MOVE_TO, &[*point]),
        Cut::Line(line) => {
            pen.draw(MOVE_TO, &line[..1]);
            pen.draw(LINE_TO, &line[1..]);
        }
        Cut::Area(ring) => {
            let mut ring = ring.clone();
            if area2(&ring) < 0 {
                ring.reverse();
            }
            pen.draw(MOVE_TO, &ring[..1]);
            pen.draw(LINE_TO, &ring[1..]);
            pen.command(CLOSE_PATH, 1);
        }
    }
    let kind = match cut {
        Cut::Point(_) => 1,
        Cut::Line(_) => 2,
        Cut::Area(_) => 3,
    };
    (kind, pen.out)
}

/// Draws commands with steps from where it was last.
#[derive(Default)]
struct Pen {
    at: (i32, i32),
    out: Vec<u8>,
}

impl Pen {
    fn command(&mut self, id: u32, count: usize) {
        varint(&mut self.out, u64::from(id) | (count as u64) << 3);
    }

    fn draw(&mut self, id: u32, points: &[(i32, i32)]) {
        self.command(id, points.len());
        for point in points {
            for step in [point.0 - self.at.0, point.1 - self.at.1] {
                // Zigzag: small steps to either side are small numbers.
                varint(&mut self.out, u64::from(((step << 1) ^ (step >> 31)) as u32));
            }
            self.at = *point;
        }
    }
}

/// Texts, each once, by the order in which they came.
#[derive(Default)]
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn index(&mut self, word: &'a str) -> u64 {
        let found = self.0.iter().position(|known| *known == word).unwrap_or_else(|| {
            self.0.push(word);
            self.0.len() - 1
        });
        found as u64
    }
}

/// A number in seven bits a byte, the lowest first, as protocol buffers and PMTiles have it.
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}
