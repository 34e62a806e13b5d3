//! What people ask for: departments, gateways, cameras, the index of events, accounts and grants. The seam and its
//! backends. The log stays the source of truth for events: this index remembers up to which log position it has applied
//! and can be made again from the log. Who may see what is decided in `share`; nothing here is filtered by policy except
//! by the [`Scope`] that a query carries.
//!
//! Invariants that `conformance` asserts on every backend:
//! - `index` writes its events and the applied position in one transaction; indexing a position again changes nothing.
//! - A join token is taken once, whoever asks at the same moment.
//! - `revision` grows with every change of the registry, accounts, tokens or grants, from whichever process it came;
//!   events, watermarks and last contacts do not move it.
//! - Secrets are never stored: only SHA-256 of random tokens and Argon2id of passwords.

pub mod conformance;
mod error;
mod gaps;
pub mod incidents;
pub mod sqlite;
mod types;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;
use yiwang_wire::event::KindDescriptor;

pub use error::*;
pub use incidents::*;
pub use types::*;

/// What every method answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// The seam. Every method may touch the disk on the caller's thread: async callers go through `spawn_blocking`.
/// Times are microseconds since 1970 UTC; `now_us` is given, never read.
pub trait Store: IncidentStore {
    // ---- departments -----------------------------------------------------------------------------------------------

    /// Makes the department unless it is there; true where it is new.
    fn ensure_department(&self, id: &str, now_us: i64) -> StoreResult<bool>;
    /// All departments by id.
    fn departments(&self) -> StoreResult<Vec<Department>>;

    // ---- joining ---------------------------------------------------------------------------------------------------

    /// Keeps a join token. Its department must be there.
    fn add_join_token(&self, token: &NewJoinToken, now_us: i64) -> StoreResult<()>;
    /// Takes the token for this gateway; the answer is the token's department. Succeeds once.
    fn take_join_token(&self, hash: &Hash, gateway: &str, now_us: i64) -> StoreResult<TakenToken>;
    /// All join tokens that were made, newest first.
    fn join_tokens(&self) -> StoreResult<Vec<JoinToken>>;

    // ---- gateways and cameras --------------------------------------------------------------------------------------

    /// Registers a gateway.
    fn add_gateway(&self, gateway: &NewGateway, now_us: i64) -> StoreResult<()>;
    /// One gateway.
    fn gateway(&self, id: &str) -> StoreResult<Option<Gateway>>;
    /// All gateways by department and id.
    fn gateways(&self) -> StoreResult<Vec<Gateway>>;
    /// Revokes it for ever; true where it was not revoked before.
    fn revoke_gateway(&self, id: &str, now_us: i64) -> StoreResult<bool>;
    /// Notes when its newest certificate ends.
    fn set_certificate_end(&self, id: &str, ends_us: i64) -> StoreResult<()>;
    /// Notes what it said in its hello, and brings its cameras to what the hello names: new ones are added, changed ones
    /// changed, others stay with `present = false`.
    fn set_hello(&self, id: &str, hello: &Hello, now_us: i64) -> StoreResult<()>;
    /// Notes the last contact of gateways; an older time than the one known changes nothing.
    fn set_last_contact(&self, contacts: &[(String, i64)]) -> StoreResult<()>;
    /// All cameras by gateway and id, with completeness.
    fn cameras(&self) -> StoreResult<Vec<Camera>>;
    /// How many cameras each gateway names now; gateways without any are left out.
    fn camera_counts(&self) -> StoreResult<HashMap<String, usize>>;
    /// Merges watermarks in. `complete_to_us` never goes back; gaps are united, at most [`MAX_GAPS_KEPT`] a camera:
    /// above that the two oldest become one that covers both, so that completeness is never claimed wrongly.
    /// Cameras that the gateway does not have are left out.
    fn set_watermarks(&self, gateway: &str, watermarks: &[CameraWatermark]) -> StoreResult<()>;
    /// Adds or replaces descriptors of kinds; at most [`MAX_KINDS_KEPT`], further new kinds are left out.
    fn upsert_kinds(&self, kinds: &[KindDescriptor]) -> StoreResult<()>;
    /// All kinds by name.
    fn kinds(&self) -> StoreResult<Vec<KindDescriptor>>;

    // ---- events ----------------------------------------------------------------------------------------------------

