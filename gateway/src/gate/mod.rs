//! What of a camera is decoded. Pure: it is given coded pictures (size, keyframe, media time) and what the analysis says,
//! and answers what is to be done with each. Keeping the pictures is [`Ring`]'s business, decoding them `decode`'s.
//!
//! - **Live**: every picture is decoded. Where the analysis has seen nothing move for [`CALM_US`], the gate goes
//! - **idle**: keyframes only are decoded and looked at; the rest is kept, coded, in the ring. It wakes
//!   1. where the sizes of the pictures tell movement ([`Sizes`]): the kept pictures of the group are decoded with their
//!      own times, and
//!   2. where a keyframe shows anything else than before: the ring is decoded from its oldest keyframe on, up to two
//!      groups back, so that what began between two keyframes is seen from its beginning.
//!
//! A keyframe that is looked at while idle changes nothing in the analysis unless it shows what was there before;
//! otherwise it is looked at again in its turn. Every picture is decoded at most once beside the keyframes, so the worst
//! stream costs what decoding everything costs and a keyframe each group.
//!
//! Where a stream does not allow it (groups too long or too large, pictures that are sent out of order, a decoder that
//! keeps keyframes back) everything is decoded, and [`Reason`] says why in words for whoever set up the camera.

pub mod attention;
pub mod ring;
pub mod sizes;
pub mod tally;
#[cfg(test)]
mod tests;

pub use attention::{Attention, Stir, View};
pub use ring::Ring;
pub use sizes::Sizes;
pub use tally::{Reason, Tally};

/// Nothing must have moved for so long before a camera goes idle. Short, because going idle loses nothing: what is not
/// decoded is kept, and the next keyframe tells whether it was right.
pub const CALM_US: i64 = 500_000;
/// It stays awake until the analysis has seen so much of what came after what woke it.
const AWAKE_US: i64 = 400_000;
/// The analysis counts as up to date if it is not farther behind than this.
const BEHIND_MAX_US: i64 = 1_000_000;
/// With objects that stand still, groups may last so long: the tracker must see them again before it gives them up.
const STILL_GROUP_US_MAX: i64 = 2_300_000;
/// So many groups in a row must have been in order and within bounds.
const GOOD_GROUPS_MIN: u32 = 2;
/// So many keyframes in a row that did not come out of the decoder before the next one went in are kept back …
const UNSEEN_MAX: u32 = 3;
/// … and the stream is decoded whole for so long.
const KEPT_BACK_US: i64 = 60_000_000;

/// What the gate looks at of a coded picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coded {
    /// Its size.
    pub bytes: usize,
    /// Decoding can begin with it.
    pub keyframe: bool,
    /// Its time.
    pub media_us: i64,
    /// Packets were lost before it.
    pub lost: bool,
}

/// What is to be done with a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Decode it.
    Decode,
    /// Decode it and look whether anything has changed.
    Glance,
    /// It stays in the ring.
    Hold,
    /// Decode the newest so many pictures of the ring, then itself.
    Newest(usize),
    /// Decode the ring from its oldest keyframe on, then itself.
    Rewind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Live { since_us: i64, woken: Option<Woken>, moved: bool },
    Idle { held: usize },
}

/// What woke it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The sizes.
    Sizes,
    /// A keyframe.
    Keyframe,
    /// The stream no longer allows it.
    Stream,
}

/// The group of pictures that is coming in.
#[derive(Debug, Clone, Copy)]
struct Group {
    from_us: i64,
    calm: bool,
    in_order: bool,
    glanced: bool,
}

