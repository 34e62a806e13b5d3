//! From a credential to an account and what it sees. Asked for every request, and again for a live feed whenever something
//! about accounts, tokens or grants changed. Credentials are checked here; what they allow is `share`'s.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::secret;
use crate::share::{Policy, Principal, View};
use crate::store::{Hash, Session, Store, StoreResult};

/// How often changes made by other processes are looked for; with one more look a live feed is cut within 2 s.
pub const LOOK_MS: u64 = 500;
/// How long a ticket opens feeds.
pub const TICKET_US: i64 = 60_000_000;
/// Tickets that hold at the same moment; above it the caller is told to wait.
const MAX_TICKETS: usize = 10_000;
/// A token's last use is noted this often at most.
const TOUCH_US: i64 = 60_000_000;

/// What a caller shows, secrets hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A session cookie.
    Session(Hash),
    /// A feed token.
    Token {
        /// Its id.
        id: String,
        /// Hash of the whole token.
        hash: Hash,
    },
}

/// Who calls, and what they see.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What they showed.
    pub credential: Credential,
    /// Who it is.
    pub principal: Principal,
    /// What they see.
    pub view: View,
    /// The session, where it is one.
    pub session: Option<Session>,
    /// The credential ends then.
    pub expires_us: i64,
}

/// Resolves credentials.
pub struct Access {
    store: Arc<dyn Store>,
    /// The policy of the store's revision that it was read at.
    policy: Mutex<Option<(u64, Arc<Policy>)>>,
    /// By the ticket's hash: what it stands for and until when. Bound: [`MAX_TICKETS`].
    tickets: Mutex<HashMap<Hash, (Credential, i64)>>,
}

impl Access {
    /// Over a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, policy: Mutex::new(None), tickets: Mutex::new(HashMap::new()) }
    }

    /// The account of a credential while it holds. Reads the store: not for async threads.
    pub fn resolve(&self, credential: &Credential, now_us: i64) -> StoreResult<Option<Caller>> {
        let (principal, session, expires_us) = match credential {
            Credential::Session(hash) => match self.store.session(hash, now_us)? {
                Some(session) => (user(&session), Some(session.clone()), session.expires_us),
                None => return Ok(None),
            },
            Credential::Token { id, hash } => match self.token(id, hash, now_us)? {
                Some(principal) => (principal, None, i64::MAX),
                None => return Ok(None),
            },
        };
        let view = self.policy()?.view(&principal);
        Ok(Some(Caller { credential: credential.clone(), principal, view, session, expires_us }))
    }

    /// The grants in force.
    pub fn policy(&self) -> StoreResult<Arc<Policy>> {
        // The revision is read before the grants: if they change in between, the next caller reads them again.
        let revision = self.store.revision()?;
        let mut kept = self.policy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, policy)) = &*kept
            && *at == revision
        {
            return Ok(policy.clone());
        }
        let policy = Arc::new(Policy::new(self.store.policy_revision()?, &self.store.grants()?));
        *kept = Some((revision, policy.clone()));
        Ok(policy)
    }

    /// A ticket for this credential, and until when it holds; none where there are too many.
    pub fn ticket(&self, credential: &Credential, now_us: i64) -> Option<(String, i64)> {
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        if tickets.len() >= MAX_TICKETS {
            tickets.retain(|_, (_, expires_us)| *expires_us > now_us);
        }
        if tickets.len() >= MAX_TICKETS {
            return None;
        }
        let new = secret::generate();
        let expires_us = now_us + TICKET_US;
        tickets.insert(new.hash, (credential.clone(), expires_us));
        Some((new.text, expires_us))
    }

    /// What a ticket stands for.
    pub fn redeem(&self, ticket: &str, now_us: i64) -> Option<Credential> {
        let tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let (credential, expires_us) = tickets.get(&secret::hash(ticket))?;
        (*expires_us > now_us).then(|| credential.clone())
    }

    fn token(&self, id: &str, hash: &Hash, now_us: i64) -> StoreResult<Option<Principal>> {
        let Some(token) = self.store.feed_token(id)? else { return Ok(None) };
        if !secret::same(&token.hash, hash) || token.revoked_us.is_some() {
            return Ok(None);
        }
        if token.last_used_us.is_none_or(|last_us| now_us - last_us >= TOUCH_US)
            && let Err(error) = self.store.touch_feed_token(id, now_us)
        {
            // Reading goes on while the disk is full: the time of use is not worth a refusal.
            tracing::warn!(%error, "a feed token's use was not noted");
        }
        Ok(Some(Principal::Token { id: token.id, department: token.department }))
    }
}

fn user(session: &Session) -> Principal {
    Principal::User { name: session.user.clone(), role: session.role, department: session.department.clone() }
}

/// Follows the store's revision until cancelled, so that changes by other processes reach live feeds.
pub async fn follow(store: Arc<dyn Store>, revision: watch::Sender<u64>, stop: CancellationToken) {
    let mut look = tokio::time::interval(Duration::from_millis(LOOK_MS));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => {}
        }
        let store = store.clone();
        match tokio::task::spawn_blocking(move || store.revision()).await {
            Ok(Ok(now)) => {
                revision.send_if_modified(|known| std::mem::replace(known, now) != now);
            }
            Ok(Err(error)) => tracing::warn!(%error, "the store's revision can't be read"),
            Err(_) => return,
        }
    }
}
