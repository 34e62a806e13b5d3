//! Random secrets and their hashes: session cookies, feed tokens, set-up tokens, tickets. 256 bits each, so a plain SHA-256
//! keeps them; passwords are `password`'s. Texts that hold a secret have no `Debug`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::store::Hash;

/// What every feed token begins with, so that a leaked one is recognised for what it is.
pub const FEED_TOKEN_PREFIX: &str = "ywf_";
/// Hexadecimal digits of a feed token's id.
const ID_DIGITS: usize = 12;

/// A secret that was made now: the text for whoever holds it, the hash for the store.
pub struct Secret {
    /// The text.
    pub text: String,
    /// Its hash.
    pub hash: Hash,
}

/// A new secret for a session, a set-up link or a ticket.
pub fn generate() -> Secret {
    let text = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    Secret { hash: hash(&text), text }
}

/// A new feed token: its id, and the secret that begins with it.
pub fn generate_feed_token() -> (String, Secret) {
    let id: String = rand::random::<[u8; ID_DIGITS / 2]>().iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("{FEED_TOKEN_PREFIX}{id}_{}", generate().text);
    (id, Secret { hash: hash(&text), text })
}

/// The id in a feed token's text; none where it is no feed token.
pub fn feed_token_id(text: &str) -> Option<&str> {
    let (id, secret) = text.strip_prefix(FEED_TOKEN_PREFIX)?.split_once('_')?;
    let plain = id.len() == ID_DIGITS && id.bytes().all(|b| b.is_ascii_hexdigit());
    (plain && !secret.is_empty()).then_some(id)
}

/// The hash under which a secret is kept.
pub fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// Are they the same? Takes as long whatever they are.
pub fn same(one: &Hash, other: &Hash) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_token_carries_its_id_and_nothing_else_passes_for_one() {
        let (id, secret) = generate_feed_token();
        assert_eq!(feed_token_id(&secret.text), Some(id.as_str()));
        assert!(same(&hash(&secret.text), &secret.hash));
        assert!(!same(&hash("x"), &secret.hash));
        assert_ne!(generate().text, generate().text);
        for bad in ["", "ywf_", "ywf_0123456789ab", "ywf_0123456789ab_", "ywf_0123456789zz_x", "yw1.abc", "ywf_12_x"] {
            assert_eq!(feed_token_id(bad), None, "{bad:?}");
        }
    }
}
