//! Why a connection failed or ended, in words that a person on site can act on.

use quinn::{ConnectionError, TransportErrorCode};
use yiwang_wire::close::CloseCode;

/// An end: the words, and the hub's code where it gave one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) code: Option<CloseCode>,
    pub(super) text: String,
}

impl Ended {
    pub(super) fn because(text: impl Into<String>) -> Self {
        Self { code: None, text: text.into() }
    }
}

/// TLS alerts that matter here (RFC 8446, section 6.2).
const BAD_CERTIFICATE: u8 = 42;
const CERTIFICATE_EXPIRED: u8 = 45;
const CERTIFICATE_UNKNOWN: u8 = 46;
const UNKNOWN_CA: u8 = 48;
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// The end of a connection to this address.
pub(super) fn ended(error: &ConnectionError, address: &str) -> Ended {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            let code = u32::try_from(close.error_code.into_inner()).ok().and_then(CloseCode::from_u32);
            let reason = String::from_utf8_lossy(&close.reason);
            let text = match code {
                Some(code) if reason.is_empty() || reason == code.text() => code.text().to_owned(),
                Some(code) => format!("{} ({reason})", code.text()),
                None => format!("the hub closed the connection with the unknown code {} ({reason})", close.error_code),
            };
            Ended { code, text }
        }
        ConnectionError::ConnectionClosed(close) => Ended::because(match alert(close.error_code) {
            Some(CERTIFICATE_EXPIRED) => {
                "the hub finds this gateway's certificate out of its time: if the clocks of both are right, it has \
                 expired; ask for a token and join again"
                    .to_owned()
            }
            Some(UNKNOWN_CA | BAD_CERTIFICATE | CERTIFICATE_UNKNOWN) => {
                "the hub does not accept this gateway's certificate: it was made by another hub; join again".to_owned()
            }
            Some(NO_APPLICATION_PROTOCOL) => format!("what answers at {address} is no hub, or one of another version"),
            _ => format!("the hub ended the connection: {close}"),
        }),
        ConnectionError::TransportError(error) => {
            Ended::because(own(&error.reason, address).unwrap_or_else(|| match alert(error.code) {
                Some(NO_APPLICATION_PROTOCOL) => {
                    format!("what answers at {address} is no hub, or one of another version")
                }
                _ => format!("the connection to {address} failed: {error}"),
            }))
        }
        ConnectionError::TimedOut => Ended::because(format!(
            "{address} does not answer: the hub is off, or something on the way drops UDP; check the address and that \
             firewalls let this UDP port through"
        )),
        ConnectionError::Reset => Ended::because("the hub was restarted"),
        ConnectionError::LocallyClosed => Ended::because("closed by this gateway"),
        other => Ended::because(format!("the connection to {address} failed: {other}")),
    }
}

/// What this side's check of the hub's certificate found.
fn own(reason: &str, address: &str) -> Option<String> {
    let now = crate::spool::now_us() / 1_000_000;
    if reason.contains("not valid yet") || reason.contains("expired") {
        return Some(format!(
            "by this gateway's clock (Unix time {now}) the hub's certificate is out of its time: set the clock right \
             ({reason})"
        ));
    }
    let foreign =
        reason.contains("UnknownIssuer") || reason.contains("BadSignature") || reason.contains("not valid for name");
    foreign.then(|| {
        format!("what answers at {address} is not the hub that this gateway joined; check the address, or join again ({reason})")
    })
}

fn alert(code: TransportErrorCode) -> Option<u8> {
    // RFC 9001, section 4.8: 0x0100 and the alert.
    let code = u64::from(code);
    (0x100..0x200).contains(&code).then_some((code & 0xff) as u8)
}
