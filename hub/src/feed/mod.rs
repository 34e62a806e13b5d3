//! From applied events to subscribers. `ring` holds the newest events and says when there are more; `cloudevents` is the
//! form in which they leave; `sse` is one subscriber's stream, `incidents` the same for incidents. Each subscriber has only a cursor: it reads the ring, and
//! the store's index once the ring has moved on, so that a slow one costs nobody anything. What a subscriber may see is
//! `share`'s decision, asked again whenever accounts, tokens or grants change.

pub mod cloudevents;
pub mod cursor;
pub mod incidents;
pub mod ring;
pub mod sse;

pub use cursor::Cursor;
pub use ring::Ring;

use crate::web::AppState;

/// A way for events to leave by.
pub struct Sink {
    /// Name.
    pub name: &'static str,
    /// The routes that it adds to the API.
    pub routes: fn() -> utoipa_axum::router::OpenApiRouter<AppState>,
}

/// Every sink. To add one: a file here, a line here; its routes need a line in `web::guard::ACCESS`, or they are refused.
pub const SINKS: &[Sink] =
    &[Sink { name: "sse", routes: sse::routes }, Sink { name: "incidents", routes: incidents::routes }];
