//! One picture as a PNG file, for eyes.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use crate::picture::Frame;

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
}
