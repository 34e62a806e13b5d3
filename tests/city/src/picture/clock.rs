//! The clock and the name that cameras write into their pictures: white digits with a dark edge.

use super::{Frame, sensor::unit};
use crate::camera::Camera;

/// Glyphs of 5×7 pixels, the highest of the five bits to the left. Small letters are written as capitals; what is not
/// here is a gap.
#[rustfmt::skip]
const GLYPHS: [(u8, [u8; 7]); 41] = [
    (b'0', [0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E]),
    (b'1', [0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E]),
    (b'2', [0x0E, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1F]),
    (b'3', [0x1E, 0x01, 0x01, 0x0E, 0x01, 0x01, 0x1E]),
    (b'4', [0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02]),
    (b'5', [0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E]),
    (b'6', [0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E]),
    (b'7', [0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08]),
    (b'8', [0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E]),
    (b'9', [0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C]),
    (b'A', [0x0E, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11]),
    (b'B', [0x1E, 0x11, 0x11, 0x1E, 0x11, 0x11, 0x1E]),
    (b'C', [0x0E, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0E]),
    (b'D', [0x1C, 0x12, 0x11, 0x11, 0x11, 0x12, 0x1C]),
    (b'E', [0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x1F]),
    (b'F', [0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x10]),
    (b'G', [0x0E, 0x11, 0x10, 0x17, 0x11, 0x11, 0x0F]),
    (b'H', [0x11, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11]),
    (b'I', [0x0E, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0E]),
    (b'J', [0x07, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0C]),
    (b'K', [0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11]),
    (b'L', [0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1F]),
    (b'M', [0x11, 0x1B, 0x15, 0x15, 0x11, 0x11, 0x11]),
    (b'N', [0x11, 0x19, 0x15, 0x13, 0x11, 0x11, 0x11]),
    (b'O', [0x0E, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E]),
    (b'P', [0x1E, 0x11, 0x11, 0x1E, 0x10, 0x10, 0x10]),
    (b'Q', [0x0E, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0D]),
    (b'R', [0x1E, 0x11, 0x11, 0x1E, 0x14, 0x12, 0x11]),
    (b'S', [0x0F, 0x10, 0x10, 0x0E, 0x01, 0x01, 0x1E]),
    (b'T', [0x1F, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04]),
    (b'U', [0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E]),
    (b'V', [0x11, 0x11, 0x11, 0x11, 0x11, 0x0A, 0x04]),
    (b'W', [0x11, 0x11, 0x11, 0x15, 0x15, 0x1B, 0x11]),
    (b'X', [0x11, 0x11, 0x0A, 0x04, 0x0A, 0x11, 0x11]),
    (b'Y', [0x11, 0x11, 0x0A, 0x04, 0x04, 0x04, 0x04]),
    (b'Z', [0x1F, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1F]),
    (b'-', [0x00, 0x00, 0x00, 0x1F, 0x00, 0x00, 0x00]),
    (b':', [0x00, 0x04, 0x04, 0x00, 0x04, 0x04, 0x00]),
    (b'.', [0x00, 0x00, 0x00, 0x00, 0x00, 0x0C, 0x0C]),
    (b'/', [0x01, 0x01, 0x02, 0x04, 0x08, 0x10, 0x10]),
    (b'#', [0x0A, 0x0A, 0x1F, 0x0A, 0x1F, 0x0A, 0x0A]),
];
/// Width of a glyph with its gap.
const ADVANCE: usize = 6;
const ROWS: usize = 7;
/// China has one time zone, eight hours before UTC.
const ZONE_S: i64 = 8 * 3600;

/// Where and how large one camera writes.
pub(super) struct Clock {
    name: String,
    /// Pixels a dot.
    dot_px: usize,
    /// The date is at the bottom, the name at the top.
    swapped: bool,
}

