//! The base map under the cameras: one PMTiles file of version 3 that the site brings
//! (<https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md>). Its header is looked at once, the file is held open
//! and read by ranges; what is in its tiles is the page's business.

use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Where a PMTiles header ends and the least that a file has.
const HEADER_BYTES: u64 = 127;
const MAGIC: &[u8] = b"PMTiles";
const VERSION: u8 = 3;
/// Vector, PNG, JPEG, WebP, AVIF: what the page draws, by their numbers in the header.
const TILE_TYPES: RangeInclusive<u8> = 1..=5;
/// What one request gets at most; a tile is far smaller.
pub const MAX_RANGE_BYTES: u64 = 4 * 1024 * 1024;

/// In which coordinates a map is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Coordinates {
    /// As everything is stored.
    #[default]
    Wgs84,
    /// Shifted by some hundred metres, as maps published in China are; the page shifts what it draws alike.
    Gcj02,
}

impl Coordinates {
    /// Every name that there is.
    pub const ALL: [Coordinates; 2] = [Coordinates::Wgs84, Coordinates::Gcj02];

    /// As configuration and API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Coordinates::Wgs84 => "wgs84",
            Coordinates::Gcj02 => "gcj02",
        }
    }
}

/// Why there is no base map.
#[derive(Debug, Error)]
pub enum BasemapError {
    /// The file cannot be read.
    #[error("the base map {path} cannot be read: {source}. Mend `basemap` in hub.toml, or take the line out")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "the base map {path} is no PMTiles file of version 3 with tiles that a browser can draw: {why}. `pmtiles convert` \
         makes one of an MBTiles file; or take `basemap` out of hub.toml"
    )]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// A map that was looked at and is open. A file that takes its place is read from the next start on.
#[derive(Debug)]
pub struct Basemap {
    file: File,
    bytes: u64,
    etag: String,
    coordinates: Coordinates,
}

impl Basemap {
    /// Opens the file and looks at its header.
    pub fn open(path: &Path, coordinates: Coordinates) -> Result<Self, BasemapError> {
        let unreadable = |source| BasemapError::Read { path: path.to_owned(), source };
        let wrong = |why: String| BasemapError::Wrong { path: path.to_owned(), why };
        let file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(wrong("it is no file".into()));
        }
        if about.len() < HEADER_BYTES {
            return Err(wrong(format!("it has {} bytes, its header alone has {HEADER_BYTES}", about.len())));
        }
        let mut header = [0; HEADER_BYTES as usize];
        file.read_exact_at(&mut header, 0).map_err(unreadable)?;
        check(&header, about.len()).map_err(wrong)?;
        let etag = format!("\"{:x}-{:x}-{:x}\"", about.len(), about.mtime(), about.mtime_nsec());
        Ok(Self { file, bytes: about.len(), etag, coordinates })
    }

    /// Length of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Another file has another one.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// In which coordinates it is drawn.
    pub fn coordinates(&self) -> Coordinates {
        self.coordinates
    }

    /// What lies there. The caller keeps the range within the file and within [`MAX_RANGE_BYTES`].
    pub fn read(&self, range: RangeInclusive<u64>) -> io::Result<Vec<u8>> {
        let wanted = (range.end() + 1).saturating_sub(*range.start()).min(MAX_RANGE_BYTES);
        let mut bytes = vec![0; wanted as usize];
        self.file.read_exact_at(&mut bytes, *range.start())?;
        Ok(bytes)
    }
}

/// Whether the header is one of a map that can be drawn, and lies about nothing that is read first.
fn check(header: &[u8], bytes: u64) -> Result<(), String> {
    if !header.starts_with(MAGIC) {
        return Err("it does not begin with `PMTiles`".into());
    }
    if header[MAGIC.len()] != VERSION {
        return Err(format!("it is of version {}", header[MAGIC.len()]));
    }
    if !TILE_TYPES.contains(&header[99]) {
        return Err(format!("its tiles are of the unknown type {}", header[99]));
    }
    let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
    for (what, at) in [("root directory", 8), ("metadata", 24), ("leaf directories", 40), ("tile data", 56)] {
        if number(at).checked_add(number(at + 8)).is_none_or(|end| end > bytes) {
            return Err(format!("its {what} would end behind the file's end: it was cut off"));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A header with nothing behind it.
    pub(crate) fn header() -> Vec<u8> {
        let mut header = vec![0; HEADER_BYTES as usize];
        header[..8].copy_from_slice(b"PMTiles\x03");
        header[99] = 1;
        header
    }

    #[test]
    fn what_is_no_map_is_told_with_its_file_the_cause_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("city.pmtiles");
        let said = |path: &Path| Basemap::open(path, Coordinates::Wgs84).unwrap_err().to_string();
        assert!(said(&path).contains("city.pmtiles cannot be read: No such file"), "{}", said(&path));
        assert!(said(folder.path()).contains("it is no file"));
        let with = |at: usize, value: u8| {
            let mut bytes = header();
            bytes[at] = value;
            bytes
        };
        for (bytes, cause) in [
            (b"PMTiles".to_vec(), "it has 7 bytes"),
            (vec![0; 200], "does not begin with"),
            (with(7, 2), "of version 2"),
            (with(99, 9), "unknown type 9"),
            (with(63, 255), "tile data would end behind"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let text = said(&path);
            assert!(text.contains(cause) && text.contains("city.pmtiles") && text.contains("hub.toml"), "{text}");
        }
    }

    #[test]
    fn ranges_are_read_and_never_more_than_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.pmtiles");
        let mut bytes = header();
        bytes.resize(MAX_RANGE_BYTES as usize + 1000, 7);
        std::fs::write(&path, &bytes).unwrap();
        let map = Basemap::open(&path, Coordinates::Gcj02).unwrap();
        assert_eq!(map.read(0..=6).unwrap(), b"PMTiles");
        assert_eq!(map.read(0..=map.bytes() - 1).unwrap().len() as u64, MAX_RANGE_BYTES);
        assert!(map.read(map.bytes()..=map.bytes() + 3).is_err());
    }
}
