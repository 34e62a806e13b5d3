//! A store in memory that crashes, fills up and rots when it is told to: for the spool's own model test and for the
//! simulations in which gateway and hub run by seed. Not for the field.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::store::Store;

/// Files in memory. Clones share them, as two processes share a disk.
#[derive(Debug, Clone, Default)]
pub struct MemStore(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<String, Vec<u8>>,
    /// Bytes that may still be written before the machine stops.
    crash_after: Option<usize>,
    crashed: bool,
    capacity_bytes: Option<usize>,
    last_append: Option<(String, usize, Vec<u8>)>,
}

impl MemStore {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk with these files.
    pub fn with_files(files: BTreeMap<String, Vec<u8>>) -> Self {
        let store = Self::new();
        store.lock().files = files;
        store
    }

    /// What is on the disk.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock().files.clone()
    }

    /// After this many more bytes the machine stops: the write is torn there and every later call fails.
    pub fn crash_after(&self, bytes: usize) {
        self.lock().crash_after = Some(bytes);
    }

    /// The machine is on again.
    pub fn revive(&self) {
        let mut inner = self.lock();
        inner.crash_after = None;
        inner.crashed = false;
    }

    /// How many bytes the disk has; none: without end.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.lock().capacity_bytes = bytes;
    }

    /// Flips bits of a byte; false where there is no such byte.
    pub fn damage(&self, name: &str, offset: usize, bits: u8) -> bool {
        let mut inner = self.lock();
        let byte = inner.files.get_mut(name).and_then(|file| file.get_mut(offset));
        byte.map(|byte| *byte ^= bits).is_some()
    }

    /// The last append that was asked for: file, offset, all of its bytes.
    pub fn last_append(&self) -> Option<(String, usize, Vec<u8>)> {
        self.lock().last_append.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn alive(&self) -> io::Result<()> {
        if self.crashed { Err(io::Error::other("the machine has stopped")) } else { Ok(()) }
    }

    /// How many of `bytes` more get onto the disk before it stops or is full, and what ends the rest.
    fn room(&mut self, bytes: usize) -> (usize, Option<io::Error>) {
        let used: usize = self.files.values().map(Vec::len).sum();
        let free = self.capacity_bytes.map_or(usize::MAX, |capacity| capacity.saturating_sub(used));
        if let Some(left) = &mut self.crash_after {
            if bytes > *left {
                self.crashed = true;
                return ((*left).min(free), Some(io::Error::other("the machine has stopped")));
            }
            *left -= bytes;
        }
        if bytes > free { (free, Some(io::ErrorKind::StorageFull.into())) } else { (bytes, None) }
    }
}

impl Store for MemStore {
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let inner = self.lock();
        inner.alive()?;
        Ok(inner.files.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect())
    }

    fn read(&self, name: &str, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        let inner = self.lock();
        inner.alive()?;
        let file = inner.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(file.len());
        Ok(file[start..start.saturating_add(bytes_max).min(file.len())].to_vec())
    }

    fn append(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.lock();
        inner.alive()?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        inner.last_append = Some((name.into(), offset, bytes.into()));
        if offset == 0 {
            inner.files.remove(name);
        }
        let (written, error) = inner.room(bytes.len());
        let file = inner.files.entry(name.into()).or_default();
        file.truncate(offset);
        file.extend_from_slice(&bytes[..written]);
        error.map_or(Ok(()), Err)
    }

    fn truncate(&self, name: &str, bytes: u64) -> io::Result<()> {
        let mut inner = self.lock();
        inner.alive()?;
        let file = inner.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.lock();
        inner.alive()?;
        inner.files.remove(name);
        Ok(())
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.lock();
        inner.alive()?;
        let (_, error) = inner.room(bytes.len());
        if let Some(error) = error {
            return Err(error);
        }
        inner.files.insert(name.into(), bytes.into());
        Ok(())
    }
}