impl Clock {
    pub(super) fn new(camera: &Camera, seed: u64) -> Clock {
        let name = if camera.name_en.is_ascii() { &camera.name_en } else { &camera.id };
        Clock { name: name.clone(), dot_px: (camera.size_px.1 as usize / 180).max(1), swapped: unit(seed, 60) < 0.3 }
    }

    /// Writes the time, microseconds since 1970 UTC, and the camera's name.
    pub(super) fn show(&self, frame: &mut Frame, utc_us: i64) {
        let (width, height) = (frame.width_px as usize, frame.height_px as usize);
        let margin = 6 * self.dot_px;
        let line = ROWS * self.dot_px;
        let (top, bottom) = (margin, height.saturating_sub(margin + line));
        let (time_y, name_y) = if self.swapped { (bottom, top) } else { (top, bottom) };
        self.write(frame, &date_and_time(utc_us), (margin, time_y));
        let length = self.name.len() * ADVANCE * self.dot_px;
        self.write(frame, &self.name, (width.saturating_sub(margin + length), name_y));
    }

    fn write(&self, frame: &mut Frame, text: &str, (left, top): (usize, usize)) {
        // The edge first, so that no glyph's edge lies on its neighbour.
        for (spread, luma) in [(self.dot_px.div_ceil(2), 16), (0, 235)] {
            for (place, letter) in text.bytes().enumerate() {
                let letter = letter.to_ascii_uppercase();
                let Some((_, rows)) = GLYPHS.iter().find(|(of, _)| *of == letter) else { continue };
                for (y, bits) in rows.iter().enumerate() {
                    for x in (0..5).filter(|x| bits >> (4 - x) & 1 == 1) {
                        let corner = (left + (place * ADVANCE + x) * self.dot_px, top + y * self.dot_px);
                        self.dot(frame, corner, spread, luma);
                    }
                }
            }
        }
    }

    fn dot(&self, frame: &mut Frame, (left, top): (usize, usize), spread: usize, luma: u8) {
        let (width, height) = (frame.width_px as usize, frame.height_px as usize);
        for y in top.saturating_sub(spread)..(top + self.dot_px + spread).min(height) {
            let from = left.saturating_sub(spread).min(width);
            let to = (left + self.dot_px + spread).min(width);
            frame.y[y * width + from..y * width + to].fill(luma);
            let (from, to) = (from / 2, to.div_ceil(2));
            for plane in [&mut frame.u, &mut frame.v] {
                plane[y / 2 * (width / 2) + from..y / 2 * (width / 2) + to].fill(128);
            }
        }
    }
}

/// Local date and time to the second. Civil date from days after Hinnant, "chrono-compatible low-level date algorithms".
fn date_and_time(utc_us: i64) -> String {
    let local_s = utc_us.div_euclid(1_000_000) + ZONE_S;
    let (days, second) = (local_s.div_euclid(86_400), local_s.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::sensor::tests::camera;

    #[test]
    fn the_time_is_the_local_one() {
        assert_eq!(date_and_time(0), "1970-01-01 08:00:00");
        assert_eq!(date_and_time(1_709_164_799_000_000), "2024-02-29 07:59:59");
        assert_eq!(date_and_time(1_798_761_600_000_000), "2027-01-01 08:00:00");
    }

    #[test]
    fn the_digits_are_seen_on_white_and_on_black_and_change_with_the_second() {
        for level in [16, 235] {
            let mut frame = Frame::new(640, 360);
            frame.y.fill(level);
            let clock = Clock::new(&camera(None), 1);
            clock.show(&mut frame, 0);
            let written = frame.y.iter().filter(|value| **value != level).count();
            assert!(written > 1000, "{written}");
            let mut next = frame.clone();
            clock.show(&mut next, 1_000_000);
            assert_ne!(frame, next);
        }
    }

    #[test]
    fn a_small_picture_is_not_written_beyond() {
        let mut frame = Frame::new(32, 16);
        Clock::new(&camera(None), 1).show(&mut frame, 0);
        assert_eq!(frame.y.len(), 512);
    }
}
