//! One picture as cameras encode it: planar YCbCr, colour at half the resolution.

/// An I420 picture, ITU-R BT.601 limited range. Rows have no padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Width, pixels; even.
    pub width_px: u32,
    /// Height, pixels; even.
    pub height_px: u32,
    /// Luma, 16–235, one byte a pixel.
    pub y: Vec<u8>,
    /// Blue difference around 128, one byte for 2×2 pixels.
    pub u: Vec<u8>,
    /// Red difference around 128, one byte for 2×2 pixels.
    pub v: Vec<u8>,
}

impl Frame {
    /// A black picture; odd sizes are rounded up to even ones.
    pub fn new(width_px: u32, height_px: u32) -> Frame {
        let (width_px, height_px) = (width_px.next_multiple_of(2), height_px.next_multiple_of(2));
        let luma = width_px as usize * height_px as usize;
        Frame { width_px, height_px, y: vec![16; luma], u: vec![128; luma / 4], v: vec![128; luma / 4] }
    }

    /// The planes one behind the other, as an encoder takes them.
    pub fn to_i420(&self) -> Vec<u8> {
        [self.y.as_slice(), &self.u, &self.v].concat()
    }

    /// The picture as packed 8-bit RGB rows.
    pub fn to_rgb(&self) -> Vec<u8> {
        let width = self.width_px as usize;
        let mut rgb = Vec::with_capacity(self.y.len() * 3);
        for (index, &luma) in self.y.iter().enumerate() {
            let colour = index / width / 2 * (width / 2) + index % width / 2;
            let y = 1.164 * (f32::from(luma) - 16.0);
            let (u, v) = (f32::from(self.u[colour]) - 128.0, f32::from(self.v[colour]) - 128.0);
            rgb.extend([y + 1.596 * v, y - 0.392 * u - 0.813 * v, y + 2.017 * u].map(|part| part.round() as u8));
        }
        rgb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_picture_is_black_and_holds_one_and_a_half_bytes_a_pixel() {
        let frame = Frame::new(5, 3);
        assert_eq!((frame.width_px, frame.height_px, frame.to_i420().len()), (6, 4, 36));
        assert!(frame.to_rgb().iter().all(|&part| part == 0));
    }

    #[test]
    fn the_corners_of_limited_range_are_white_and_red() {
        let mut frame = Frame::new(2, 2);
        frame.y = vec![235; 4];
        assert_eq!(frame.to_rgb()[..3], [255, 255, 255]);
        (frame.y, frame.u, frame.v) = (vec![81; 4], vec![90], vec![240]);
        assert!(frame.to_rgb()[0] > 250 && frame.to_rgb()[1] < 4 && frame.to_rgb()[2] < 4, "{:?}", frame.to_rgb());
    }
}
