//! The text of a joining token: `yw1.` and, in base64url without padding, 16 bytes of secret and the SHA-256 of the
//! hub's CA certificate (DER). The hub keeps only the secret's hash; the gateway checks the hub by the fingerprint.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What stands in front of every token.
pub const PREFIX: &str = "yw1.";
const SECRET_BYTES: usize = 16;
const FINGERPRINT_BYTES: usize = 32;

/// A joining token, decoded. `Debug` never shows the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// Proves that the hub's people let this gateway in; used once.
    pub secret: [u8; SECRET_BYTES],
    /// SHA-256 of the hub's CA certificate in DER.
    pub ca_sha256: [u8; FINGERPRINT_BYTES],
}

/// Why a text is no token. It never repeats the text, which may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Another beginning.
    #[error("this is no joining token: it does not begin with `yw1.`; copy it whole from `yiwang-hub token create`")]
    Prefix,
    /// Not base64url, or not of the right length.
    #[error("the joining token is damaged or cut; copy it whole from `yiwang-hub token create`")]
    Damaged,
}

impl JoinToken {
    /// The text that a person copies.
    pub fn encode(&self) -> String {
        let bytes = [self.secret.as_slice(), self.ca_sha256.as_slice()].concat();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads the text; spaces and line ends around it do not matter.
    pub fn decode(text: &str) -> Result<Self, TokenError> {
        let body = text.trim().strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
        if body.len() != (SECRET_BYTES + FINGERPRINT_BYTES).div_ceil(3) * 4 {
            return Err(TokenError::Damaged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| TokenError::Damaged)?;
        let (secret, ca_sha256) = bytes.split_first_chunk().ok_or(TokenError::Damaged)?;
        Ok(Self { secret: *secret, ca_sha256: ca_sha256.try_into().map_err(|_| TokenError::Damaged)? })
    }

    /// The secret as it travels in `Join.secret`: base64url without padding.
    pub fn secret_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.secret)
    }
}

/// Reads a secret as it travels in `Join.secret`.
pub fn secret_from_text(text: &str) -> Option<[u8; SECRET_BYTES]> {
    // 16 bytes are 22 characters; a longer text is not even decoded.
    (text.len() == 22).then(|| URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()).flatten()
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken").field("secret", &"…").field("ca_sha256", &self.ca_sha256).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn survives_the_way_through_text(secret: [u8; 16], ca_sha256: [u8; 32]) {
            let token = JoinToken { secret, ca_sha256 };
            prop_assert_eq!(&JoinToken::decode(&format!(" {}\n", token.encode())).unwrap(), &token);
            prop_assert_eq!(secret_from_text(&token.secret_text()), Some(secret));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,90}") {
            let _ = JoinToken::decode(&text);
            let _ = JoinToken::decode(&format!("yw1.{text}"));
            let _ = secret_from_text(&text);
        }
    }

    #[test]
    fn golden_text_keeps_decoding() {
        let text = "yw1.AAECAwQFBgcICQoLDA0ODyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4_";
        let token = JoinToken::decode(text).unwrap();
        assert_eq!(token.secret, std::array::from_fn(|i| i as u8));
        assert_eq!(token.ca_sha256, std::array::from_fn(|i| 32 + i as u8));
        assert_eq!(token.encode(), text);
    }

    #[test]
    fn what_is_wrong_is_named_and_the_secret_never_printed() {
        assert_eq!(JoinToken::decode("hello"), Err(TokenError::Prefix));
        assert_eq!(JoinToken::decode("yw1.AAEC"), Err(TokenError::Damaged));
        let token = JoinToken { secret: [0xA5; 16], ca_sha256: [0; 32] };
        let shown = format!("{token:?}");
        assert!(!shown.contains("165") && !shown.to_lowercase().contains("a5"), "{shown}");
    }
}
