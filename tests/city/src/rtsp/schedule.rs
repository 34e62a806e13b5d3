//! When each loop of a clip began, so that every true event of it has a known time of day.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;

/// The beginning of one loop of a camera: `start_us` is the time of day of the clip's first picture.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Loop {
    /// The camera's name.
    pub camera: String,
    /// Counts from 0.
    #[serde(rename = "loop")]
    pub index: u64,
    /// Microseconds since 1970.
    pub start_us: i64,
}

/// When each loop began: in memory, and as JSON lines where a file is asked for.
#[derive(Default)]
pub(super) struct Schedule {
    loops: Mutex<Vec<Loop>>,
    file: Option<Mutex<File>>,
}

impl Schedule {
    pub(super) fn new(file: Option<File>) -> Self {
        Self { loops: Mutex::default(), file: file.map(Mutex::new) }
    }

    pub(super) fn loops(&self) -> Vec<Loop> {
        self.loops.lock().expect("no holder panics").clone()
    }

    pub(super) fn add(&self, entry: Loop) {
        if let Some(file) = &self.file {
            let line = serde_json::to_string(&entry).expect("a loop is plain data") + "\n";
            // A full disk shows itself where the schedule is read: a loop is missing.
            let _ = file.lock().expect("no holder panics").write_all(line.as_bytes());
        }
        self.loops.lock().expect("no holder panics").push(entry);
    }
}
