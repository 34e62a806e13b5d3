//! Lets new gateways in: a one-time token against a certificate. `admit` decides, `serve` reads the question from its
//! stream and writes the answer. The token is taken by the store in one transaction, so it is used once even where two
//! gateways show it at the same moment.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quinn::Connection;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use yiwang_wire::close::CloseCode;
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::{codec, pb, token};

use super::listener::Hub;
use super::live::close;
use crate::registry::{ca, now_us};
use crate::store::{NewGateway, TakenToken};

/// A joining request: a CSR and three short texts.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// For the whole conversation.
const WITHIN: Duration = Duration::from_secs(10);
/// Refused requests that one address may make in [`WINDOW_US`].
const REFUSED_MAX: u32 = 20;
const WINDOW_US: i64 = 60_000_000;
/// Addresses remembered.
const ADDRESSES_MAX: usize = 4096;

/// How often each address was refused lately.
///
/// Bound: [`ADDRESSES_MAX`] addresses; when full, those whose window has passed go, else further addresses are refused.
#[derive(Debug, Default)]
pub struct RefusedLately {
    addresses: BTreeMap<IpAddr, (u32, i64)>,
}

impl RefusedLately {
    /// May this address ask now?
    pub fn may_ask(&mut self, address: IpAddr, now_us: i64) -> bool {
        if !self.addresses.contains_key(&address) && self.addresses.len() >= ADDRESSES_MAX {
            self.addresses.retain(|_, (_, since_us)| now_us - *since_us < WINDOW_US);
            return self.addresses.len() < ADDRESSES_MAX;
        }
        match self.addresses.get(&address) {
            Some((count, since_us)) => *count < REFUSED_MAX || now_us - since_us >= WINDOW_US,
            None => true,
        }
    }

    /// It was refused.
    pub fn refused(&mut self, address: IpAddr, now_us: i64) {
        let (count, since_us) = self.addresses.entry(address).or_insert((0, now_us));
        if now_us - *since_us >= WINDOW_US {
            (*count, *since_us) = (0, now_us);
        }
        *count += 1;
    }
}

/// Decides on one request. What is refused says why, in words for the person at the gateway.
pub fn admit(hub: &Hub, join: &pb::Join, now_us: i64) -> pb::Joined {
    match try_admit(hub, join, now_us) {
        Ok(joined) => joined,
        Err(reason) => pb::Joined { clock_us: now_us, refused: reason, ..Default::default() },
    }
}

fn try_admit(hub: &Hub, join: &pb::Join, now_us: i64) -> Result<pb::Joined, String> {
    let secret = token::secret_from_text(&join.secret).ok_or("the token is damaged: copy it whole")?;
    let hash = Sha256::digest(secret).into();
    // The certificate first: a request that cannot be signed does not use the token up.
    let gateway = ca::new_gateway_id();
    let issued = hub.authority.issue_gateway(&join.csr_der, &gateway, now_us).map_err(|error| {
        tracing::warn!(%error, "a joining gateway's certificate request cannot be signed");
        "the certificate request cannot be signed: install the same version on gateway and hub"
    })?;
    let failed = |error: crate::store::StoreError| {
        tracing::error!(error = %crate::error::chain(&error), "joining failed");
        "the hub cannot write to its store just now: look at its log and try again"
    };
    let department = match hub.store.take_join_token(&hash, &gateway, now_us).map_err(failed)? {
        TakenToken::Department(department) => department,
        TakenToken::Unknown => {
            return Err("the hub does not know this token: make one with `yiwang-hub token create`".into());
        }
        TakenToken::Used => {
            return Err(
                "this token was used already, it works once: make another with `yiwang-hub token create`".into()
            );
        }
        TakenToken::Expired => {
            return Err("this token has expired: make another with `yiwang-hub token create`".into());
        }
    };
    let name = if join.name.is_empty() { gateway.clone() } else { join.name.clone() };
    let certificate_ends_us = issued.ends_us;
    let new = NewGateway { id: gateway.clone(), name, department: department.clone(), certificate_ends_us };
    hub.store.add_gateway(&new, now_us).map_err(failed)?;
    tracing::info!(%gateway, %department, software = %join.software, "a gateway joined");
    let chain_pem = issued.chain_pem.into_bytes();
    Ok(pb::Joined { gateway, department, chain_pem, clock_us: now_us, refused: String::new() })
}

