//! Where an object was in the last seconds: what the rules about movement have in common.

use std::collections::VecDeque;

use crate::picture::Point;

/// Samples that are kept, about: a long time at many samples a second is thinned out.
const SAMPLES_MAX: i64 = 32;

/// The samples of one object, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Path(VecDeque<(i64, Point)>);

impl Path {
    /// Adds a sample; keeps what is needed to look back `span_us`: at most one that is older, and at least three.
    pub(super) fn remember(&mut self, t_us: i64, at: Point, span_us: i64) {
        let samples = &mut self.0;
        let close = |from: Option<&(i64, Point)>| from.is_some_and(|from| t_us - from.0 < span_us / SAMPLES_MAX);
        if samples.len() >= 2 && close(samples.get(samples.len() - 2)) {
            samples.pop_back();
        }
        samples.push_back((t_us, at));
        while samples.len() > 3 && t_us - samples[1].0 >= span_us {
            samples.pop_front();
        }
    }

    /// The first, the middle and the last sample of a whole span; none before it is over.
    pub(super) fn span(&self, span_us: i64) -> Option<[(i64, Point); 3]> {
        let (first, last) = (*self.0.front()?, *self.0.back()?);
        let half_us = i64::midpoint(first.0, last.0);
        let middle = self.0.iter().min_by_key(|(t_us, _)| (t_us - half_us).abs())?;
        (last.0 - first.0 >= span_us && self.0.len() >= 3).then_some([first, *middle, last])
    }

    /// All samples.
    pub(super) fn samples(&self) -> impl Iterator<Item = (i64, Point)> {
        self.0.iter().copied()
    }

    /// The time of the last one.
    pub(super) fn last_us(&self) -> Option<i64> {
        self.0.back().map(|last| last.0)
    }
}
