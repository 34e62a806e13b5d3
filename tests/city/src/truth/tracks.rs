//! True objects as the tracker would show them to the rules: an identity is a track's number, what is hidden for a while
//! is predicted, what is hidden for long is gone.

use yiwang_inference::picture::Rect;
use yiwang_inference::track::{Track, TrackerConfig};

use super::{CLASSES, Seen};

/// The objects of one camera with what a track remembers.
#[derive(Debug, Default)]
pub(super) struct TrueTracks {
    known: Vec<Track>,
    shown: Vec<Track>,
}

impl TrueTracks {
    /// The tracks of a picture in which these objects are seen, with these boxes. A track is shown from its second
    /// sighting on.
    pub(super) fn step<'a>(&mut self, t_us: i64, seen: impl Iterator<Item = (&'a Seen, Rect)>) -> &[Track] {
        let lost_us = TrackerConfig::default().lost_us;
        self.known.retain(|track| t_us - track.last_seen_us <= lost_us);
        for track in &mut self.known {
            track.predicted = true;
        }
        for (seen, bbox) in seen {
            let id = u64::from(seen.id);
            match self.known.binary_search_by_key(&id, |track| track.id) {
                Ok(index) => see(&mut self.known[index], t_us, bbox),
                Err(index) => self.known.insert(index, begin(id, seen.class, t_us, bbox)),
            }
        }
        self.shown.clear();
        self.shown.extend(self.known.iter().filter(|track| track.sightings >= 2).cloned());
        &self.shown
    }

    /// Forgets all objects.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.shown.clear();
    }
}

fn begin(id: u64, class: &str, t_us: i64, bbox: Rect) -> Track {
    let class = (0u16..).zip(CLASSES).find(|(_, name)| *name == class).map_or(u16::MAX, |(index, _)| index);
    Track {
        id,
        class,
        score: 1.0,
        bbox,
        predicted: false,
        left_picture: false,
        velocity: [0.0; 2],
        first_seen_us: t_us,
        first_bbox: bbox,
        last_seen_us: t_us,
        sightings: 1,
    }
}

fn see(track: &mut Track, t_us: i64, bbox: Rect) {
    let dt_s = (t_us - track.last_seen_us) as f32 / 1e6;
    if dt_s > 0.0 {
        let (before, now) = (track.bbox.centre(), bbox.centre());
        // Smoothed over half a second, as a filter would.
        let part = (dt_s / 0.5).min(1.0);
        let measured = [(now.x - before.x) / dt_s, (now.y - before.y) / dt_s];
        for (velocity, measured) in track.velocity.iter_mut().zip(measured) {
            *velocity += (measured - *velocity) * part;
        }
    }
    track.bbox = bbox;
    track.predicted = false;
    track.last_seen_us = t_us;
    track.sightings += 1;
}
