//! Light that spreads in the lens around what is far brighter than the picture can show: lamps, signs, the sun.

use glam::Vec3;

use super::surface::Sent;

/// Side of the squares in which the spread light is worked out, pixels.
const BLOCK: usize = 4;

/// Adds the glare to a picture's light. What is below white at this gain spreads nothing.
pub(crate) fn spread(sent: &mut [(Sent, bool)], width: usize, gain: f32) {
    let height = sent.len() / width;
    let (columns, rows) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
    let mut bright = vec![Vec3::ZERO; columns * rows];
    let white = Vec3::splat(1.2 / gain);
    let mut any = false;
    for (index, (sent, _)) in sent.iter().enumerate() {
        let over = (sent.light - white).max(Vec3::ZERO).min(white * 8.0);
        if over.y > 0.0 {
            any = true;
            bright[index / width / BLOCK * columns + index % width / BLOCK] += over / (BLOCK * BLOCK) as f32;
        }
    }
    if !any {
        return;
    }
    // Three boxes one after the other are close to a Gaussian.
    let radius = (width / BLOCK / 40).max(1);
    for _ in 0..3 {
        blur(&mut bright, columns, rows, radius);
    }
    for (index, (sent, _)) in sent.iter_mut().enumerate() {
        let (x, y) = (index % width, index / width);
        sent.light += between(&bright, columns, rows, x, y) * 0.35;
    }
}

/// The spread light at a pixel, from the four blocks around it.
fn between(bright: &[Vec3], columns: usize, rows: usize, x: usize, y: usize) -> Vec3 {
    let place = |at: usize, count: usize| {
        let at = ((at as f32 + 0.5) / BLOCK as f32 - 0.5).max(0.0);
        let low = (at as usize).min(count - 1);
        (low, (low + 1).min(count - 1), at - low as f32)
    };
    let ((x0, x1, fx), (y0, y1, fy)) = (place(x, columns), place(y, rows));
    let row = |y: usize| bright[y * columns + x0].lerp(bright[y * columns + x1], fx);
    row(y0).lerp(row(y1), fy)
}

/// A mean over squares of `2·radius + 1`, rows then columns.
fn blur(values: &mut [Vec3], columns: usize, rows: usize, radius: usize) {
    let mut line = Vec::new();
    let mut pass = |values: &mut [Vec3], start: usize, step: usize, count: usize| {
        line.clear();
        line.extend((0..count).map(|index| values[start + index * step]));
        let scale = 1.0 / (2 * radius + 1) as f32;
        let at = |index: isize| usize::try_from(index).ok().and_then(|index| line.get(index)).copied();
        let mut sum: Vec3 = line.iter().take(radius).sum();
        for index in 0..count {
            sum += at((index + radius) as isize).unwrap_or(Vec3::ZERO);
            sum -= at(index as isize - radius as isize - 1).unwrap_or(Vec3::ZERO);
            values[start + index * step] = (sum * scale).max(Vec3::ZERO);
        }
    };
    (0..rows).for_each(|row| pass(values, row * columns, 1, columns));
    (0..columns).for_each(|column| pass(values, column, columns, rows));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lamp_spreads_around_itself_and_grey_does_not() {
        let mut sent = vec![(Sent { light: Vec3::splat(0.2), ..Sent::default() }, false); 160 * 90];
        let grey = sent.clone();
        spread(&mut sent, 160, 1.0);
        assert_eq!(sent, grey);
        for (x, y) in (0..36).map(|index| (80 + index % 6, 45 + index / 6)) {
            sent[y * 160 + x].0.light = Vec3::splat(20.0);
        }
        spread(&mut sent, 160, 1.0);
        assert!(sent[45 * 160 + 76].0.light.y > 0.21 && sent[45 * 160 + 10].0.light.y < 0.201);
    }
}
