//! The hub: from what every gateway reports to one shared view and a feed for each department. Modules stand in the
//! order in which data flows: `ingest` → `log` → `merge` → `work`, `desk` → `store` → `feed` → `web`; beside them what they share.

pub mod config;
pub mod error;
pub mod metrics;

pub mod ingest;
pub mod pictures;
pub mod log;
pub mod merge;
pub mod work;
pub mod desk;
pub mod store;
pub mod feed;
pub mod web;

pub mod basemap;
pub mod registry;
pub mod share;
pub mod ledger;

pub mod cli;
