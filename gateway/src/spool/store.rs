//! Where segments lie: the few file operations that the spool needs, and the folder that it uses in the field. A
//! store knows nothing of records. `memory` has the one that tests crash, fill and damage.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Files with flat names. All calls block.
pub trait Store: std::fmt::Debug + Send + Sync + 'static {
    /// Names and lengths.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;
    /// Up to `bytes_max` bytes from `offset`; fewer only at the end of the file.
    fn read(&self, name: &str, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>>;
    /// Writes at `offset`, which is the file's end, creating the file; returns once it would survive a power cut. After
    /// an error any part of it may be there.
    fn append(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&self, name: &str, bytes: u64) -> io::Result<()>;
    /// Removes the file; it is no error if there is none.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Replaces a small file whole, surviving a power cut with either the old or the new content.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// A folder. Holds a lock on it, since two writers would destroy each other's work.
#[derive(Debug)]
pub struct DirStore {
    dir: PathBuf,
    /// The file that is appended to; one at a time.
    open: Mutex<Option<(String, File)>>,
    _lock: File,
}

impl DirStore {
    /// Opens the folder, making it where it is missing.
    pub fn open(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(dir.join("lock"))?;
        lock.try_lock().map_err(|_| {
            io::Error::new(io::ErrorKind::ResourceBusy, "another process has it open; does the gateway run already?")
        })?;
        Ok(Self { dir: dir.into(), open: Mutex::new(None), _lock: lock })
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }
}

impl Store for DirStore {
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                files.push((name, entry.metadata()?.len()));
            }
        }
        Ok(files)
    }

    fn read(&self, name: &str, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        let file = File::open(self.dir.join(name))?;
        let there = file.metadata()?.len().saturating_sub(offset);
        let mut bytes = vec![0; usize::try_from(there).unwrap_or(usize::MAX).min(bytes_max)];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn append(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let created = offset == 0;
        if created || open.as_ref().is_none_or(|(open, _)| open != name) {
            let options = OpenOptions::new().create(true).truncate(created).write(true).mode(0o600).clone();
            *open = Some((name.into(), options.open(self.dir.join(name))?));
        }
        let Some((_, file)) = open.as_ref() else { return Err(io::ErrorKind::NotFound.into()) };
        file.write_all_at(bytes, offset)?;
        file.sync_data()?;
        if created { self.sync_dir() } else { Ok(()) }
    }

    fn truncate(&self, name: &str, bytes: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.dir.join(name))?;
        file.set_len(bytes)?;
        file.sync_all()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        crate::uplink::files::replace(&self.dir.join(name), bytes, 0o600)
    }
}