/// One camera's gate.
#[derive(Debug)]
pub struct Gate {
    state: State,
    sizes: Sizes,
    group: Option<Group>,
    newest_us: i64,
    last_group_us: i64,
    good_groups: u32,
    /// Keyframes in a row that were decoded and not seen before the next one.
    unseen: u32,
    kept_back_until_us: i64,
    /// The keyframe that last woke it, so that it wakes once.
    answered_us: i64,
    reason: Reason,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            state: State::Live { since_us: i64::MIN, woken: None, moved: false },
            sizes: Sizes::default(),
            group: None,
            newest_us: i64::MIN,
            last_group_us: 0,
            good_groups: 0,
            unseen: 0,
            kept_back_until_us: i64::MIN,
            answered_us: i64::MIN,
            reason: Reason::Starting,
        }
    }
}

impl Gate {
    /// Decides on the next picture in decoding order. `whole`: the ring has its group from the keyframe on, and has room
    /// for it.
    pub fn decide(&mut self, coded: &Coded, view: &View, whole: bool) -> Verdict {
        let moving = self.note_movement(view);
        if coded.keyframe {
            self.begin_group(coded, view, moving);
        } else {
            self.note_order(coded);
        }
        self.newest_us = self.newest_us.max(coded.media_us);
        let unusual = !coded.keyframe && self.sizes.picture(coded.bytes, coded.media_us);
        if let Some(group) = &mut self.group {
            // Pictures after a loss say nothing of what is usual.
            group.calm &= !moving && !coded.lost;
        }
        match self.state {
            State::Live { .. } => self.decide_live(coded, view, whole, unusual),
            State::Idle { held } => self.decide_idle(coded, view, whole, unusual, held),
        }
    }

    /// The stream is over or the decoder is another: the next picture starts live. What is usual is kept.
    pub fn restart(&mut self) {
        let sizes = std::mem::take(&mut self.sizes);
        *self = Self { sizes, kept_back_until_us: self.kept_back_until_us, ..Self::default() };
        self.sizes.keyframe(false);
        self.sizes.calm();
    }

