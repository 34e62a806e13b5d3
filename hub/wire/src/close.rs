//! How a connection ends: codes with the reason in plain words, for both sides' logs and the gateway's `/status`.

/// Why one side closed the connection. The number is the QUIC application error code and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// Done, nothing is wrong.
    Done = 0,
    /// A message that cannot be, or not at that moment.
    Protocol = 1,
    /// A frame or a count above its bound.
    TooLarge = 2,
    /// No common version of the contract.
    Version = 3,
    /// No client certificate.
    CertificateRequired = 4,
    /// The gateway was revoked.
    Revoked = 5,
    /// The certificate is good but its gateway is not in the registry.
    UnknownGateway = 6,
    /// The hub has more than it can take.
    Overloaded = 7,
    /// The side that closes goes down in an orderly way.
    ShuttingDown = 8,
    /// The hub cannot store: nothing is acknowledged, gateways keep their events.
    DiskFull = 9,
    /// A gateway spoke for a camera or a department that is not its own.
    NotYours = 10,
    /// The same gateway connected again: the newer connection counts.
    Superseded = 11,
    /// Nothing came within the time that the contract gives.
    Silent = 12,
    /// The joining request was not granted; the answer said why.
    JoinRefused = 13,
}

const ALL: [CloseCode; 14] = [
    CloseCode::Done,
    CloseCode::Protocol,
    CloseCode::TooLarge,
    CloseCode::Version,
    CloseCode::CertificateRequired,
    CloseCode::Revoked,
    CloseCode::UnknownGateway,
    CloseCode::Overloaded,
    CloseCode::ShuttingDown,
    CloseCode::DiskFull,
    CloseCode::NotYours,
    CloseCode::Superseded,
    CloseCode::Silent,
    CloseCode::JoinRefused,
];

impl CloseCode {
    /// The number on the wire.
    pub fn as_u32(self) -> u32 {
        self as u32
    }

    /// The code with this number, where this version knows it.
    pub fn from_u32(number: u32) -> Option<Self> {
        ALL.into_iter().find(|code| code.as_u32() == number)
    }

    /// A word for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            CloseCode::Done => "done",
            CloseCode::Protocol => "protocol",
            CloseCode::TooLarge => "too_large",
            CloseCode::Version => "version",
            CloseCode::CertificateRequired => "certificate_required",
            CloseCode::Revoked => "revoked",
            CloseCode::UnknownGateway => "unknown_gateway",
            CloseCode::Overloaded => "overloaded",
            CloseCode::ShuttingDown => "shutting_down",
            CloseCode::DiskFull => "disk_full",
            CloseCode::NotYours => "not_yours",
            CloseCode::Superseded => "superseded",
            CloseCode::Silent => "silent",
            CloseCode::JoinRefused => "join_refused",
        }
    }

    /// What happened and what to do, as the gateway's person reads it.
    pub fn text(self) -> &'static str {
        match self {
            CloseCode::Done => "the hub closed the connection",
            CloseCode::Protocol => "the hub got a message that it cannot read; both sides should run the same version",
            CloseCode::TooLarge => "the hub got a message above its bounds; both sides should run the same version",
            CloseCode::Version => "the hub speaks another version of the contract; update the older side",
            CloseCode::CertificateRequired => "the hub wants a certificate; join this gateway first",
            CloseCode::Revoked => "this gateway was revoked on the hub; ask for a new token and join again",
            CloseCode::UnknownGateway => "the hub does not know this gateway; ask for a token and join again",
            CloseCode::Overloaded => "the hub has more than it can take; it is tried again later",
            CloseCode::ShuttingDown => "the hub is going down or restarting; it is tried again",
            CloseCode::DiskFull => "the hub's disk is full; events are kept here until it has space",
            CloseCode::NotYours => "this gateway spoke for a camera or department that is not its own",
            CloseCode::Superseded => "the same gateway connected from elsewhere; does a copy of it run?",
            CloseCode::Silent => "the hub heard nothing in time",
            CloseCode::JoinRefused => "the hub did not grant the joining request",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_number_word_and_text() {
        for (number, code) in ALL.into_iter().enumerate() {
            assert_eq!(CloseCode::from_u32(number as u32), Some(code));
            let same = |other: &CloseCode| other.as_str() == code.as_str() || other.text() == code.text();
            assert_eq!(ALL.iter().filter(|other| same(other)).count(), 1);
        }
        assert_eq!(CloseCode::from_u32(ALL.len() as u32), None);
    }
}
