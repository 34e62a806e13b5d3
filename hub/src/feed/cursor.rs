//! A place in the feed as subscribers keep it: `<log epoch>-<position>`. Pure.

/// A place in one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The log that the position is of.
    pub log_epoch: String,
    /// Everything up to here is known to the subscriber.
    pub position: u64,
}

impl Cursor {
    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Cursor> {
        let (log_epoch, position) = text.rsplit_once('-')?;
        let digits = !position.is_empty() && position.bytes().all(|b| b.is_ascii_digit());
        let position = position.parse().ok().filter(|_| digits)?;
        (!log_epoch.is_empty() && log_epoch.len() <= 64).then(|| Cursor { log_epoch: log_epoch.to_owned(), position })
    }
}

/// The text form.
pub fn text(log_epoch: &str, position: u64) -> String {
    format!("{log_epoch}-{position}")
}

/// Where a subscriber wants to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// With what comes from now on.
    Now,
    /// With the oldest that is kept.
    Oldest,
    /// After this place.
    After(Cursor),
}

impl Since {
    /// From `since=`; none where it can't be read.
    pub fn parse(text: &str) -> Option<Since> {
        match text {
            "now" => Some(Since::Now),
            "oldest" => Some(Since::Oldest),
            other => Cursor::parse(other).map(Since::After),
        }
    }
}

/// What the hub has: positions in `(forgotten, newest]` of one log.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// The log.
    pub log_epoch: &'a str,
    /// Up to here events may be gone.
    pub forgotten: u64,
    /// The newest position that was ever given.
    pub newest: u64,
    /// The newest position that subscribers may have been told.
    pub published: u64,
}

/// The position to go on after, or that it is gone: never a silent skip.
pub fn begin(since: &Since, kept: Kept<'_>) -> Result<u64, Gone> {
    match since {
        Since::Now => Ok(kept.published.max(kept.forgotten)),
        Since::Oldest => Ok(kept.forgotten),
        Since::After(cursor) if cursor.log_epoch != kept.log_epoch => Err(Gone::OtherLog),
        Since::After(cursor) if cursor.position < kept.forgotten => Err(Gone::TooOld),
        // A position that was never given can only be of another life of this log, restored from a copy.
        Since::After(cursor) if cursor.position > kept.newest => Err(Gone::OtherLog),
        Since::After(cursor) => Ok(cursor.position),
    }
}

/// Why a cursor can't be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// What follows is no longer kept.
    TooOld,
    /// The cursor is of another log.
    OtherLog,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_nonsense_does_not() {
        let cursor = Cursor { log_epoch: "a-b".into(), position: 17 };
        assert_eq!(Cursor::parse(&text("a-b", 17)), Some(cursor.clone()));
        for bad in ["", "-", "a-", "-5", "a", "a-+5", "a--", "a-1x", "a-99999999999999999999"] {
            assert_eq!(Cursor::parse(bad), None, "{bad:?}");
        }
        assert_eq!(Since::parse("a-b-17"), Some(Since::After(cursor)));
        assert_eq!(Since::parse("yesterday"), None);
    }

    #[test]
    fn a_cursor_that_would_skip_something_is_refused() {
        let kept = Kept { log_epoch: "e", forgotten: 10, newest: 20, published: 18 };
        let after = |log_epoch: &str, position| Since::After(Cursor { log_epoch: log_epoch.into(), position });
        let cases = [
            (Since::Now, Ok(18)),
            (Since::Oldest, Ok(10)),
            (after("e", 9), Err(Gone::TooOld)),
            (after("e", 10), Ok(10)),
            (after("e", 20), Ok(20)),
            (after("e", 21), Err(Gone::OtherLog)),
            (after("f", 15), Err(Gone::OtherLog)),
        ];
        for (since, expected) in cases {
            assert_eq!(begin(&since, kept), expected, "{since:?}");
        }
    }
}
