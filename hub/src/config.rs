//! hub.toml.
