//! Who may come in: sessions, and how often a password may be tried. Pure: takes `now`, reads no clock. Nothing of it
//! outlives the process, so a restart logs everybody out.

use std::collections::VecDeque;
use std::net::IpAddr;

use subtle::ConstantTimeEq as _;

/// SHA-256 of a secret.
pub(super) type Hash = [u8; 32];

/// How long a log-in holds.
const SESSION_US: i64 = 12 * 3_600 * 1_000_000;
/// Most log-ins at a time; the oldest goes first.
const SESSIONS_MAX: usize = 32;
/// Tries are counted over this time.
const TRIES_US: i64 = 300 * 1_000_000;
/// Wrong tries in it from one address, and from all.
const TRIES_MAX: usize = 5;
const TRIES_ALL_MAX: usize = 40;

/// Sessions and tries.
#[derive(Debug, Default)]
pub(super) struct Door {
    /// Bound: [`SESSIONS_MAX`].
    sessions: VecDeque<Session>,
    /// Bound: [`TRIES_ALL_MAX`], as no more are let through.
    tries: VecDeque<(IpAddr, i64)>,
}

#[derive(Debug)]
struct Session {
    secret: Hash,
    /// The password that it was opened with: another one ends it.
    password: Hash,
    until_us: i64,
}

impl Door {
    /// Takes one try, or says how many seconds to wait.
    pub(super) fn try_from(&mut self, address: IpAddr, now_us: i64) -> Result<(), i64> {
        let address = network(address);
        self.tries.retain(|(_, at_us)| now_us - at_us < TRIES_US);
        let own: Vec<i64> = self.tries.iter().filter(|(from, _)| *from == address).map(|(_, at_us)| *at_us).collect();
        let wait_us = |oldest_us: i64| (oldest_us + TRIES_US - now_us).max(1);
        let over = |tries: &[i64], max: usize| (tries.len() >= max).then(|| wait_us(tries[tries.len() - max]));
        let all: Vec<i64> = self.tries.iter().map(|(_, at_us)| *at_us).collect();
        if let Some(wait_us) = over(&own, TRIES_MAX).max(over(&all, TRIES_ALL_MAX)) {
            return Err((wait_us + 999_999) / 1_000_000);
        }
        self.tries.push_back((address, now_us));
        Ok(())
    }

    /// The password was right: the try is given back and a session opened.
    pub(super) fn open(&mut self, address: IpAddr, secret: Hash, password: Hash, now_us: i64) {
        let address = network(address);
        if let Some(index) = self.tries.iter().rposition(|(from, _)| *from == address) {
            self.tries.remove(index);
        }
        self.sessions.retain(|session| session.until_us > now_us);
        if self.sessions.len() >= SESSIONS_MAX {
            self.sessions.pop_front();
        }
        self.sessions.push_back(Session { secret, password, until_us: now_us + SESSION_US });
    }

    /// Whether that session holds while this is the password.
    pub(super) fn holds(&self, secret: &Hash, password: &Hash, now_us: i64) -> bool {
        let same = |one: &Hash, other: &Hash| bool::from(one.ct_eq(other));
        self.sessions.iter().any(|session| {
            same(&session.secret, secret) && same(&session.password, password) && session.until_us > now_us
        })
    }

    /// Logs out.
    pub(super) fn close(&mut self, secret: &Hash) {
        self.sessions.retain(|session| !bool::from(session.secret.ct_eq(secret)));
    }
}

/// An IPv6 network has more addresses than anybody can count: its /64 is one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_session_holds_for_its_time_and_its_password() {
        let mut door = Door::default();
        door.open(at(1), [1; 32], [9; 32], 0);
        assert!(door.holds(&[1; 32], &[9; 32], SESSION_US - 1));
        assert!(!door.holds(&[1; 32], &[9; 32], SESSION_US));
        assert!(!door.holds(&[1; 32], &[8; 32], 0), "another password");
        assert!(!door.holds(&[2; 32], &[9; 32], 0));
        (2..60).for_each(|n| door.open(at(1), [n; 32], [9; 32], 1));
        assert!(!door.holds(&[1; 32], &[9; 32], 1) && door.holds(&[59; 32], &[9; 32], 1));
        assert_eq!(door.sessions.len(), SESSIONS_MAX);
        door.close(&[59; 32]);
        assert!(!door.holds(&[59; 32], &[9; 32], 1));
    }

    #[test]
    fn who_guesses_waits_and_who_is_right_does_not() {
        let mut door = Door::default();
        (0..5).for_each(|n| assert_eq!(door.try_from(at(1), n), Ok(())));
        assert_eq!(door.try_from(at(1), 10), Err(300));
        assert_eq!(door.try_from(at(2), 10), Ok(()), "from elsewhere");
        assert_eq!(door.try_from(at(1), TRIES_US), Ok(()), "the first is forgotten");
        for n in 0..20 {
            assert_eq!(door.try_from(at(3), TRIES_US), Ok(()));
            door.open(at(3), [n; 32], [9; 32], TRIES_US);
        }
        let through = (10..200).filter(|n| door.try_from(at(*n), 2 * TRIES_US + 1).is_ok()).count();
        assert_eq!(through, TRIES_ALL_MAX, "many addresses together");
        let net = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 1, 2, 3, last]);
        let mut door = Door::default();
        assert_eq!((0..100).filter(|n| door.try_from(net(*n), 0).is_ok()).count(), TRIES_MAX);
    }
}
