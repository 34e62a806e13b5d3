//! The city's own streets as a base map: what never moves (`features`), cut into vector tiles (`tiles`, `mvt`) and packed
//! into one PMTiles file (`archive`). Layers and kinds have the names of Protomaps' basemap, which many tools make of
//! OpenStreetMap, so that the hub's page draws a site's own map by the same style.

mod archive;
mod features;
mod mvt;
mod tiles;

use crate::world::Layout;

pub use tiles::{ZOOM_MAX, ZOOM_MIN};

/// A PMTiles file of version 3 with the streets of a layout.
pub fn pmtiles(layout: &Layout) -> Vec<u8> {
    let features = features::features(layout);
    archive::pack(&tiles::tiles(&features), tiles::bounds_deg(&features))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Options, World};

    fn number(file: &[u8], at: usize) -> usize {
        u64::from_le_bytes(file[at..at + 8].try_into().expect("eight bytes")) as usize
    }

    /// Reads a number as the specification has it, and goes on behind it.
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (first, rest) = bytes.split_first().expect("a byte");
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if *first < 0x80 {
                return value;
            }
            shift += 7;
        }
    }

    /// The tiles' bytes with their ids, as a reader finds them.
    fn read(file: &[u8]) -> Vec<(u64, &[u8])> {
        assert_eq!(&file[..8], b"PMTiles\x03");
        let mut root = &file[number(file, 8)..][..number(file, 16)];
        let data = &file[number(file, 56)..][..number(file, 64)];
        let count = varint(&mut root);
        let mut columns = [const { Vec::new() }; 4];
        for column in &mut columns {
            *column = (0..count).map(|_| varint(&mut root)).collect::<Vec<u64>>();
        }
        assert!(root.is_empty(), "nothing is behind the directory");
        let [steps, runs, lengths, offsets] = columns;
        let (mut id, mut at, mut found) = (0, 0, Vec::new());
        for index in 0..count as usize {
            assert_eq!((runs[index], offsets[index]), (1, u64::from(index == 0)));
            id += steps[index];
            found.push((id, &data[at..at + lengths[index] as usize]));
            at += lengths[index] as usize;
        }
        assert_eq!(at, data.len(), "no tile is left over");
        found
    }

    /// A message's fields: their numbers, and their values where these are bytes.
    fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
        let mut found = Vec::new();
        while !message.is_empty() {
            let key = varint(&mut message);
            let value: &[u8] = if key & 7 == 2 {
                let length = varint(&mut message) as usize;
                let (value, rest) = message.split_at(length);
                message = rest;
                value
            } else {
                varint(&mut message);
                &[]
            };
            found.push((key >> 3, value));
        }
        found
    }

    fn texts<'a>(message: &[(u64, &'a [u8])], field: u64) -> Vec<&'a str> {
        message
            .iter()
            .filter(|(id, _)| *id == field)
            .map(|(_, text)| std::str::from_utf8(text).expect("text"))
            .collect()
    }

    #[test]
    fn the_file_is_read_back_with_every_layer_and_every_name() {
        let file = pmtiles(World::new(Options::default()).layout());
        assert!(file.len() < 2_000_000, "{} bytes", file.len());
        let tiles = read(&file);
        assert!(tiles.len() > 10, "{} tiles", tiles.len());
        // The least zoom shows all in one tile or four; every layer there is one that the page draws.
        let (mut layers, mut names) = (Vec::new(), Vec::new());
        for (_, tile) in &tiles {
            for (field, layer) in fields(tile) {
                assert_eq!(field, 3);
                let layer = fields(layer);
                layers.extend(texts(&layer, 1));
                for (_, value) in layer.iter().filter(|(id, _)| *id == 4) {
                    names.extend(texts(&fields(value), 1));
                }
                assert!(layer.iter().any(|(id, _)| *id == 2), "a layer without features is not written");
            }
        }
        for layer in ["earth", "landuse", "water", "roads", "buildings", "trees", "places"] {
            assert!(layers.contains(&layer), "{layer}");
        }
        for word in ["construction", "major_road", "marking", "river", "解放路", "Jiefang Road", "市民广场"] {
            assert!(names.contains(&word), "{word}");
        }
        let metadata: serde_json::Value =
            serde_json::from_slice(&file[number(&file, 24)..][..number(&file, 32)]).expect("JSON");
        assert_eq!(metadata["vector_layers"].as_array().map(Vec::len), Some(7));
    }
}
