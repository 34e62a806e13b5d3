//! Why a camera is decoded as it is, in a word for machines and a sentence for technicians, and what became of its coded
//! pictures in numbers. Written by the camera's task, read by the status page and the metrics.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Why a camera is decoded as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its stream is not known yet.
    Starting,
    /// As configured.
    Configured,
    /// Something moves.
    Moving,
    /// The sizes of the coded pictures told movement.
    Sizes,
    /// A keyframe showed something new.
    Keyframe,
    /// Idle, with an eye on the sizes.
    Idle,
    /// Idle; the sizes tell nothing on this stream.
    IdleKeyframes,
    /// Keyframes are too far apart, or the pictures between them too large to be kept.
    LongGroups,
    /// The same with objects that stand still.
    StillLongGroups,
    /// The stream has pictures that refer to later ones.
    OutOfOrder,
    /// The decoder keeps keyframes back.
    KeptBack,
}

impl Reason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Reason; 11] = [
        Reason::Starting,
        Reason::Configured,
        Reason::Moving,
        Reason::Sizes,
        Reason::Keyframe,
        Reason::Idle,
        Reason::IdleKeyframes,
        Reason::LongGroups,
        Reason::StillLongGroups,
        Reason::OutOfOrder,
        Reason::KeptBack,
    ];

    /// The word in `/status`.
    pub fn code(self) -> &'static str {
        self.words().0
    }

    /// Whether only keyframes are decoded.
    pub fn is_idle(self) -> bool {
        matches!(self, Reason::Idle | Reason::IdleKeyframes)
    }

    /// Code, Chinese, English.
    pub fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Reason::Starting => ("starting", "正在了解码流,暂时全部解码", "getting to know the stream; all is decoded"),
            Reason::Configured => ("configured", "按配置全部解码", "all is decoded, as configured"),
            Reason::Moving => ("moving", "画面中有活动,全部解码", "something moves; all is decoded"),
            Reason::Sizes => {
                ("sizes", "码流大小显示有活动,全部解码", "the stream's sizes tell movement; all is decoded")
            }
            Reason::Keyframe => {
                ("keyframe", "关键帧中出现变化,全部解码", "a keyframe showed something new; all is decoded")
            }
            Reason::Idle => (
                "idle",
                "画面静止,只解码关键帧,并监视码流大小",
                "nothing moves; keyframes only, and the stream's sizes are watched",
            ),
            Reason::IdleKeyframes => (
                "idle_keyframes",
                "画面静止,只解码关键帧(此码流的大小看不出活动)",
                "nothing moves; keyframes only (on this stream sizes tell nothing)",
            ),
            Reason::LongGroups => (
                "long_groups",
                "关键帧间隔过长或码率过高,只能全部解码;请把摄像机的关键帧间隔设为 2 秒",
                "keyframes are too far apart, or the rate too high to keep: all is decoded; set the keyframe interval to 2 s",
            ),
            Reason::StillLongGroups => (
                "still_long_groups",
                "有静止目标且关键帧间隔超过 2 秒,全部解码;请把关键帧间隔设为 2 秒",
                "objects stand still and keyframes are more than 2 s apart: all is decoded; set the interval to 2 s",
            ),
            Reason::OutOfOrder => (
                "out_of_order",
                "码流含 B 帧,只能全部解码;请在摄像机上关闭 B 帧",
                "the stream has B-pictures: all is decoded; switch them off at the camera",
            ),
            Reason::KeptBack => (
                "kept_back",
                "解码器滞留关键帧,暂时全部解码",
                "the decoder keeps keyframes back; all is decoded for now",
            ),
        }
    }
}

/// What became of one camera's coded pictures. Counts only grow.
#[derive(Debug)]
pub struct Tally {
    reason: AtomicU8,
    /// Handed to the decoder, replays included.
    pub decoded: AtomicU64,
    /// Kept coded because nothing moved. Those that were decoded later after all are in `replayed` too.
    pub held: AtomicU64,
    /// Decoded later than they came, because it woke.
    pub replayed: AtomicU64,
    /// Keyframes that were looked at while idle.
    pub glances: AtomicU64,
    /// How often the sizes woke it.
    pub woken_by_sizes: AtomicU64,
    /// How often a keyframe did.
    pub woken_by_keyframes: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        let count = AtomicU64::default;
        Self {
            reason: AtomicU8::new(Reason::Starting as u8),
            decoded: count(),
            held: count(),
            replayed: count(),
            glances: count(),
            woken_by_sizes: count(),
            woken_by_keyframes: count(),
        }
    }
}

impl Tally {
    /// Why it is decoded as it is.
    pub fn reason(&self) -> Reason {
        let number = usize::from(self.reason.load(Ordering::Relaxed));
        Reason::ALL.get(number).copied().unwrap_or(Reason::Starting)
    }

    /// Says why.
    pub fn set_reason(&self, reason: Reason) {
        self.reason.store(reason as u8, Ordering::Relaxed);
    }

    /// Adds to a count.
    pub fn add(count: &AtomicU64, more: usize) {
        count.fetch_add(more as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_number_and_a_word_of_its_own_in_two_languages() {
        let tally = Tally::default();
        for reason in Reason::ALL {
            tally.set_reason(reason);
            assert_eq!(tally.reason(), reason);
            let (code, zh, en) = reason.words();
            assert!(Reason::ALL.iter().filter(|other| other.code() == code).count() == 1);
            assert!(!zh.is_empty() && en.is_ascii());
        }
    }
}
