//! Every metric's name.
