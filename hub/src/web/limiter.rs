//! How often a password may be tried. Pure token buckets by user and address together, by address and by user: a person who
//! mistypes is not held up, a guesser is, and nobody can lock a user out from another address before many tries. Takes
//! `now`, reads no clock.

use std::collections::HashMap;
use std::net::IpAddr;

/// Buckets kept. When full, those that are full again go; if none is, new callers wait.
pub(super) const MAX_BUCKETS: usize = 10_000;

/// A bucket's size and how long one token takes to come back.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: i64,
    refill_us: i64,
}

/// 5 at once, then one a minute.
const BY_BOTH: Rate = Rate { burst: 5, refill_us: 60_000_000 };
/// 20 at once, then one in 10 s.
const BY_ADDRESS: Rate = Rate { burst: 20, refill_us: 10_000_000 };
/// 50 at once, then one in 20 s.
const BY_USER: Rate = Rate { burst: 50, refill_us: 20_000_000 };

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Both(String, IpAddr),
    Address(IpAddr),
    User(String),
}

impl Key {
    fn rate(&self) -> Rate {
        match self {
            Key::Both(..) => BY_BOTH,
            Key::Address(_) => BY_ADDRESS,
            Key::User(_) => BY_USER,
        }
    }
}

/// Counts tries.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// When the bucket is full again. Bound: [`MAX_BUCKETS`].
    full_at_us: HashMap<Key, i64>,
}

impl Limiter {
    /// Takes one try, or says how many seconds to wait.
    pub(super) fn take(&mut self, user: &str, address: IpAddr, now_us: i64) -> Result<(), u64> {
        let keys = keys(user, address);
        let wait_us = keys.iter().map(|key| self.wait_us(key, now_us)).max().unwrap_or(0);
        if wait_us > 0 {
            return Err(u64::try_from(wait_us).unwrap_or(0).div_ceil(1_000_000));
        }
        self.make_room(now_us, keys.len())?;
        for key in keys {
            let full_at_us = self.full_at_us.get(&key).copied().unwrap_or(now_us).max(now_us);
            let refill_us = key.rate().refill_us;
            self.full_at_us.insert(key, full_at_us + refill_us);
        }
        Ok(())
    }

    /// Gives a try back: the password was right.
    pub(super) fn give_back(&mut self, user: &str, address: IpAddr) {
        for key in keys(user, address) {
            let refill_us = key.rate().refill_us;
            if let Some(full_at_us) = self.full_at_us.get_mut(&key) {
                *full_at_us -= refill_us;
            }
        }
    }

    fn wait_us(&self, key: &Key, now_us: i64) -> i64 {
        let Rate { burst, refill_us } = key.rate();
        let full_at_us = self.full_at_us.get(key).copied().unwrap_or(now_us);
        // A token is left while the bucket lacks at most burst - 1 of them.
        full_at_us - now_us - (burst - 1) * refill_us
    }

    fn make_room(&mut self, now_us: i64, needed: usize) -> Result<(), u64> {
        if self.full_at_us.len() + needed > MAX_BUCKETS {
            self.full_at_us.retain(|_, full_at_us| *full_at_us > now_us);
        }
        if self.full_at_us.len() + needed > MAX_BUCKETS { Err(60) } else { Ok(()) }
    }
}

fn keys(user: &str, address: IpAddr) -> [Key; 3] {
    // An IPv6 network has more addresses than there are buckets: its /64 counts as one.
    let address = match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    };
    let user: String = user.chars().take(64).collect();
    [Key::Both(user.clone(), address), Key::Address(address), Key::User(user)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_guesser_is_slowed_and_the_person_elsewhere_is_not() {
        let mut limiter = Limiter::default();
        for _ in 0..5 {
            assert_eq!(limiter.take("root", address(1), 0), Ok(()));
        }
        assert_eq!(limiter.take("root", address(1), 0), Err(60));
        assert_eq!(limiter.take("root", address(2), 0), Ok(()), "the same user from elsewhere");
        assert_eq!(limiter.take("root", address(1), 60_000_000), Ok(()));
        assert_eq!(limiter.take("root", address(1), 60_000_000), Err(60));
        let tries = (0..100).filter(|i| limiter.take(&format!("u{i}"), address(3), 0).is_ok()).count();
        assert_eq!(tries, 20, "one address, many users");
        let tries = (10..200).filter(|i| limiter.take("victim", address(*i), 0).is_ok()).count();
        assert_eq!(tries, 50, "one user, many addresses");
    }

    #[test]
    fn a_right_password_costs_nothing_and_memory_is_bounded() {
        let mut limiter = Limiter::default();
        for _ in 0..100 {
            assert_eq!(limiter.take("root", address(1), 0), Ok(()));
            limiter.give_back("root", address(1));
        }
        for i in 0..20_000_u32 {
            let _ = limiter.take(&format!("u{i}"), IpAddr::from(i.to_be_bytes()), 0);
        }
        assert!(limiter.full_at_us.len() <= MAX_BUCKETS);
        assert!(limiter.take("late", address(1), 0).is_err(), "full: new callers wait");
        assert!(limiter.take("late", address(1), 3_600_000_000).is_ok());
        let net = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 1, 2, 3, last]);
        let mut limiter = Limiter::default();
        let tries = (0..100).filter(|i| limiter.take("x", net(*i), 0).is_ok()).count();
        assert_eq!(tries, 5, "a /64 is one address");
    }
}
