//! One picture as a PNG file, for eyes, and what is true of it drawn into it.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use crate::picture::Frame;
use crate::truth::Seen;

/// Writes the picture. Errors are those of the file.
pub fn write_png(frame: &Frame, path: &Path) -> io::Result<()> {
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), frame.width_px, frame.height_px);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&frame.to_rgb())?;
    writer.finish()?;
    Ok(())
}

/// Draws the boxes of what is seen (white; grey where less than half is visible) and the zones and lines of rules
/// (black and white).
pub fn mark(frame: &mut Frame, seen: &[Seen], rules: &[toml::Table]) {
    for rule in rules {
        let path = |key| rule.get(key).and_then(|value| value.clone().try_into::<Vec<[f32; 2]>>().ok());
        let (path, closed) = match path("zone") {
            Some(zone) => (zone, true),
            None => (path("line").unwrap_or_default(), false),
        };
        for (index, &from) in path.iter().enumerate() {
            if closed || index + 1 < path.len() {
                line(frame, from, path[(index + 1) % path.len()], |step| if step / 4 % 2 == 0 { 16 } else { 235 });
            }
        }
    }
    for seen in seen {
        let bbox = seen.bbox;
        let corners = [[bbox.x0, bbox.y0], [bbox.x1, bbox.y0], [bbox.x1, bbox.y1], [bbox.x0, bbox.y1]];
        let luma = if seen.visible < 0.5 { 128 } else { 235 };
        for index in 0..4 {
            line(frame, corners[index], corners[(index + 1) % 4], |_| luma);
        }
    }
}

/// A line between two points, fractions of the picture; its luma by the step along it.
fn line(frame: &mut Frame, from: [f32; 2], to: [f32; 2], luma: impl Fn(usize) -> u8) {
    let (width, height) = (frame.width_px as f32 - 1.0, frame.height_px as f32 - 1.0);
    let (dx, dy) = ((to[0] - from[0]) * width, (to[1] - from[1]) * height);
    let steps = dx.abs().max(dy.abs()).ceil().max(1.0) as usize;
    for step in 0..=steps.min(20_000) {
        let part = step as f32 / steps as f32;
        let (x, y) = ((from[0] * width + dx * part).round(), (from[1] * height + dy * part).round());
        if (0.0..=width).contains(&x) && (0.0..=height).contains(&y) {
            frame.y[y as usize * frame.width_px as usize + x as usize] = luma(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_the_picture() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("still.png");
        let mut frame = Frame::new(4, 2);
        frame.y[5] = 200;
        write_png(&frame, &path).expect("written");
        let file = io::BufReader::new(File::open(&path).expect("there"));
        let mut reader = png::Decoder::new(file).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
        let info = reader.next_frame(&mut pixels).expect("one picture");
        assert_eq!((info.width, info.height), (4, 2));
        assert_eq!(pixels, frame.to_rgb());
    }

    #[test]
    fn a_box_and_a_zone_are_drawn_where_they_are() {
        let mut frame = Frame::new(64, 64);
        let bbox = yiwang_inference::picture::Rect::new(0.0, 0.0, 0.5, 0.5);
        let rule: toml::Table = toml::from_str("kind='line_cross'\nline=[[0,1],[1,1]]").expect("toml");
        mark(&mut frame, &[Seen { id: 1, class: "car", bbox, visible: 1.0 }], &[rule]);
        assert_eq!((frame.y[0], frame.y[32 * 64 + 10], frame.y[10 * 64 + 10]), (235, 235, 16));
        assert!(frame.y[63 * 64..].iter().filter(|luma| **luma == 235).count() > 20);
        assert!(frame.y[40 * 64..41 * 64].iter().all(|luma| *luma == 16));
    }
}
