//! Passwords: Argon2id with the crate's defaults (19 MiB, 2 passes, OWASP's first choice), a few at a time, because each one
//! costs memory and a core. An unknown user costs as much as a wrong password.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use tokio::sync::Semaphore;

/// Shortest password, in characters.
pub const MIN_CHARACTERS: usize = 10;
/// Longest password, in bytes.
pub const MAX_BYTES: usize = 512;
/// Passwords that are hashed at the same moment.
const AT_ONCE: usize = 2;
/// Bound of those that wait for it or are in it; above it the answer is "busy".
const WAITING: usize = 32;

/// Why a password can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("the password is too short: at least {MIN_CHARACTERS} characters")]
    TooShort,
    /// Too long.
    #[error("the password is too long: at most {MAX_BYTES} bytes")]
    TooLong,
    /// The machine could not hash it.
    #[error("the password can't be hashed on this machine")]
    Failed,
    /// Too many are being checked.
    #[error("too many passwords are being checked at this moment")]
    Busy,
}

/// Is it good enough for a new one?
pub fn check_new(password: &str) -> Result<(), PasswordError> {
    match () {
        () if password.chars().count() < MIN_CHARACTERS => Err(PasswordError::TooShort),
        () if password.len() > MAX_BYTES => Err(PasswordError::TooLong),
        () => Ok(()),
    }
}

/// Checks and hashes a new password, in PHC form. Takes tens of milliseconds of a core.
pub fn hash_new(password: &str) -> Result<String, PasswordError> {
    check_new(password)?;
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| PasswordError::Failed)?;
    Ok(hash.to_string())
}

/// A password that nobody chose, for a new user: shown once.
pub fn generate() -> String {
    super::secret::generate().text.chars().take(20).collect()
}

fn verify(password: &str, hash: Option<&str>) -> bool {
    // What an unknown user's password is checked against: the work is the same, the answer is no.
    static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_new("a password that is nobody's").ok());
    let known = hash.is_some();
    let Some(text) = hash.or(NOBODY.as_deref()) else { return false };
    let Ok(parsed) = PasswordHash::new(text) else { return false };
    let right = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
    known && right
}

/// Hashes and verifies off the async threads. Bound: [`AT_ONCE`] at work, [`WAITING`] in all; above it the caller is told.
#[derive(Clone)]
pub struct Hasher {
    at_once: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Hasher {
    /// Idle.
    pub fn new() -> Self {
        Self { at_once: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::new(Semaphore::new(WAITING)) }
    }

    /// [`hash_new`] for async callers.
    pub async fn hash_new(&self, password: String) -> Result<String, PasswordError> {
        check_new(&password)?;
        self.work(move || hash_new(&password)).await?
    }

    /// Is it the password of this hash? `None` for an unknown user.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, PasswordError> {
        if password.len() > MAX_BYTES {
            return Ok(false);
        }
        self.work(move || verify(&password, hash.as_deref())).await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let waiting = self.waiting.clone().try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let at_once = self.at_once.clone().acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        // The permits go with the work: a client that hangs up frees nothing that is still being computed.
        let task = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop((waiting, at_once));
            outcome
        });
        task.await.map_err(|_| PasswordError::Failed)
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_kept_as_argon2id_and_an_unknown_user_is_refused() {
        let hash = hash_new("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        assert!(verify("correct horse", Some(&hash)));
        assert!(!verify("wrong horse", Some(&hash)));
        assert!(!verify("a password that is nobody's", None));
        assert!(!verify("x", Some("no hash")));
        assert_eq!(hash_new("short"), Err(PasswordError::TooShort));
        assert_eq!(hash_new(&"x".repeat(MAX_BYTES + 1)), Err(PasswordError::TooLong));
    }
}
