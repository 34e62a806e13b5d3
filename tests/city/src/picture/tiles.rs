//! Which parts of a picture were touched: tiles of a fixed grid, so that work is done where something is and nowhere
//! else, once each.

use super::raster::Area;

/// Columns and rows of pixels of a tile, powers of two.
const WIDTH_LOG2: i32 = 4;
const HEIGHT_LOG2: i32 = 3;

/// The tiles of a picture.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tiles {
    picture: (i32, i32),
    columns: usize,
    marks: Vec<bool>,
}

impl Tiles {
    /// Takes the size of a picture; another one than before forgets all marks.
    pub(crate) fn fit(&mut self, width: i32, height: i32) {
        if self.picture != (width, height) {
            let count = |size: i32, log2: i32| ((size + (1 << log2) - 1) >> log2) as usize;
            self.picture = (width, height);
            self.columns = count(width, WIDTH_LOG2);
            self.marks = vec![false; self.columns * count(height, HEIGHT_LOG2)];
        }
    }

    /// Marks what holds a part of a row of pixels, both ends included; all lie in the picture.
    pub(crate) fn mark(&mut self, y: i32, first: i32, last: i32) {
        let row = (y >> HEIGHT_LOG2) as usize * self.columns;
        let (from, to) = ((first >> WIDTH_LOG2) as usize, (last >> WIDTH_LOG2) as usize);
        for mark in &mut self.marks[row + from..=row + to] {
            *mark = true;
        }
    }

    /// Marks what a rectangle of the picture touches.
    pub(crate) fn mark_area(&mut self, area: &Area) {
        if !area.is_empty() {
            (area.y0..area.y1).step_by(1 << HEIGHT_LOG2).chain([area.y1 - 1]).for_each(|y| {
                self.mark(y, area.x0, area.x1 - 1);
            });
        }
    }

    /// The marked tiles, from the top left.
    pub(crate) fn marked(&self) -> impl Iterator<Item = Area> + '_ {
        let (width, height) = self.picture;
        self.marks.iter().enumerate().filter(|(_, mark)| **mark).map(move |(index, _)| {
            let (x0, y0) = ((index % self.columns) as i32 * WIDTH, (index / self.columns) as i32 * HEIGHT);
            Area { x0, y0, x1: (x0 + WIDTH).min(width), y1: (y0 + HEIGHT).min(height) }
        })
    }

    /// Takes all marks away.
    pub(crate) fn clear(&mut self) {
        self.marks.fill(false);
    }
}

/// Columns and rows of pixels of a tile.
pub(crate) const WIDTH: i32 = 1 << WIDTH_LOG2;
pub(crate) const HEIGHT: i32 = 1 << HEIGHT_LOG2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_the_tiles_that_hold_it_and_the_last_ones_end_with_the_picture() {
        let mut tiles = Tiles::default();
        tiles.fit(50, 20);
        tiles.mark(9, 15, 16);
        tiles.mark_area(&Area { x0: 47, y0: 15, x1: 50, y1: 20 });
        let area = |x0, y0, x1, y1| Area { x0, y0, x1, y1 };
        let marked: Vec<Area> = tiles.marked().collect();
        assert_eq!(
            marked,
            [
                area(0, 8, 16, 16),
                area(16, 8, 32, 16),
                area(32, 8, 48, 16),
                area(48, 8, 50, 16),
                area(32, 16, 48, 20),
                area(48, 16, 50, 20)
            ]
        );
        tiles.clear();
        assert_eq!(tiles.marked().count(), 0);
    }
}
