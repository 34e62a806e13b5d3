//! The suite that every backend of the store passes.