/// One joining connection.
pub(super) async fn serve(hub: Arc<Hub>, refused: Arc<Mutex<RefusedLately>>, connection: Connection) {
    let (code, reason) = match timeout(WITHIN, converse(&hub, &refused, &connection)).await {
        Ok(Ok(granted)) if granted => (CloseCode::Done, String::new()),
        Ok(Ok(_)) => (CloseCode::JoinRefused, CloseCode::JoinRefused.text().to_owned()),
        Ok(Err(failure)) => failure,
        Err(_) => (CloseCode::Silent, "the joining took too long".into()),
    };
    let outcome = if code == CloseCode::Done { "granted" } else { code.as_str() };
    hub.metrics.joins.with_label_values(&[outcome]).inc();
    close(&connection, code, &reason);
}

async fn converse(
    hub: &Arc<Hub>,
    refused: &Mutex<RefusedLately>,
    connection: &Connection,
) -> Result<bool, (CloseCode, String)> {
    let address = connection.remote_address().ip();
    let lost = |_| (CloseCode::Protocol, "the stream was lost".to_owned());
    let (mut send, mut receive) = connection.accept_bi().await.map_err(|_| (CloseCode::Protocol, String::new()))?;
    if !lock(refused).may_ask(address, now_us()) {
        return Err((CloseCode::Overloaded, "too many refused requests from this address: wait a minute".into()));
    }
    let mut framer = Framer::new(REQUEST_BYTES_MAX);
    let request = loop {
        if let Some(request) = framer.next().map_err(|e| (CloseCode::TooLarge, e.to_string()))? {
            break request;
        }
        let chunk = receive.read_chunk(REQUEST_BYTES_MAX, true).await.map_err(lost)?;
        let chunk = chunk.ok_or((CloseCode::Protocol, "the request is cut".to_owned()))?;
        framer.push(&chunk.bytes);
    };
    let joined = match codec::decode_join(&request) {
        Ok(join) => {
            let hub = hub.clone();
            let answer = tokio::task::spawn_blocking(move || admit(&hub, &join, now_us()));
            answer.await.map_err(|_| (CloseCode::Overloaded, "the hub failed".to_owned()))?
        }
        Err(error) => return Err((error.close_code(), error.to_string())),
    };
    let granted = joined.refused.is_empty();
    if !granted {
        lock(refused).refused(address, now_us());
    }
    let mut bytes = Vec::new();
    frame::encode(&codec::encode_joined(&joined), &mut bytes);
    let gone = |_| (CloseCode::Protocol, "the gateway left before the answer".to_owned());
    send.write_all(&bytes).await.map_err(gone)?;
    // The answer must arrive before the connection closes over it.
    if send.finish().is_ok() {
        let _ = send.stopped().await;
    }
    Ok(granted)
}

fn lock(refused: &Mutex<RefusedLately>) -> std::sync::MutexGuard<'_, RefusedLately> {
    refused.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_guesses_must_wait_and_others_need_not() {
        let mut lately = RefusedLately::default();
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        for _ in 0..REFUSED_MAX {
            assert!(lately.may_ask(one, 0));
            lately.refused(one, 0);
        }
        assert!(!lately.may_ask(one, WINDOW_US - 1) && lately.may_ask(other, 0));
        assert!(lately.may_ask(one, WINDOW_US));
        lately.refused(one, WINDOW_US);
        assert!(lately.may_ask(one, WINDOW_US + 1));
    }

    #[test]
    fn remembered_addresses_are_bounded() {
        let mut lately = RefusedLately::default();
        for n in 0..10_000u32 {
            let address = std::net::Ipv4Addr::from(n).into();
            if lately.may_ask(address, 0) {
                lately.refused(address, 0);
            }
        }
        assert_eq!(lately.addresses.len(), ADDRESSES_MAX);
        assert!(lately.may_ask(std::net::Ipv4Addr::from(9_999).into(), WINDOW_US));
    }
}
