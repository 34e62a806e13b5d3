//! When to try a camera again. Pure: it is told what happened and what time it is, and answers what to do next and when.
//!
//! - The first failure of a stream that had run is answered at once (0.2 s): most are a camera that dropped a session.
//! - Then 1, 2, 4, 8, 16, 24 s, each longer by up to a quarter at random, so that the cameras of a site that lost its
//!   power do not come back in step; never more than 30 s.
//! - While it waits it asks each second, cheaply and without credentials, whether the camera is there. An answer better
//!   than the one before (closed → open → answers) is a camera that came back: an attempt at once, and the waiting
//!   starts from the beginning.
//! - A wrong password waits a minute at least, then two, then four, and asks nothing in between: cameras
//!   lock an account after a few tries, and only a person can mend it.

use super::{CameraError, Cause, Reach};

/// How often a camera that is down is asked whether it is back.
pub const PROBE_US: i64 = 900_000;
/// The shortest wait after a wrong password.
pub const PASSWORD_WAIT_US: i64 = 60_000_000;
/// A stream that ran this long counts as having worked.
const WORKED_US: i64 = 10_000_000;
const FIRST_US: i64 = 200_000;
const STEPS_US: [i64; 6] = [1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000, 24_000_000];
const PASSWORD_STEPS_US: [i64; 3] = [PASSWORD_WAIT_US, 2 * PASSWORD_WAIT_US, 4 * PASSWORD_WAIT_US];

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Open the camera.
    Attempt,
    /// Ask whether it is there.
    Probe,
}

/// The state of one camera's retries.
#[derive(Debug)]
pub struct Retry {
    random: u64,
    failures: usize,
    refusals: usize,
    attempt_at_us: i64,
    probe_at_us: Option<i64>,
    reach: Option<Reach>,
    frames_since_us: Option<i64>,
}

impl Retry {
    /// Nothing tried yet: the first attempt is due at once. The seed spreads the waits of different cameras.
    pub fn new(seed: u64, now_us: i64) -> Self {
        Self {
            random: seed ^ 0x9E37_79B9_7F4A_7C15,
            failures: 0,
            refusals: 0,
            attempt_at_us: now_us,
            probe_at_us: None,
            reach: None,
            frames_since_us: None,
        }
    }

    /// What is due next, and when.
    pub fn next(&self) -> (i64, Wake) {
        match self.probe_at_us {
            Some(probe_at_us) if probe_at_us < self.attempt_at_us => (probe_at_us, Wake::Probe),
            _ => (self.attempt_at_us, Wake::Attempt),
        }
    }

    /// Pictures flow.
    pub fn streaming(&mut self, now_us: i64) {
        self.frames_since_us.get_or_insert(now_us);
        self.refusals = 0;
    }

    /// The attempt or the stream failed.
    pub fn failed(&mut self, error: &CameraError, now_us: i64) {
        let worked = self.frames_since_us.take().is_some_and(|since_us| now_us - since_us >= WORKED_US);
        if error.cause == Cause::WrongPassword {
            let step_us = PASSWORD_STEPS_US[self.refusals.min(PASSWORD_STEPS_US.len() - 1)];
            self.refusals += 1;
            self.attempt_at_us = now_us + self.spread(step_us);
            self.probe_at_us = None;
            return;
        }
        if worked {
            self.failures = 0;
            self.attempt_at_us = now_us + self.spread(FIRST_US);
        } else {
            let step_us = STEPS_US[self.failures.min(STEPS_US.len() - 1)];
            self.failures += 1;
            self.attempt_at_us = now_us + self.spread(step_us);
        }
        self.reach = match error.cause {
            Cause::Refused | Cause::Unreachable | Cause::NotFound => Some(Reach::Closed),
            _ if error.silent => Some(Reach::Silent),
            _ => None,
        };
        self.probe_at_us = Some(now_us + self.probe_wait());
    }

    /// The answer of a probe.
    pub fn probed(&mut self, reach: Reach, now_us: i64) {
        if self.reach.is_some_and(|before| reach > before) {
            self.failures = 0;
            self.attempt_at_us = now_us;
        }
        self.reach = Some(reach);
        self.probe_at_us = Some(now_us + self.probe_wait());
    }

    fn probe_wait(&mut self) -> i64 {
        PROBE_US + self.below(PROBE_US / 10)
    }

    /// The wait and up to a quarter of it.
    fn spread(&mut self, wait_us: i64) -> i64 {
        wait_us + self.below(wait_us / 4)
    }

