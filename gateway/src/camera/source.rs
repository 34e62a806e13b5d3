//! What a camera is: its address, how it is spoken to and the secrets that go with it. A secret has no way into a log,
//! an error or a debug print: the types that hold one do not show it.

use std::fmt;

use url::Url;

use super::{SCHEMES, Scheme};

/// Text that is never shown. [`Secret::reveal`] is the only way to it, so that its uses can be found.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for whoever has to send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Who the gateway is to a camera. The user's name is as little shown as the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User.
    pub user: Secret,
    /// Password.
    pub password: Secret,
}

impl Credentials {
    /// User and password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: Secret::new(user), password: Secret::new(password) }
    }
}

/// How the pictures travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// Interleaved in the control connection: the default, because nothing is lost on a busy network.
    #[default]
    Tcp,
    /// Datagrams. There is no jitter buffer: a datagram that overtakes another counts as lost, because waiting for it
    /// would cost every picture its delay.
    Udp,
}

/// One camera.
#[derive(Clone)]
pub struct Source {
    id: String,
    url: Url,
    scheme: &'static Scheme,
    transport: Transport,
    credentials: Option<Credentials>,
}

/// A camera's address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Not a URL.
    #[error("the url of camera `{camera}` is not a URL ({reason}): it looks like rtsp://192.0.2.7/stream1")]
    NotAUrl {
        /// Camera.
        camera: String,
        /// What is wrong with it, without its text, which may hold a password.
        reason: String,
    },
    /// A user or a password stands in the URL.
    #[error(
        "the url of camera `{camera}` holds a user or a password: take them out of the URL and put them into the \
         camera's secret file or the environment, so that they reach no log and no copy of the configuration"
    )]
    Credentials {
        /// Camera.
        camera: String,
    },
    /// A scheme nobody speaks.
    #[error("camera `{camera}` has the scheme `{scheme}`: known are {known}")]
    UnknownScheme {
        /// Camera.
        camera: String,
        /// What was written.
        scheme: String,
        /// What can be written.
        known: String,
    },
    /// No host.
    #[error("the url of camera `{camera}` names no host: it looks like rtsp://192.0.2.7/stream1")]
    NoHost {
        /// Camera.
        camera: String,
    },
}

impl Source {
    /// A camera from what the configuration says of it.
    ///
    /// # Errors
    /// The URL cannot be used; the text says why and never repeats the URL, which may hold a password.
    pub fn new(
        id: impl Into<String>,
        url: &str,
        transport: Transport,
        credentials: Option<Credentials>,
    ) -> Result<Self, SourceError> {
        let camera = id.into();
        let parsed = match Url::parse(url) {
            Ok(parsed) => parsed,
            Err(error) => {
                return Err(SourceError::NotAUrl { camera, reason: error.to_string() });
            }
        };
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(SourceError::Credentials { camera });
        }
        let Some(scheme) = Scheme::named(parsed.scheme()) else {
            let known: Vec<_> = SCHEMES.iter().flat_map(|scheme| scheme.names).copied().collect();
            return Err(SourceError::UnknownScheme { camera, scheme: parsed.scheme().into(), known: known.join(", ") });
        };
        if parsed.scheme() != "file" && parsed.host_str().is_none_or(str::is_empty) {
            return Err(SourceError::NoHost { camera });
        }
        Ok(Self { id: camera, url: parsed, scheme, transport, credentials })
    }

    /// The camera's identifier.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its address, without credentials. A query or a path may still hold a maker's own password parameter: to show
    /// an address, use [`Source::shown`].
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its protocol.
    pub fn scheme(&self) -> &'static Scheme {
        self.scheme
    }

    /// How pictures travel.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The credentials, where some are configured.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Host and port for people.
    pub fn shown_host(&self) -> String {
        match (self.url.host_str(), self.url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => self.url.path().to_owned(),
        }
    }

    /// The address for people: the query is left out and so is what looks like a password in the path, because some
    /// makers put one there (`/user=admin_password=…`).
    pub fn shown(&self) -> String {
        let secretive = |segment: &&str| {
            let segment = segment.to_ascii_lowercase();
            ["pass", "pwd", "token", "user=", "secret"].iter().any(|word| segment.contains(word))
        };
        let path: Vec<_> =
            self.url.path().split('/').map(|segment| if secretive(&segment) { "…" } else { segment }).collect();
        let query = if self.url.query().is_some() { "?…" } else { "" };
        let host = if self.url.host_str().is_some() { self.shown_host() } else { String::new() };
        format!("{}://{host}{}{query}", self.url.scheme(), path.join("/"))
    }

    /// Takes everything that must not be shown out of a text that came from elsewhere (a library, the camera).
    pub(crate) fn redact(&self, text: &str) -> String {
        let secrets = self.credentials.iter().flat_map(|credentials| [&credentials.password, &credentials.user]);
        let mut shown = text.replace(self.url.as_str(), &self.shown());
        for secret in secrets.map(Secret::reveal).filter(|secret| !secret.is_empty()) {
            shown = shown.replace(secret, "(secret)");
        }
        shown
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("id", &self.id)
            .field("url", &self.shown())
            .field("transport", &self.transport)
            .field("credentials", &self.credentials)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_shown_nowhere() {
        let credentials = Credentials::new("operator7", "hunter2hunter2");
        let url = "rtsp://192.0.2.7:8554/a/user=admin_password=tlJwpbo6_channel=1?pwd=x";
        let source = Source::new("gate", url, Transport::Tcp, Some(credentials)).unwrap();
        let shown = format!(
            "{source:?} {} {} {:?} {}",
            source.shown(),
            source.shown_host(),
            source.credentials(),
            source.redact(&format!("{url} said operator7:hunter2hunter2"))
        );
        for secret in ["operator7", "hunter2", "tlJwpbo6", "pwd=x"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("rtsp://192.0.2.7:8554/a/…"), "{shown}");
    }

    #[test]
    fn a_bad_url_says_what_to_do_without_repeating_it() {
        let cases = [
            ("rtsp://admin:hunter2@192.0.2.7/", "secret file"),
            ("rtsp://admin@192.0.2.7/", "secret file"),
            ("rtsp//hunter2", "not a URL"),
            ("http://192.0.2.7/hunter2", "known are rtsp, file"),
            ("rtsp:///hunter2", "names no host"),
        ];
        for (url, expected) in cases {
            let error = Source::new("gate", url, Transport::Tcp, None).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(expected), "{url}: {text}");
            assert!(!text.contains("hunter2") && !text.contains("admin"), "{url}: {text}");
        }
        assert!(Source::new("replay", "file:///srv/clip.mp4", Transport::Tcp, None).is_ok());
    }
}
