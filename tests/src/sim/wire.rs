//! One QUIC connection as both sides see it, without a network: streams are reliable and in order, streams overtake each
//! other, and the connection can end at any byte. Loss of datagrams shows as delay of one stream, as it does in QUIC.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rand::RngExt;
use rand::rngs::StdRng;

/// Which stream, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stream {
    /// Control, from the gateway.
    Up,
    /// Control, from the hub.
    Down,
    /// Events, from the gateway.
    Events(u64),
}

/// How bad the network is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) delay_us: i64,
    pub(super) jitter_us: i64,
    /// Share of pieces that had to be sent again.
    pub(super) loss: f64,
}

/// When a piece arrives, its place in the order of sending, its stream and its bytes.
type Piece = (i64, u64, Stream, Vec<u8>);

/// A connection with what is under way in it.
pub(super) struct Wire {
    weather: Weather,
    under_way: BinaryHeap<Reverse<Piece>>,
    /// When the last piece of each stream arrives: nothing overtakes within a stream.
    last_us: BTreeMap<Stream, i64>,
    order: u64,
}

impl Wire {
    pub(super) fn new(weather: Weather) -> Self {
        Self { weather, under_way: BinaryHeap::new(), last_us: BTreeMap::new(), order: 0 }
    }

    /// Sends, cut into pieces as packets would be.
    pub(super) fn send(&mut self, rng: &mut StdRng, now_us: i64, stream: Stream, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rng.random_range(1..=rest.len().min(1200)));
            self.push(rng, now_us, stream, piece.to_vec());
            rest = after;
        }
    }

    /// What has arrived by now, in order of arrival.
    pub(super) fn arrived(&mut self, now_us: i64) -> Option<(Stream, Vec<u8>)> {
        if self.under_way.peek().is_some_and(|Reverse((at_us, ..))| *at_us <= now_us) {
            return self.under_way.pop().map(|Reverse((_, _, stream, piece))| (stream, piece));
        }
        None
    }

    fn push(&mut self, rng: &mut StdRng, now_us: i64, stream: Stream, piece: Vec<u8>) {
        let mut at_us = now_us + self.weather.delay_us + rng.random_range(0..=self.weather.jitter_us);
        while rng.random_bool(self.weather.loss) {
            at_us += 3 * self.weather.delay_us + 10_000;
        }
        let last_us = self.last_us.entry(stream).or_insert(0);
        *last_us = at_us.max(*last_us);
        self.order += 1;
        self.under_way.push(Reverse((*last_us, self.order, stream, piece)));
    }
}
