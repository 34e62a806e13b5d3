//! (placeholder while the first path is built)
