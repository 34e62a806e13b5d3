//! The API as its clients meet it: a real server on a free port over real files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod accounts;
mod basemap;
mod events;
mod feed;
mod harness;
mod incidents;
mod pictures;
mod routes;
mod shift;
