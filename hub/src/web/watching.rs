//! One person who watches live: fragments as records of a streaming answer. Not a WebSocket, because a request is what
//! everything else here is: it passes the one gate with its cookie and header, carries its reason, is answered with a status
//! where nothing can be shown, and slows itself down where the person's line is thin.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::AppState;
use super::access::Caller;
use super::error::ApiError;
use super::pictures::unseen;
use crate::pictures::Unseen;
use crate::pictures::live::{Item, Picture, Viewer};
use crate::registry::now_us;

/// The first picture must be here within this time.
const FIRST_WITHIN: Duration = Duration::from_secs(12);
/// Where nothing comes for so long, that is said.
const QUIET: Duration = Duration::from_secs(1);

/// The answer, once there is a first picture; or why there is none.
pub(super) async fn respond(
    app: AppState,
    caller: Caller,
    department: String,
    mut viewer: Viewer,
) -> Result<Response, ApiError> {
    let first = match timeout(FIRST_WITHIN, viewer.next()).await {
        Err(_) => return Err(unseen(Unseen::Late)),
        Ok(None) => return Err(unseen(Unseen::Offline)),
        Ok(Some(item)) => item,
    };
    if let Item::End(why) = &*first {
        return Err(unseen(why.clone()));
    }
    let mut revision = app.revision.clone();
    // The caller was resolved a while ago; whatever changed since then is looked at before the first picture.
    revision.mark_changed();
    let watching = Watching { app, caller, department, viewer, first: Some(first), head: None, revision, ended: false };
    let stream = futures_util::stream::unfold(watching, |mut watching| async move {
        watching.next().await.map(|bytes| (Ok::<_, Infallible>(bytes), watching))
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct Watching {
    app: AppState,
    caller: Caller,
    department: String,
    viewer: Viewer,
    first: Option<Arc<Item>>,
    /// What the player has.
    head: Option<Vec<u8>>,
    revision: watch::Receiver<u64>,
    ended: bool,
}

impl Watching {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let quiet_at = Instant::now() + QUIET;
        loop {
            if let Err(code) = self.check_access().await {
                return Some(self.end(code, "You may not watch this camera any longer."));
            }
            if let Some(first) = self.first.take() {
                return Some(self.item(&first));
            }
            tokio::select! {
                item = self.viewer.next() => return match item {
                    Some(item) => Some(self.item(&item)),
                    None => Some(self.end("gateway_offline", "The gateway is not connected any more.")),
                },
                changed = self.revision.changed() => match changed {
                    Ok(()) => self.revision.mark_changed(),
                    Err(_) => return Some(self.end("shutting_down", "The hub stops.")),
                },
                () = tokio::time::sleep_until(quiet_at) => return Some(record(b'h', &[])),
                () = self.app.stop.cancelled() => return Some(self.end("shutting_down", "The hub stops.")),
            }
        }
    }

    /// Asks again who this is, where something changed.
    async fn check_access(&mut self) -> Result<(), &'static str> {
        if now_us() >= self.caller.expires_us {
            return Err("session_ended");
        }
        if !self.revision.has_changed().map_err(|_| "shutting_down")? {
            return Ok(());
        }
        self.revision.borrow_and_update();
        let credential = self.caller.credential.clone();
        let resolved = self.app.blocking(move |app| app.access.resolve(&credential, now_us())).await;
        let caller = resolved.map_err(|_| "internal")?.ok_or("access_ended")?;
        if !caller.view.looks(&self.department) {
            return Err("access_ended");
        }
        self.caller = caller;
        Ok(())
    }

    fn item(&mut self, item: &Item) -> Bytes {
        match item {
            Item::Picture(picture) => self.picture(picture),
            Item::End(why) => {
                let (_, body) = unseen(why.clone()).parts();
                let text = |key: &str| body["error"][key].as_str().unwrap_or_default().to_owned();
                self.end(&text("code"), &text("message"))
            }
        }
    }

    fn picture(&mut self, picture: &Picture) -> Bytes {
        let mut out = Vec::with_capacity(picture.media.len() + 64);
        if let Some((codec, head)) = &picture.head
            && self.head.as_ref() != Some(head)
        {
            // The wire bounds the name at 32 letters.
            let mut body = vec![codec.len() as u8];
            body.extend_from_slice(codec.as_bytes());
            body.extend_from_slice(head);
            push(&mut out, b'i', &[&body]);
            self.head = Some(head.clone());
        }
        let (captured, age) = (picture.captured_us.to_be_bytes(), picture.age_ms.to_be_bytes());
        push(&mut out, b'm', &[&[u8::from(picture.keyframe)], &captured, &age, &picture.media]);
        Bytes::from(out)
    }

    fn end(&mut self, code: &str, message: &str) -> Bytes {
        self.ended = true;
        record(b'e', json!({"code": code, "message": message}).to_string().as_bytes())
    }
}

fn record(kind: u8, body: &[u8]) -> Bytes {
    let mut out = Vec::new();
    push(&mut out, kind, &[body]);
    Bytes::from(out)
}

fn push(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let bytes: usize = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    // A fragment is far below 4 GiB.
    out.extend_from_slice(&(bytes as u32).to_be_bytes());
    out.push(kind);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
