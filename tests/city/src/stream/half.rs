//! A picture of half the width and height, for sub-streams.

use crate::picture::Frame;

/// The mean of each 2×2 samples. A last odd row or column is left out.
pub(super) fn half(frame: &Frame, small: &mut Frame) {
    let (width_px, height_px) = half_px((frame.width_px, frame.height_px));
    if (small.width_px, small.height_px) != (width_px, height_px) {
        *small = Frame::new(width_px, height_px);
    }
    let (from, to) = (frame.width_px as usize, width_px as usize);
    plane(&frame.y, from, &mut small.y, to);
    plane(&frame.u, from / 2, &mut small.u, to / 2);
    plane(&frame.v, from / 2, &mut small.v, to / 2);
}

/// The size of a sub-stream: half, and even.
pub(super) fn half_px((width_px, height_px): (u32, u32)) -> (u32, u32) {
    (width_px / 4 * 2, height_px / 4 * 2)
}

fn plane(from: &[u8], from_width: usize, to: &mut [u8], to_width: usize) {
    for (row, line) in to.chunks_exact_mut(to_width).enumerate() {
        let upper = &from[2 * row * from_width..][..2 * to_width];
        let lower = &from[(2 * row + 1) * from_width..][..2 * to_width];
        for (sample, (upper, lower)) in line.iter_mut().zip(upper.chunks_exact(2).zip(lower.chunks_exact(2))) {
            let sum = u16::from(upper[0]) + u16::from(upper[1]) + u16::from(lower[0]) + u16::from(lower[1]);
            *sample = ((sum + 2) / 4) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_samples_become_their_mean() {
        let mut frame = Frame::new(12, 8);
        frame.y[0] = 40;
        frame.y[13] = 100;
        frame.v[7] = 20;
        let mut small = Frame::new(2, 2);
        half(&frame, &mut small);
        assert_eq!((small.width_px, small.height_px), (6, 4));
        // 40 + 16 + 16 + 100 over 4.
        assert_eq!((small.y[0], small.y[1], small.v[0], small.u[0]), (43, 16, 101, 128));
    }
}
