//! What goes into a store and comes out of it: plain data. How it lies on disk is each backend's.

use std::sync::Arc;

use uuid::Uuid;
use yiwang_wire::event::{Event, Phase, Severity};

/// Gaps that are kept for one camera.
pub const MAX_GAPS_KEPT: usize = 64;
/// Descriptors of kinds that are kept in all.
pub const MAX_KINDS_KEPT: usize = 1024;
/// Web sessions of one user; a further log-in ends the oldest.
pub const MAX_SESSIONS_PER_USER: usize = 16;
/// Events of one page.
pub const MAX_PAGE: usize = 500;
/// The department of the operations centre: made with the store, granted all.
pub const OPERATIONS: &str = "operations";

/// SHA-256 of a random token.
pub type Hash = [u8; 32];

/// A department. Its id is the name that people gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Department {
    /// Id and name.
    pub id: String,
    /// When it was made.
    pub created_us: i64,
}

/// A join token to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJoinToken {
    /// SHA-256 of the secret.
    pub hash: Hash,
    /// Department that the gateway will belong to.
    pub department: String,
    /// It holds until then.
    pub expires_us: i64,
}

/// A join token as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// First 8 hexadecimal digits of the hash, to tell tokens apart.
    pub short: String,
    /// Department.
    pub department: String,
    /// When it was made.
    pub created_us: i64,
    /// It holds until then.
    pub expires_us: i64,
    /// The gateway that took it.
    pub used_by: Option<String>,
}

/// What became of a join token that a gateway showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenToken {
    /// It held and is used now.
    Department(String),
    /// No such token.
    Unknown,
    /// Another gateway used it.
    Used,
    /// Too late.
    Expired,
}

/// A gateway to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGateway {
    /// Id that the hub gave; without `/`.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Department; it must be there.
    pub department: String,
    /// When its certificate ends.
    pub certificate_ends_us: i64,
}

/// A gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateway {
    /// Id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Department.
    pub department: String,
    /// When it joined.
    pub joined_us: i64,
    /// When it was revoked, if it was.
    pub revoked_us: Option<i64>,
    /// When its newest certificate ends.
    pub certificate_ends_us: i64,
    /// When it was last heard; none before the first session.
    pub last_contact_us: Option<i64>,
    /// Build that it named in its last hello; empty before.
    pub software: String,
    /// Revision of its configuration in its last hello; empty before.
    pub config_revision: String,
    /// Boot epoch of its last hello; 0 before.
    pub epoch: u64,
}

/// What of a hello is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// Name and version of the build.
    pub software: String,
    /// Revision of the configuration.
    pub config_revision: String,
    /// Boot epoch.
    pub epoch: u64,
    /// All its cameras.
    pub cameras: Vec<CameraInfo>,
}

/// A camera as its gateway describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraInfo {
    /// Id, unique within the gateway.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// WGS-84 longitude and latitude.
    pub place: Option<(f64, f64)>,
    /// Where it looks, degrees clockwise from north.
    pub heading_deg: Option<f64>,
    /// Horizontal angle of view.
    pub field_of_view_deg: Option<f64>,
}

/// A camera as the hub knows it. What it is doing right now is in memory, in `registry`.
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    /// Its gateway.
    pub gateway: String,
    /// Its gateway's department.
    pub department: String,
    /// What the gateway says about it.
    pub info: CameraInfo,
    /// False where the gateway's last hello did not name it any more.
    pub present: bool,
    /// Complete up to this time, gaps excepted; none before the first watermark.
    pub complete_to_us: Option<i64>,
    /// What is missing before `complete_to_us`, in order.
    pub gaps: Vec<Gap>,
    /// Capture time of the newest event.
    pub last_event_us: Option<i64>,
}

/// A time that was not analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// From.
    pub from_us: i64,
    /// To.
    pub to_us: i64,
    /// Why, a code (`stalled`, `overload`, …); `several` where gaps were united.
    pub reason: String,
}

/// How far a camera is analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraWatermark {
    /// Camera id within the gateway.
    pub camera: String,
    /// Analysed up to here.
    pub complete_to_us: i64,
    /// Except these.
    pub gaps: Vec<Gap>,
    /// Since when the gateway analyses it without a restart, where it says so: what lies between the completeness known
    /// so far and this moment was analysed by nobody.
    pub complete_from_us: Option<i64>,
}

/// Reason of the gap between two runs of a gateway.
pub const NOT_RUNNING: &str = "not_running";

/// An event with everything that the hub adds to it, as indexed, fed and shown.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its place in the log.
    pub position: u64,
    /// Gateway id.
    pub gateway: Arc<str>,
    /// Department of the gateway when the event was applied: who owns the event.
    pub department: Arc<str>,
    /// The camera's name when the event was applied.
    pub camera_name: Option<Arc<str>>,
    /// The camera's place when the event was applied, WGS-84 longitude and latitude.
    pub place: Option<(f64, f64)>,
    /// When the hub received it.
    pub received_us: i64,
    /// True where it came as back-fill.
    pub backfilled: bool,
    /// The gateway's boot epoch.
    pub epoch: u64,
    /// Its sequence in that epoch.
    pub sequence: u64,
    /// What the gateway said.
    pub event: Event,
}

