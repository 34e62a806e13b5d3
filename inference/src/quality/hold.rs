//! Hysteresis in media time: a fault begins when it has been seen for a while without interruption and ends when it has
//! not been seen for a while.

/// What a diagnosis says of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The fault is there.
    Present,
    /// It is not.
    Absent,
    /// It cannot be told, or is in between.
    Unclear,
}

/// What changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It begins; it was first seen at that time.
    Begin {
        /// Media time.
        since_us: i64,
    },
    /// It ends.
    End,
}

/// One fault of one camera.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hold {
    open: bool,
    since_us: Option<i64>,
}

impl Hold {
    /// Takes in a judgement; `begin_us` and `end_us` are how long it takes.
    pub(super) fn judge(&mut self, t_us: i64, state: State, begin_us: i64, end_us: i64) -> Option<Turn> {
        let (other, after_us) = if self.open { (State::Absent, end_us) } else { (State::Present, begin_us) };
        if state != other {
            self.since_us = None;
            return None;
        }
        let since_us = *self.since_us.get_or_insert(t_us);
        if t_us - since_us < after_us {
            return None;
        }
        self.since_us = None;
        self.open = !self.open;
        Some(if self.open { Turn::Begin { since_us } } else { Turn::End })
    }

    /// Whether it has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether it may be about to begin.
    pub(super) fn is_pending(&self) -> bool {
        !self.open && self.since_us.is_some()
    }

    /// Whether it has begun or may be about to.
    pub(super) fn is_suspected(&self) -> bool {
        self.open || self.since_us.is_some()
    }

    /// Forgets what was pending: time has jumped.
    pub(super) fn restart(&mut self) {
        self.since_us = None;
    }

    /// Closes it; whether it was open.
    pub(super) fn close(&mut self) -> bool {
        self.since_us = None;
        std::mem::take(&mut self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Absent, Present, Unclear};

    #[test]
    fn it_takes_time_to_begin_and_to_end_and_doubt_changes_nothing() {
        let mut hold = Hold::default();
        let states = [Present, Present, Absent, Present, Unclear, Present, Present, Present, Unclear, Present, Absent];
        let mut turns = Vec::new();
        for (second, state) in (0i64..).zip(states.into_iter().chain([Unclear, Absent, Absent, Absent, Absent])) {
            if let Some(turn) = hold.judge(second, state, 2, 2) {
                turns.push((second, turn));
            }
        }
        assert_eq!(turns, [(7, Turn::Begin { since_us: 5 }), (14, Turn::End)]);
    }
}
