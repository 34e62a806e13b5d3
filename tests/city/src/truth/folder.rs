//! Lines of truth in a folder: `objects.jsonl` grows by megabytes a minute, so the rest is in files of their own,
//! `city.jsonl` (start, cameras, faults, incidents) and `events.jsonl`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Line;

/// The files of a folder.
#[derive(Debug)]
pub struct Folder {
    city: BufWriter<File>,
    events: BufWriter<File>,
    objects: BufWriter<File>,
}

impl Folder {
    /// Makes the folder and its files, empty ones in place of older ones.
    pub fn create(path: &Path) -> io::Result<Folder> {
        fs::create_dir_all(path)?;
        let file = |name: &str| File::create(path.join(name)).map(BufWriter::new);
        Ok(Folder { city: file("city.jsonl")?, events: file("events.jsonl")?, objects: file("objects.jsonl")? })
    }

    /// Appends lines, each to its file.
    pub fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        for line in lines {
            let file = match line {
                Line::Start(_) | Line::Camera(_) | Line::Incident(_) | Line::Fault(_) => &mut self.city,
                // The last of these says until when the events are whole, so it is among them.
                Line::Event(_) | Line::Told { .. } => &mut self.events,
                Line::Objects { .. } => &mut self.objects,
            };
            file.write_all(line.text().as_bytes())?;
        }
        Ok(())
    }

    /// Hands what was written to the system, for readers beside us. A line may be cut in two before that.
    pub fn flush(&mut self) -> io::Result<()> {
        self.city.flush()?;
        self.events.flush()?;
        self.objects.flush()
    }
}
