//! The log-in of the page: one password, kept as Argon2id in the state folder, readable by the gateway's user alone.

use std::io;
use std::path::{Path, PathBuf};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use sha2::{Digest as _, Sha256};

use super::door::Hash;
use crate::uplink::files;

/// Shortest password, characters.
pub const CHARACTERS_MIN: usize = 10;
/// Longest, bytes.
pub const BYTES_MAX: usize = 512;
/// Letters of a password that nobody chose: none that is taken for another.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// Its length: 31 letters to the 16th are 79 bits.
const LENGTH: usize = 16;

fn file(state_dir: &Path) -> PathBuf {
    state_dir.join("page-password")
}

/// Sets it.
///
/// # Errors
/// It is too short or too long, or cannot be kept; the text says what to do.
pub fn set(state_dir: &Path, password: &str) -> Result<(), String> {
    if password.chars().count() < CHARACTERS_MIN || password.len() > BYTES_MAX {
        return Err(format!("a password has at least {CHARACTERS_MIN} characters and at most {BYTES_MAX} bytes"));
    }
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| format!("the password cannot be hashed on this machine: {error}"))?;
    let path = file(state_dir);
    files::replace(&path, format!("{hash}\n").as_bytes(), 0o600)
        .map_err(|error| format!("cannot write {}: {error}. Run it as the gateway's user or as root", path.display()))
}

/// One that nobody chose.
pub fn generate() -> String {
    let letter = |_| LETTERS[rand::random_range(0..LETTERS.len())] as char;
    (0..LENGTH).map(letter).collect()
}

/// What is kept of it; none where there is none yet.
///
/// # Errors
/// It is there and cannot be read.
pub fn kept(state_dir: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(file(state_dir)) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a session remembers of it.
pub(super) fn mark(kept: &str) -> Hash {
    Sha256::digest(kept.as_bytes()).into()
}

/// Is it the one? Takes tens of milliseconds of a core.
pub(super) fn is_right(password: &str, kept: &str) -> bool {
    let Ok(hash) = PasswordHash::new(kept) else { return false };
    password.len() <= BYTES_MAX && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_kept_as_argon2id_for_the_gateways_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(kept(dir.path()).unwrap(), None);
        assert!(set(dir.path(), "short").unwrap_err().contains("at least 10"));
        let password = generate();
        assert_eq!((password.len(), generate() == password), (LENGTH, false));
        set(dir.path(), &password).unwrap();
        let hash = kept(dir.path()).unwrap().unwrap();
        assert!(hash.starts_with("$argon2id$v=19$") && !hash.contains(&password), "{hash}");
        assert!(is_right(&password, &hash) && !is_right("another one", &hash) && !is_right("x", "no hash"));
        let mode = std::fs::metadata(dir.path().join("page-password")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        set(dir.path(), "another one").unwrap();
        assert_ne!(mark(&hash), mark(&kept(dir.path()).unwrap().unwrap()));
    }
}
