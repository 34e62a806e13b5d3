//! Departments' gateways: who may join (`ca`), who is here (`presence`), what their cameras see in common and how
//! complete they are (`report`). What is kept about them is in `store`.

pub mod ca;
pub mod presence;
pub mod report;

pub use ca::Authority;
pub use presence::Presence;

/// Microseconds since 1970 UTC by this machine's clock: the one place where the hub's shells read it.
pub fn now_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