    /// Whether only keyframes are decoded now.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle { .. })
    }

    /// Why it decodes what it does.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    fn decide_live(&mut self, coded: &Coded, view: &View, whole: bool, unusual: bool) -> Verdict {
        let State::Live { since_us, woken, moved } = self.state else { return Verdict::Decode };
        self.reason = self.obstacle(coded, view, whole, since_us, unusual);
        if self.reason != Reason::Idle && self.reason != Reason::IdleKeyframes {
            return Verdict::Decode;
        }
        if woken == Some(Woken::Sizes) && !moved {
            self.sizes.was_false(coded.media_us);
        }
        self.sizes.calm();
        if coded.keyframe {
            self.state = State::Idle { held: 0 };
            if let Some(group) = &mut self.group {
                group.glanced = true;
            }
            return Verdict::Glance;
        }
        self.state = State::Idle { held: 1 };
        Verdict::Hold
    }

    fn decide_idle(&mut self, coded: &Coded, view: &View, whole: bool, unusual: bool, held: usize) -> Verdict {
        if !whole || self.good_groups < GOOD_GROUPS_MIN || self.kept_back_until_us > coded.media_us {
            let verdict = self.replay(view, held, coded);
            self.wake(coded, Woken::Stream);
            return verdict;
        }
        if let Some((glance_us, true)) = view.glance
            && glance_us > self.answered_us
        {
            self.answered_us = glance_us;
            self.wake(coded, Woken::Keyframe);
            return Verdict::Rewind;
        }
        if unusual {
            let verdict = self.replay(view, held, coded);
            self.wake(coded, Woken::Sizes);
            return verdict;
        }
        if coded.keyframe {
            self.state = State::Idle { held: 0 };
            if let Some(group) = &mut self.group {
                group.glanced = true;
            }
            return Verdict::Glance;
        }
        self.state = State::Idle { held: held + 1 };
        Verdict::Hold
    }

    /// From where the decoder stands, where nothing is open about the keyframe that it stands at.
    fn replay(&self, view: &View, held: usize, coded: &Coded) -> Verdict {
        let Some(group) = self.group else { return Verdict::Decode };
        let seen = view.glance.is_some_and(|(glance_us, _)| glance_us >= group.from_us);
        if coded.keyframe {
            Verdict::Rewind
        } else if !group.glanced || seen {
            Verdict::Newest(held)
        } else {
            Verdict::Rewind
        }
    }

    fn wake(&mut self, coded: &Coded, woken: Woken) {
        self.reason = match woken {
            Woken::Sizes => Reason::Sizes,
            Woken::Keyframe => Reason::Keyframe,
            Woken::Stream => self.reason,
        };
        self.state = State::Live { since_us: coded.media_us, woken: Some(woken), moved: false };
    }

    /// What keeps a live camera from going idle; [`Reason::Idle`] or [`Reason::IdleKeyframes`] where nothing does.
    fn obstacle(&self, coded: &Coded, view: &View, whole: bool, since_us: i64, unusual: bool) -> Reason {
        if self.kept_back_until_us > coded.media_us {
            return Reason::KeptBack;
        }
        if self.group.is_some_and(|group| !group.in_order) {
            return Reason::OutOfOrder;
        }
        if !whole || self.last_group_us > ring::GROUP_US_MAX {
            return if self.group.is_some() { Reason::LongGroups } else { Reason::Starting };
        }
        if self.good_groups < GOOD_GROUPS_MIN {
            return if matches!(self.reason, Reason::OutOfOrder | Reason::LongGroups) {
                self.reason
            } else {
                Reason::Starting
            };
        }
        let awake = view.seen_us.is_none_or(|seen_us| seen_us.saturating_sub(since_us) < AWAKE_US);
        let Some(calm_since_us) = view.calm_since_us.filter(|_| !awake && !unusual) else {
            return match self.reason {
                Reason::Sizes | Reason::Keyframe => self.reason,
                _ => Reason::Moving,
            };
        };
        if view.stir == Stir::Still && self.last_group_us > STILL_GROUP_US_MAX {
            return Reason::StillLongGroups;
        }
        let behind_us = view.seen_us.map_or(i64::MAX, |seen_us| coded.media_us.saturating_sub(seen_us));
        if coded.media_us - calm_since_us < CALM_US || behind_us > BEHIND_MAX_US {
            return Reason::Moving;
        }
        if self.sizes.is_used(coded.media_us) { Reason::Idle } else { Reason::IdleKeyframes }
    }

    /// Whether something moves by what the analysis says; learns from it whether the last alarm was right.
    fn note_movement(&mut self, view: &View) -> bool {
        let moving = view.stir == Stir::Moving;
        if let State::Live { woken, moved, .. } = &mut self.state
            && moving
            && !std::mem::replace(moved, true)
            && *woken == Some(Woken::Sizes)
        {
            self.sizes.was_true();
        }
        moving
    }

    fn begin_group(&mut self, coded: &Coded, view: &View, moving: bool) {
        if let Some(group) = self.group.take() {
            self.last_group_us = coded.media_us - group.from_us;
            let good = group.in_order && (1..=ring::GROUP_US_MAX).contains(&self.last_group_us);
            self.good_groups = if good { self.good_groups + 1 } else { 0 };
            let unseen = group.glanced && view.glance.is_none_or(|(glance_us, _)| glance_us < group.from_us);
            self.unseen = if unseen { self.unseen + 1 } else { 0 };
            if self.unseen >= UNSEEN_MAX {
                self.unseen = 0;
                self.kept_back_until_us = coded.media_us.saturating_add(KEPT_BACK_US);
            }
            self.sizes.keyframe(group.calm && !moving);
        }
        self.group = Some(Group { from_us: coded.media_us, calm: true, in_order: true, glanced: false });
    }

    fn note_order(&mut self, coded: &Coded) {
        if let Some(group) = &mut self.group
            && coded.media_us < self.newest_us
        {
            group.in_order = false;
            self.good_groups = 0;
            self.reason = Reason::OutOfOrder;
        }
    }
}
