//! Joining: with a one-time token the gateway checks that the hub is the right one, makes a key that never leaves this
//! machine, and gets its certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quinn::{Connection, VarInt};
use rcgen::KeyPair;
use yiwang_wire::close::CloseCode;
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::token::{JoinToken, TokenError};
use yiwang_wire::{codec, limits, pb};

use super::Declared;
use super::dial::{dial, resolve};
use super::identity::{Identity, IdentityError, certificates, public_key};
use super::renew;
use super::tls::{self, Distrust, Fingerprint};
use crate::spool::now_us;
use crate::time_text;

/// Clocks that differ by more than this are named: certificates and events would suffer.
pub const CLOCK_OFF_US: i64 = 60_000_000;
/// The hub must answer within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Why the gateway did not join. Nothing was changed in the state folder.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// It belongs to a hub.
    #[error("this gateway has joined already, as {gateway} of department {department}; to give that up, add --force")]
    AlreadyJoined {
        /// Its id.
        gateway: String,
        /// Its department.
        department: String,
    },
    /// The identity in the folder is damaged.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The text is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Nobody there, or not what was expected.
    #[error("cannot reach the hub: {0}")]
    Unreachable(String),
    /// Somebody else is there.
    #[error(
        "what answers at {address} is not the hub that made this token (its CA has another fingerprint); check the \
         address, or ask for a token of that hub"
    )]
    WrongHub {
        /// Where.
        address: String,
    },
    /// The clock contradicts the hub's certificate.
    #[error(
        "the clock is wrong: here it is {here}, but the hub's certificate is valid {bound}; set this machine's clock \
         (timedatectl set-ntp true) and join again, or set the hub's"
    )]
    ClockOfCertificate {
        /// The time here.
        here: String,
        /// From or until when it is valid.
        bound: String,
    },
    /// The clocks differ.
    #[error(
        "the clock is wrong: here it is {here}, at the hub {there}: {off_s} s apart; set this machine's clock \
         (timedatectl set-ntp true) and join again. The token is used: ask for another"
    )]
    Clock {
        /// The time here.
        here: String,
        /// The time there.
        there: String,
        /// The difference.
        off_s: i64,
    },
    /// The hub said no.
    #[error("the hub refused: {0}")]
    Refused(String),
    /// It did not keep to the contract.
    #[error("the hub's answer cannot be used: {0}; both sides should run the same version")]
    Answer(String),
    /// Key or request.
    #[error("cannot make a key and a certificate request")]
    Key(#[from] rcgen::Error),
    /// The state folder.
    #[error("cannot write into {dir}; it must be a folder that this user may write")]
    Save {
        /// Which.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Joins the hub at `address` (host:port) under the name that people see, and leaves identity, key and certificates in
/// the folder. With `force` an earlier identity is given up.
pub async fn join(address: &str, token: &str, name: &str, dir: &Path, force: bool) -> Result<Identity, JoinError> {
    if !force && let Some(Identity { gateway, department, .. }) = Identity::load(dir)? {
        return Err(JoinError::AlreadyJoined { gateway, department });
    }
    let token = JoinToken::decode(token)?;
    // Before the token is used: can the folder be written at all?
    prepare(dir).map_err(|source| JoinError::Save { dir: dir.into(), source })?;
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let csr_der = renew::request_with(&key, name)?;
    let verifier = Fingerprint::new(token.ca_sha256);
    let config = tls::join_config(verifier.clone()).map_err(|error| JoinError::Unreachable(error.to_string()))?;

    let mut failure = format!("{address} has no address");
    for resolved in resolve(address).await.map_err(|ended| JoinError::Unreachable(ended.text))? {
        let (connection, endpoint) = match dial(resolved, address, config.clone()).await {
            Ok(connected) => connected,
            Err(ended) => {
                if let Some(Err(distrust)) = verifier.outcome() {
                    return Err(distrusted(distrust, address));
                }
                failure = ended.text;
                continue;
            }
        };
        let request = pb::Join {
            secret: token.secret_text(),
            csr_der,
            clock_us: now_us(),
            name: name.into(),
            software: crate::SOFTWARE.into(),
        };
        let answer = tokio::time::timeout(ANSWER_WITHIN, ask(&connection, &request, address)).await;
        connection.close(VarInt::from_u32(CloseCode::Done.as_u32()), b"");
        let _ = tokio::time::timeout(Duration::from_millis(500), endpoint.wait_idle()).await;
        let joined = answer.map_err(|_| JoinError::Unreachable(format!("{address} does not answer the request")))??;
        let Some(Ok(ca)) = verifier.outcome() else {
            return Err(JoinError::Answer("the handshake showed no certificate".into()));
        };
        return take(joined, &key, &ca, address, dir);
    }
    Err(JoinError::Unreachable(failure))
}

async fn ask(connection: &Connection, request: &pb::Join, address: &str) -> Result<pb::Joined, JoinError> {
    let lost = |text: String| match connection.close_reason() {
        Some(error) => JoinError::Unreachable(super::plain_words::ended(&error, address).text),
        None => JoinError::Unreachable(text),
    };
    let (mut send, mut receive) = connection.open_bi().await.map_err(|error| lost(error.to_string()))?;
    let mut bytes = Vec::new();
    frame::encode(&codec::encode_join(request), &mut bytes);
    send.write_all(&bytes).await.map_err(|error| lost(error.to_string()))?;
    let mut framer = Framer::new(limits::MAX_CONTROL_BYTES);
    loop {
        if let Some(payload) = framer.next().map_err(|error| JoinError::Answer(error.to_string()))? {
            return codec::decode_joined(&payload).map_err(|error| JoinError::Answer(error.to_string()));
        }
        match receive.read_chunk(64 * 1024, true).await {
            Ok(Some(chunk)) => framer.push(&chunk.bytes),
            Ok(None) => return Err(lost("the hub ended without an answer".into())),
            Err(error) => return Err(lost(error.to_string())),
        }
    }
}

/// Checks the answer and keeps it.
fn take(
    joined: pb::Joined,
    key: &KeyPair,
    ca: &rustls::pki_types::CertificateDer<'_>,
    address: &str,
    dir: &Path,
) -> Result<Identity, JoinError> {
    if !joined.refused.is_empty() {
        return Err(JoinError::Refused(joined.refused));
    }
    let (here_us, there_us) = (now_us(), joined.clock_us);
    let off_us = here_us.saturating_sub(there_us).saturating_abs();
    if off_us > CLOCK_OFF_US {
        let (here, there) = (time_text(here_us), time_text(there_us));
        return Err(JoinError::Clock { here, there, off_s: off_us / 1_000_000 });
    }
    let chain = certificates(&joined.chain_pem).ok_or_else(|| JoinError::Answer("no certificate in it".into()))?;
    if public_key(&chain[0]).as_deref() != Some(key.public_key_raw()) {
        return Err(JoinError::Answer("its certificate is for another key".into()));
    }
    let identity = Identity { gateway: joined.gateway, department: joined.department, hubs: vec![address.into()] };
    let ca_pem = pem(ca);
    identity
        .save(dir, &key.serialize_pem(), &joined.chain_pem, &ca_pem)
        .and_then(|()| Declared::joined_anew(dir))
        .map_err(|source| JoinError::Save { dir: dir.into(), source })?;
    Ok(identity)
}

fn prepare(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let probe = dir.join("joining.tmp");
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(&probe)
}

fn distrusted(distrust: Distrust, address: &str) -> JoinError {
    match distrust {
        Distrust::OtherHub => JoinError::WrongHub { address: address.into() },
        Distrust::Clock { valid_us, early } => JoinError::ClockOfCertificate {
            here: time_text(now_us()),
            bound: format!("{} {}", if early { "only from" } else { "only until" }, time_text(valid_us)),
        },
        Distrust::Other(why) => JoinError::Unreachable(format!("the hub's certificate is not good: {why}")),
    }
}

fn pem(certificate: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem + "-----END CERTIFICATE-----\n"
}
