//! Why a camera gives no pictures: a code for machines and a sentence for people.

/// Why a camera gives no pictures. The code of each is part of the event standard: codes are only ever added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The first attempt is under way.
    Starting,
    /// The host answers, its port is closed.
    Refused,
    /// Nothing answers at that address.
    Unreachable,
    /// The host name is not known.
    UnknownHost,
    /// The camera does not accept the user and password, or wants some and none are configured.
    WrongPassword,
    /// The camera does not know the path of the URL.
    NoSuchPath,
    /// It offers no stream that can be decoded.
    UnsupportedCodec,
    /// It stopped sending, or stopped answering, without a word.
    Stalled,
    /// It ended the stream or closed the connection.
    Ended,
    /// What it says makes no sense.
    Protocol,
    /// It agreed to send and nothing that can be decoded came.
    NoFrames,
    /// The decoder failed or is not installed.
    Decode,
    /// The file of a replayed camera is not there.
    NotFound,
    /// The gateway could not keep up and left pictures out.
    Overload,
    /// The camera's own settings were changed in the gateway's configuration.
    Reconfigured,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 15] = [
        Cause::Starting,
        Cause::Refused,
        Cause::Unreachable,
        Cause::UnknownHost,
        Cause::WrongPassword,
        Cause::NoSuchPath,
        Cause::UnsupportedCodec,
        Cause::Stalled,
        Cause::Ended,
        Cause::Protocol,
        Cause::NoFrames,
        Cause::Decode,
        Cause::NotFound,
        Cause::Overload,
        Cause::Reconfigured,
    ];

    /// The code on the wire, in metrics and in `/status`.
    pub fn code(self) -> &'static str {
        match self {
            Cause::Starting => "starting",
            Cause::Refused => "refused",
            Cause::Unreachable => "unreachable",
            Cause::UnknownHost => "unknown_host",
            Cause::WrongPassword => "wrong_password",
            Cause::NoSuchPath => "no_such_path",
            Cause::UnsupportedCodec => "unsupported_codec",
            Cause::Stalled => "stalled",
            Cause::Ended => "ended",
            Cause::Protocol => "protocol",
            Cause::NoFrames => "no_frames",
            Cause::Decode => "decode",
            Cause::NotFound => "not_found",
            Cause::Overload => "overload",
            Cause::Reconfigured => "reconfigured",
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// A camera failed. The text is for people, names the camera's address where that helps, and never holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct CameraError {
    /// The code.
    pub cause: Cause,
    /// The same in plain words, with what to do about it where that is known.
    pub text: String,
    /// The connection was made and then nothing at all was answered: the camera is frozen rather than wrong.
    pub silent: bool,
}

impl CameraError {
    /// An error in plain words.
    pub fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { cause, text: text.into(), silent: false }
    }

    /// The camera took the connection and answered nothing.
    pub fn silent(text: impl Into<String>) -> Self {
        Self { cause: Cause::Stalled, text: text.into(), silent: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_code_of_its_own() {
        let codes: std::collections::BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.code()).collect();
        assert_eq!(codes.len(), Cause::ALL.len());
    }
}
