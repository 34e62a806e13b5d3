//! Drawing a layout: rectangles, strokes, rows of buildings and of furniture.

use glam::Vec2;

use super::super::{
    chance::{between, hash, unit},
    layout::{Building, Ground, Layout, Prop, PropKind, Surface},
};

/// A layout that is being drawn. Each thing drawn has its own look from the seed.
pub(super) struct Sketch {
    pub(super) layout: Layout,
    pub(super) seed: u32,
    count: u32,
}

impl Sketch {
    pub(super) fn new(seed: u32) -> Sketch {
        Sketch { layout: Layout::default(), seed, count: 0 }
    }

    /// A look that nothing else has.
    pub(super) fn look(&mut self) -> u32 {
        self.count += 1;
        hash(self.seed, self.count)
    }

    /// Chance, anew at each call.
    pub(super) fn between(&mut self, from: f32, to: f32) -> f32 {
        between(self.look(), 1, from, to)
    }

    pub(super) fn polygon(&mut self, surface: Surface, outline: Vec<Vec2>) {
        let look = self.look();
        self.layout.ground.push(Ground { surface, outline, look });
    }

    /// A rectangle along the axes.
    pub(super) fn rect(&mut self, surface: Surface, x: (f32, f32), y: (f32, f32)) {
        let corner = |x, y| Vec2::new(x, y);
        self.polygon(surface, vec![corner(x.0, y.0), corner(x.1, y.0), corner(x.1, y.1), corner(x.0, y.1)]);
    }

    /// A stroke of paint.
    pub(super) fn stroke(&mut self, from: Vec2, to: Vec2, width_m: f32) {
        let side = (to - from).normalize_or_zero().perp() * width_m / 2.0;
        self.polygon(Surface::Paint, vec![from - side, to - side, to + side, from + side]);
    }

    /// A dashed stroke.
    pub(super) fn dashes(&mut self, from: Vec2, to: Vec2, (on_m, off_m): (f32, f32)) {
        let (length, way) = (from.distance(to), (to - from).normalize_or_zero());
        let mut s = 0.0;
        while s + on_m <= length {
            self.stroke(from + way * s, from + way * (s + on_m), 0.12);
            s += on_m + off_m;
        }
    }

    pub(super) fn building(&mut self, x: (f32, f32), y: (f32, f32), height_m: f32) {
        let look = self.look();
        let (at, size_m) = (Vec2::new(x.0 + x.1, y.0 + y.1) / 2.0, Vec2::new(x.1 - x.0, y.1 - y.0));
        self.layout.buildings.push(Building { at, size_m, heading_rad: 0.0, height_m, look });
    }

    /// Buildings side by side that fill a rectangle, along its longer side.
    pub(super) fn row(&mut self, x: (f32, f32), y: (f32, f32), heights_m: (f32, f32)) {
        let along_x = x.1 - x.0 >= y.1 - y.0;
        let (from, to) = if along_x { x } else { y };
        let mut start = from;
        while start < to {
            let mut end = start + self.between(14.0, 30.0);
            if to - end < 12.0 {
                end = to;
            }
            let height = self.between(heights_m.0, heights_m.1);
            if along_x {
                self.building((start, end), y, height)
            } else {
                self.building(x, (start, end), height)
            }
            start = end;
        }
    }

    pub(super) fn prop(&mut self, kind: PropKind, at: Vec2, facing: Vec2) {
        let look = self.look();
        let scale = between(look, 7, 0.9, 1.12);
        self.layout.props.push(Prop { kind, at, heading_rad: facing.to_angle(), scale, look });
    }

    /// Things at equal distances along a line; `share` of them, chosen by chance.
    pub(super) fn props(&mut self, kind: PropKind, from: Vec2, to: Vec2, step_m: f32, facing: Vec2, share: f32) {
        let (length, way) = (from.distance(to), (to - from).normalize_or_zero());
        let mut s = step_m / 2.0;
        while s < length {
            if unit(self.look(), 3) < share {
                self.prop(kind, from + way * s, facing);
            }
            s += step_m;
        }
    }

    /// Panels without gaps or different sizes: a fence, a railing.
    pub(super) fn panels(&mut self, kind: PropKind, from: Vec2, to: Vec2) {
        let count = (from.distance(to) / 2.0).round().max(1.0);
        let facing = (to - from).normalize_or_zero().perp();
        let mut index = 0.5;
        while index < count {
            let look = self.look();
            let (at, heading_rad) = (from.lerp(to, index / count), facing.to_angle());
            self.layout.props.push(Prop { kind, at, heading_rad, scale: 1.0, look });
            index += 1.0;
        }
    }
}
