//! How errors meet a person: the whole chain of causes on one line. What an error becomes on the way out is decided once
//! per boundary: HTTP statuses in `web`, close codes in `ingest`.

use std::error::Error;

/// The error and its causes, each said once.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_in_order_and_are_said_once() {
        let io = std::io::Error::other("no such device");
        let outer = crate::registry::ca::CaError::File { operation: "read", path: "ca.key".into(), source: io };
        assert_eq!(chain(&outer), "cannot read ca.key: no such device");
    }
}