    /// A number from zero to below the bound (SplitMix64: its quality is ample, and it needs no state but this).
    fn below(&mut self, bound: i64) -> i64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 2) as i64 % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(cause: Cause) -> CameraError {
        CameraError::new(cause, "test")
    }

    /// Drives a machine through simulated time; `camera` says what a probe and what an attempt meet at a moment.
    fn attempts(seed: u64, until_us: i64, camera: impl Fn(i64) -> (Reach, Option<CameraError>)) -> Vec<i64> {
        let mut retry = Retry::new(seed, 0);
        let mut tried = Vec::new();
        let mut wakes = 0;
        loop {
            let (at_us, wake) = retry.next();
            if at_us > until_us {
                return tried;
            }
            wakes += 1;
            assert!(wakes < 100_000, "seed {seed}: it spins");
            let (reach, error) = camera(at_us);
            match (wake, error) {
                (Wake::Probe, _) => retry.probed(reach, at_us),
                (Wake::Attempt, Some(error)) => {
                    tried.push(at_us);
                    retry.failed(&error, at_us);
                }
                (Wake::Attempt, None) => {
                    tried.push(at_us);
                    return tried;
                }
            }
        }
    }

    #[test]
    fn a_camera_that_comes_back_is_opened_within_a_second_however_long_it_was_away() {
        for seed in 0..500 {
            for down in [error(Cause::Refused), error(Cause::Unreachable), CameraError::silent("frozen")] {
                let back_us = 3_000_000 + (seed as i64 * 1_234_567) % 900_000_000;
                let reach = if down.silent { Reach::Silent } else { Reach::Closed };
                let tried = attempts(seed, back_us + 60_000_000, |now_us| {
                    if now_us < back_us { (reach, Some(down.clone())) } else { (Reach::Answers, None) }
                });
                let opened_us = *tried.last().unwrap();
                assert!((back_us..back_us + 1_000_000).contains(&opened_us), "seed {seed}: {}", opened_us - back_us);
            }
        }
    }

    #[test]
    fn repeated_failures_back_off_from_one_to_thirty_seconds() {
        for seed in 0..200 {
            for cause in [Cause::Refused, Cause::NoSuchPath, Cause::UnknownHost, Cause::Stalled, Cause::Protocol] {
                let reach = if cause == Cause::Refused { Reach::Closed } else { Reach::Answers };
                let tried = attempts(seed, 600_000_000, |_| (reach, Some(error(cause))));
                let waits: Vec<_> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
                assert!((1_000_000..=1_250_000).contains(&waits[0]), "seed {seed} {cause}: {waits:?}");
                assert!(waits.iter().all(|&wait| (1_000_000..=30_000_000).contains(&wait)), "seed {seed}: {waits:?}");
                assert!(*waits.last().unwrap() >= 24_000_000, "seed {seed} {cause}: {waits:?}");
            }
        }
    }

    #[test]
    fn a_wrong_password_waits_a_minute_whatever_the_network_does() {
        for seed in 0..200 {
            let tried = attempts(seed, 3_600_000_000, |now_us| {
                let reach = if (now_us / 1_000_000) % 2 == 0 { Reach::Closed } else { Reach::Answers };
                (reach, Some(error(Cause::WrongPassword)))
            });
            assert!(tried.windows(2).all(|pair| pair[1] - pair[0] >= PASSWORD_WAIT_US), "seed {seed}: {tried:?}");
            assert!(tried.len() >= 10, "seed {seed}: it gave up");
        }
    }

    #[test]
    fn a_stream_that_had_run_is_reopened_at_once_and_a_flapping_one_is_not() {
        let mut retry = Retry::new(1, 0);
        retry.streaming(1_000_000);
        retry.failed(&error(Cause::Ended), 60_000_000);
        assert!(retry.next().0 - 60_000_000 <= 250_000);
        let mut now_us = 70_000_000;
        for _ in 0..8 {
            retry.streaming(now_us);
            now_us += 500_000;
            retry.failed(&error(Cause::Ended), now_us);
        }
        assert!(retry.attempt_at_us - now_us >= 24_000_000);
    }

    #[test]
    fn a_flapping_port_costs_at_most_one_attempt_a_probe() {
        for seed in 0..100 {
            let tried = attempts(seed, 300_000_000, |now_us| {
                let reach = if (now_us / 700_000) % 2 == 0 { Reach::Closed } else { Reach::Answers };
                (reach, Some(error(Cause::Refused)))
            });
            let least = tried.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap();
            assert!(least >= PROBE_US, "seed {seed}: {least}");
        }
    }
}
