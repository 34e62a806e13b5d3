//! How errors meet a person.
