//! The API as its clients meet it: a real server on a free port over real files.

mod accounts;
mod events;
mod feed;
mod harness;
mod routes;