    /// Indexes events and notes that the log is applied up to a position, in one transaction.
    fn index(&self, events: &[Arc<StoredEvent>], applied_position: u64) -> StoreResult<()>;
    /// Up to which log position `index` was told that it is complete; 0 at first.
    fn applied_position(&self) -> StoreResult<u64>;
    /// A page of events, newest capture first.
    fn events(&self, query: &EventQuery) -> StoreResult<EventPage>;
    /// One event by its id.
    fn event(&self, id: Uuid) -> StoreResult<Option<StoredEvent>>;
    /// Events after a position in the log's order, oldest first: what the feed reads once its ring has moved on.
    fn events_after(&self, position: u64, limit: usize) -> StoreResult<Vec<StoredEvent>>;
    /// Removes events received before a time, at most 10 000 a call so that writers are not held up; returns how many
    /// went. Call again while it returns that many.
    fn retain(&self, before_us: i64) -> StoreResult<usize>;
    /// Says that everything up to this position is gone for good: its events are removed, and the applied position is at
    /// least this. For an index made again from a log whose beginning retention removed.
    fn forget_through(&self, position: u64) -> StoreResult<()>;
    /// Everything up to this position may be gone: a cursor below it cannot be resumed.
    fn forgotten_through(&self) -> StoreResult<u64>;

    // ---- accounts --------------------------------------------------------------------------------------------------

    /// Makes a user. Its department must be there.
    fn add_user(&self, user: &NewUser, now_us: i64) -> StoreResult<()>;
    /// One user with the password hash.
    fn user(&self, name: &str) -> StoreResult<Option<User>>;
    /// All users by name.
    fn users(&self) -> StoreResult<Vec<User>>;
    /// Sets another password hash and ends the user's sessions.
    fn set_password(&self, name: &str, password_hash: &str) -> StoreResult<()>;
    /// Gives a user another role and department, and ends its sessions; the last administrator stays one.
    fn set_user(&self, name: &str, role: Role, department: &str) -> StoreResult<()>;
    /// Removes a user and its sessions; the last administrator stays ([`StoreError::LastAdministrator`]).
    fn remove_user(&self, name: &str) -> StoreResult<()>;
    /// True until there is an administrator.
    fn setup_needed(&self) -> StoreResult<bool>;
    /// Keeps the one set-up token that holds; an earlier one ends.
    fn set_setup_token(&self, hash: &Hash, expires_us: i64) -> StoreResult<()>;
    /// True where the token would set up the administrator now: asked before a password is hashed for it.
    fn setup_token_holds(&self, hash: &Hash, now_us: i64) -> StoreResult<bool>;
    /// Makes the first administrator and ends the token, in one transaction; false where the token does not hold or an
    /// administrator is there already.
    fn complete_setup(&self, hash: &Hash, user: &NewUser, now_us: i64) -> StoreResult<bool>;

    /// Keeps a web session; removes those that have ended. At most [`MAX_SESSIONS_PER_USER`]: the oldest end.
    fn add_session(&self, hash: &Hash, user: &str, expires_us: i64, now_us: i64) -> StoreResult<()>;
    /// The session's account while it holds.
    fn session(&self, hash: &Hash, now_us: i64) -> StoreResult<Option<Session>>;
    /// Ends a session.
    fn remove_session(&self, hash: &Hash) -> StoreResult<()>;

    /// Keeps a feed token. Its department must be there.
    fn add_feed_token(&self, token: &NewFeedToken, now_us: i64) -> StoreResult<()>;
    /// One feed token, also where it is revoked.
    fn feed_token(&self, id: &str) -> StoreResult<Option<FeedToken>>;
    /// All feed tokens, newest first.
    fn feed_tokens(&self) -> StoreResult<Vec<FeedToken>>;
    /// Notes when it was last used.
    fn touch_feed_token(&self, id: &str, now_us: i64) -> StoreResult<()>;
    /// Revokes it; true where it was not revoked before.
    fn revoke_feed_token(&self, id: &str, now_us: i64) -> StoreResult<bool>;

    /// All grants by department.
    fn grants(&self) -> StoreResult<Vec<Grant>>;
    /// Adds a grant; true where it is new. The departments must be there.
    fn add_grant(&self, grant: &Grant) -> StoreResult<bool>;
    /// Removes a grant; true where it was there.
    fn remove_grant(&self, grant: &Grant) -> StoreResult<bool>;
    /// Makes these the grants, in one transaction.
    fn set_grants(&self, grants: &[Grant]) -> StoreResult<()>;
    /// Grows with every change of the grants; delivered with every event.
    fn policy_revision(&self) -> StoreResult<u64>;

    /// Grows with every change of the registry, accounts, tokens or grants, whichever process made it. Cheap.
    fn revision(&self) -> StoreResult<u64>;
}

/// A backend: its name in `hub.toml` and how it opens.
pub struct Backend {
    /// Name (`store.backend`).
    pub name: &'static str,
    /// Opens or creates the store below a directory.
    pub open: fn(&Path) -> StoreResult<Arc<dyn Store>>,
}

/// Every backend. To add one: a folder here, a line here, and it passes `conformance`.
pub const BACKENDS: &[Backend] =
    &[Backend { name: "sqlite", open: |dir| Ok(Arc::new(sqlite::SqliteStore::open(&dir.join("store.db"))?)) }];