/// Whose data a query may return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// These departments'; nothing where the list is empty.
    Departments(Vec<String>),
}

/// Place in the order of a page: newest capture first, then newest position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageCursor {
    /// Capture time of the last event of the page before.
    pub captured_us: i64,
    /// Its position.
    pub position: u64,
}

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    /// Whose; from `share`, never from the request alone.
    pub scope: Scope,
    /// Captured at or after.
    pub from_us: Option<i64>,
    /// Captured before.
    pub to_us: Option<i64>,
    /// Gateway id.
    pub gateway: Option<String>,
    /// Gateway id and camera id.
    pub camera: Option<(String, String)>,
    /// Exactly this kind.
    pub kind: Option<String>,
    /// Exactly this severity.
    pub severity: Option<Severity>,
    /// Exactly this phase.
    pub phase: Option<Phase>,
    /// At most this many, up to [`MAX_PAGE`].
    pub limit: usize,
    /// After this place in the order.
    pub after: Option<PageCursor>,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// Newest first.
    pub events: Vec<StoredEvent>,
    /// Where the next page begins; none at the end.
    pub next: Option<PageCursor>,
}

/// What an account may do beside seeing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Manages accounts, tokens and grants; sees all.
    Administrator,
    /// Works in the operations centre; sees what its department is granted.
    Operator,
    /// Works in a department; sees what its department has and is granted.
    Department,
}

impl Role {
    /// All, in the order of might.
    pub const ALL: [Role; 3] = [Role::Administrator, Role::Operator, Role::Department];

    /// As written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Operator => "operator",
            Role::Department => "department",
        }
    }

    /// From the written form.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Name to log in with.
    pub name: String,
    /// Argon2id in PHC form.
    pub password_hash: String,
    /// Role.
    pub role: Role,
    /// Department.
    pub department: String,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name to log in with.
    pub name: String,
    /// Argon2id in PHC form.
    pub password_hash: String,
    /// Role.
    pub role: Role,
    /// Department.
    pub department: String,
    /// When it was made.
    pub created_us: i64,
}

/// A web session's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// User.
    pub user: String,
    /// Its role now.
    pub role: Role,
    /// Its department now.
    pub department: String,
    /// The session holds until then.
    pub expires_us: i64,
}

/// A feed token to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFeedToken {
    /// The part of the token that is no secret.
    pub id: String,
    /// SHA-256 of the whole token.
    pub hash: Hash,
    /// Department whose view it has.
    pub department: String,
    /// What it is for.
    pub note: String,
    /// Who made it.
    pub created_by: String,
}

/// A feed token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedToken {
    /// The part of the token that is no secret.
    pub id: String,
    /// SHA-256 of the whole token.
    pub hash: Hash,
    /// Department whose view it has.
    pub department: String,
    /// What it is for.
    pub note: String,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_us: i64,
    /// When it was revoked, if it was.
    pub revoked_us: Option<i64>,
    /// When it was last used, as far as `touch_feed_token` was told.
    pub last_used_us: Option<i64>,
}

/// Whose data a grant opens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sees {
    /// Everybody's, also of departments that come later.
    All,
    /// This department's.
    Department(String),
    /// The pictures of everybody whose data is seen.
    AllPictures,
    /// The pictures of this department's cameras.
    Pictures(String),
}

/// What a grant of pictures begins with as text: no department's name has a slash.
const PICTURES: &str = "pictures/";
const ALL: &str = "all";

impl Sees {
    /// As it is written: `all`, a department, `pictures/all`, `pictures/` and a department.
    pub fn text(&self) -> String {
        match self {
            Sees::All => ALL.to_owned(),
            Sees::Department(id) => id.clone(),
            Sees::AllPictures => format!("{PICTURES}{ALL}"),
            Sees::Pictures(id) => format!("{PICTURES}{id}"),
        }
    }

    /// From the text.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix(PICTURES) {
            Some(ALL) => Sees::AllPictures,
            Some(id) => Sees::Pictures(id.to_owned()),
            None if text == ALL => Sees::All,
            None => Sees::Department(text.to_owned()),
        }
    }

    /// The department that must be there.
    pub fn department(&self) -> Option<&str> {
        match self {
            Sees::All | Sees::AllPictures => None,
            Sees::Department(id) | Sees::Pictures(id) => Some(id),
        }
    }
}

/// A department may see what another one has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Who sees.
    pub department: String,
    /// Whose.
    pub sees: Sees,
}

/// An event's id in its text form, for queries.
pub fn parse_event_id(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_reads_as_it_was_written() {
        for text in ["all", "police", "pictures/all", "pictures/police"] {
            assert_eq!(Sees::parse(text).text(), text);
        }
        assert_eq!(
            (Sees::parse("pictures/all"), Sees::parse("pictures")),
            (Sees::AllPictures, Sees::Department("pictures".into()))
        );
    }
}
