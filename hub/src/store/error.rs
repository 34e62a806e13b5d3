//! Why a store could not do it, and which names it takes.

/// A department's id or a user's name in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something named is not there.
    #[error("no {what} named {name:?}")]
    Unknown {
        /// What it should be (`department`, `gateway`, `user`, `feed token`).
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Something is there already.
    #[error("there is a {what} named {name:?} already")]
    Exists {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A name that cannot be one.
    #[error("{name:?} cannot name a {what}: {why}")]
    BadName {
        /// What it should name.
        what: &'static str,
        /// The name, cut.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Without it nobody could manage the hub.
    #[error("{name:?} is the last administrator: make another one first")]
    LastAdministrator {
        /// Its name.
        name: String,
    },
    /// What lies in the store cannot be read back.
    #[error(
        "the store holds something that cannot be read: {what}; it is made again from the log if store.db is moved away"
    )]
    Corrupt {
        /// What it is.
        what: String,
    },
    /// Written by a newer hub.
    #[error("{path} was written by a newer version (schema {found}, this one knows {known}): run the newer yiwang-hub")]
    Newer {
        /// The file.
        path: String,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The backend failed.
    #[error("cannot {operation} in the store")]
    Storage {
        /// What was tried.
        operation: &'static str,
        /// What the backend says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Names of departments and users: not empty, at most [`MAX_ID_BYTES`], no control characters, no `/` (it parts gateway
/// from camera), no blanks at the ends, and not `all`, which grants give a meaning.
pub fn check_name(what: &'static str, name: &str) -> Result<(), StoreError> {
    let why = match name {
        _ if name.is_empty() => "it is empty",
        _ if name.len() > MAX_ID_BYTES => "it is longer than 64 bytes",
        _ if name.chars().any(char::is_control) => "it has control characters",
        _ if name.contains('/') => "it has a slash",
        _ if name.trim() != name => "it begins or ends with a blank",
        "all" => "the word has a meaning in grants",
        _ => return Ok(()),
    };
    Err(StoreError::BadName { what, name: name.chars().take(MAX_ID_BYTES).collect(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_mistaken_are_refused() {
        for good in ["police", "公安", "city-management", "第三 大队"] {
            assert!(check_name("department", good).is_ok(), "{good}");
        }
        let long = "x".repeat(MAX_ID_BYTES + 1);
        for bad in ["", "a/b", " a", "a ", "a\nb", "all", long.as_str()] {
            assert!(check_name("department", bad).is_err(), "{bad:?}");
        }
    }
}
