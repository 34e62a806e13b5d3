//! A PMTiles file of version 3 (<https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md>): header, one directory,
//! metadata, tiles in the order of a Hilbert curve. Nothing in it is compressed: a city of a few streets has some 100 KB.

use std::collections::BTreeMap;

use super::features::Layer;
use super::mvt::varint;
use super::tiles::{TileAt, ZOOM_MAX, ZOOM_MIN};

const HEADER_BYTES: usize = 127;
/// Header and root directory lie within a reader's first request.
const ROOT_BYTES_MAX: usize = 16_384 - HEADER_BYTES;
const UNCOMPRESSED: u8 = 1;
const VECTOR: u8 = 1;

pub(super) fn pack(tiles: &BTreeMap<TileAt, Vec<u8>>, bounds_deg: [f64; 4]) -> Vec<u8> {
    let by_id: BTreeMap<u64, &Vec<u8>> = tiles.iter().map(|(at, tile)| (tile_id(*at), tile)).collect();
    let root = directory(&by_id);
    assert!(root.len() <= ROOT_BYTES_MAX, "a city of a few streets has some tens of tiles");
    let metadata = metadata();
    let data: u64 = by_id.values().map(|tile| tile.len() as u64).sum();
    let root_at = HEADER_BYTES as u64;
    let metadata_at = root_at + root.len() as u64;
    let data_at = metadata_at + metadata.len() as u64;
    let count = by_id.len() as u64;

    let mut file = b"PMTiles\x03".to_vec();
    let pieces = [root_at, root.len() as u64, metadata_at, metadata.len() as u64, data_at, 0, data_at, data];
    // Tiles that are addressed, entries, contents: each tile is there once.
    for number in pieces.into_iter().chain([count; 3]) {
        file.extend(number.to_le_bytes());
    }
    // Clustered: tiles lie in the directory's order.
    file.extend([1, UNCOMPRESSED, UNCOMPRESSED, VECTOR, ZOOM_MIN, ZOOM_MAX]);
    let [west, south, east, north] = bounds_deg;
    bounds_deg.iter().for_each(|degrees| e7(&mut file, *degrees));
    file.push(ZOOM_MAX - 1);
    e7(&mut file, (west + east) / 2.0);
    e7(&mut file, (south + north) / 2.0);
    debug_assert_eq!(file.len(), HEADER_BYTES);
    file.extend(root);
    file.extend(metadata);
    by_id.values().for_each(|tile| file.extend(*tile));
    file
}

fn e7(file: &mut Vec<u8>, degrees: f64) {
    file.extend(((degrees * 1e7).round() as i32).to_le_bytes());
}

/// Ids as steps, run lengths, lengths, then offsets, where 0 says: behind the one before.
fn directory(by_id: &BTreeMap<u64, &Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, by_id.len() as u64);
    let mut before = 0;
    for id in by_id.keys() {
        varint(&mut out, id - before);
        before = *id;
    }
    by_id.keys().for_each(|_| varint(&mut out, 1));
    by_id.values().for_each(|tile| varint(&mut out, tile.len() as u64));
    for index in 0..by_id.len() {
        // An offset is said one too high, so that 0 is free.
        varint(&mut out, u64::from(index == 0));
    }
    out
}

fn metadata() -> Vec<u8> {
    let text = "String";
    let layers: Vec<_> = Layer::ALL
        .iter()
        .map(|layer| {
            serde_json::json!({
                "id": layer.name(), "minzoom": ZOOM_MIN, "maxzoom": ZOOM_MAX,
                "fields": { "kind": text, "name": text, "name:en": text },
            })
        })
        .collect();
    let all = serde_json::json!({
        "name": "Yiwang's simulated city",
        "description": "The streets of a city that does not exist",
        "attribution": "模拟城市 · simulated city",
        "type": "baselayer",
        "vector_layers": layers,
    });
    all.to_string().into_bytes()
}

/// Where a tile lies on the curve through all tiles, lower zooms first.
fn tile_id((zoom, column, row): TileAt) -> u64 {
    let before = ((1u64 << (2 * zoom)) - 1) / 3;
    let (mut x, mut y) = (u64::from(column), u64::from(row));
    let mut id = 0;
    for level in (0..zoom).rev() {
        let side = 1u64 << level;
        let (right, low) = (u64::from(x & side > 0), u64::from(y & side > 0));
        id += side * side * ((3 * right) ^ low);
        // Turned so that the curve goes on where it left.
        if low == 0 {
            if right == 1 {
                (x, y) = (side - 1 - (x & (side - 1)), side - 1 - (y & (side - 1)));
            }
            (x, y) = (y, x);
        }
    }
    before + id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_have_the_ids_of_the_specification() {
        for (at, id) in [
            ((0, 0, 0), 0),
            ((1, 0, 0), 1),
            ((1, 0, 1), 2),
            ((1, 1, 1), 3),
            ((1, 1, 0), 4),
            ((2, 0, 0), 5),
            ((12, 3423, 1763), 19_078_479),
        ] {
            assert_eq!(tile_id(at), id, "{at:?}");
        }
        // The curve visits all, one step at a time.
        let mut all: Vec<_> = (0..32u32).flat_map(|x| (0..32u32).map(move |y| (tile_id((5, x, y)), x, y))).collect();
        all.sort_unstable();
        for pair in all.windows(2) {
            assert_eq!(pair[0].0 + 1, pair[1].0);
            assert_eq!(pair[0].1.abs_diff(pair[1].1) + pair[0].2.abs_diff(pair[1].2), 1);
        }
    }
}
