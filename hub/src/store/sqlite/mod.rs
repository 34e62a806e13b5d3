//! The store in SQLite (WAL).
