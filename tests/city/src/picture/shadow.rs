//! Where sunlight is kept off by what never moves: depth seen from the sun (Williams 1978), with soft borders
//! (percentage-closer filtering, Reeves et al. 1987); and a cheap answer for single points.

use glam::{Vec2, Vec3};

use super::raster::{Area, Slope, rows};
use crate::world::{Building, Layout, PropKind};

/// Heights towards the sun over a square that faces it.
pub(crate) struct ShadowMap {
    across: Vec3,
    along: Vec3,
    to_sun: Vec3,
    origin: Vec2,
    texel_m: f32,
    size: i32,
    height_m: Vec<f32>,
}

impl ShadowMap {
    /// For points less than about `half_m` from `middle`, with `size`² samples.
    pub(crate) fn new(to_sun: Vec3, middle: Vec3, half_m: f32, size: i32) -> ShadowMap {
        let across = to_sun.any_orthonormal_vector();
        let along = to_sun.cross(across);
        let origin = Vec2::new(middle.dot(across), middle.dot(along)) - Vec2::splat(half_m);
        let height_m = vec![f32::MIN; (size * size) as usize];
        ShadowMap { across, along, to_sun, origin, texel_m: 2.0 * half_m / size as f32, size, height_m }
    }

    fn texel(&self, point: Vec3) -> Vec2 {
        (Vec2::new(point.dot(self.across), point.dot(self.along)) - self.origin) / self.texel_m
    }

    /// Lets a triangle throw its shadow.
    pub(crate) fn add(&mut self, triangle: [Vec3; 3]) {
        let corners = triangle.map(|point| self.texel(point));
        let (low, high) = (corners[0].min(corners[1]).min(corners[2]), corners[0].max(corners[1]).max(corners[2]));
        let limit = self.size as f32;
        if high.x < 0.0 || high.y < 0.0 || low.x > limit || low.y > limit {
            return;
        }
        let slope = Slope::new(corners, triangle.map(|point| [point.dot(self.to_sun)]));
        let size = self.size;
        let heights = &mut self.height_m;
        rows(corners, &Area::of_size(size, size), |y, from, to| {
            let mut height = slope.at(from, y)[0];
            let start = (y * size) as usize;
            for kept in &mut heights[start + from as usize..start + to as usize] {
                *kept = kept.max(height);
                height += slope.across[0];
            }
        });
    }

    /// Part of the sun's light that reaches a point, 0–1; none outside of the square.
    pub(crate) fn lit(&self, point: Vec3) -> Option<f32> {
        let at = self.texel(point);
        let (x, y) = (super::noise::floor(at.x) - 1, super::noise::floor(at.y) - 1);
        if x < 0 || y < 0 || x + 4 > self.size || y + 4 > self.size {
            return None;
        }
        let part = Vec2::new(at.x - (x + 1) as f32, at.y - (y + 1) as f32);
        let limit = point.dot(self.to_sun) + 0.03 + 1.2 * self.texel_m;
        let (across, down) = ([1.0 - part.x, 1.0, 1.0, part.x], [1.0 - part.y, 1.0, 1.0, part.y]);
        let mut sum = 0.0;
        for (row, weight) in down.iter().enumerate() {
            let start = ((y + row as i32) * self.size + x) as usize;
            let texels = &self.height_m[start..start + 4];
            let open: f32 =
                texels.iter().zip(across).map(|(&height, weight)| if height > limit { 0.0 } else { weight }).sum();
            sum += open * weight;
        }
        Some(sum / 9.0)
    }
}

/// What may keep the sun off somebody: buildings as boxes, crowns of trees as balls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shades {
    buildings: Vec<Block>,
    crowns: Vec<(Vec3, f32)>,
}

/// A building as a box that is ready for rays.
#[derive(Debug, Clone)]
struct Block {
    at: Vec2,
    /// Turns into the building's own directions.
    turn: Vec2,
    half: Vec2,
    /// Half its diagonal.
    radius_m: f32,
    height_m: f32,
}

/// Height of the middle of a tree's crown and its radius, metres, of a tree of scale 1.
const CROWN_M: (f32, f32) = (4.9, 2.0);

impl Shades {
    /// Those within `reach_m` of a place.
    pub(crate) fn new(layout: &Layout, place: Vec2, reach_m: f32) -> Shades {
        let near = |at: Vec2, size: f32| at.distance(place) < reach_m + size;
        let buildings = layout.buildings.iter().filter(|building| near(building.at, building.size_m.length()));
        let trees = layout.props.iter().filter(|prop| prop.kind == PropKind::Tree && near(prop.at, 10.0));
        Shades {
            buildings: buildings.map(Block::new).collect(),
            crowns: trees.map(|tree| (tree.at.extend(CROWN_M.0 * tree.scale), CROWN_M.1 * tree.scale)).collect(),
        }
    }

    /// Part of the sun's light that reaches a point.
    pub(crate) fn lit(&self, point: Vec3, to_sun: Vec3) -> f32 {
        let level = to_sun.truncate().normalize_or(Vec2::X);
        if self.buildings.iter().any(|block| block.hits(point, to_sun, level)) {
            return 0.0;
        }
        let mut lit = 1.0;
        for (middle, radius) in &self.crowns {
            let way = *middle - point;
            let ahead = way.dot(to_sun);
            let beside = (way - to_sun * ahead).length() / radius;
            if ahead > 0.0 && beside < 1.0 {
                lit *= 0.25 + 0.75 * beside * beside;
            }
        }
        lit
    }
}

impl Block {
    fn new(building: &Building) -> Block {
        let (half, turn) = (building.size_m * 0.5, Vec2::from_angle(-building.heading_rad));
        Block { at: building.at, turn, half, radius_m: half.length(), height_m: building.height_m }
    }

    /// Whether a ray, over the ground in direction `level`, meets it: slabs, in the building's own directions.
    fn hits(&self, from: Vec3, direction: Vec3, level: Vec2) -> bool {
        let offset = self.at - from.truncate();
        if level.perp_dot(offset).abs() > self.radius_m || level.dot(offset) < -self.radius_m {
            return false;
        }
        let start = self.turn.rotate(-offset).extend(from.z);
        let way = self.turn.rotate(direction.truncate()).extend(direction.z);
        let (half, mut enter, mut leave) = (self.half, 0.05f32, 400f32);
        for (start, way, low, high) in
            [(start.x, way.x, -half.x, half.x), (start.y, way.y, -half.y, half.y), (start.z, way.z, 0.0, self.height_m)]
        {
            if way.abs() < 1e-6 {
                if start < low || start > high {
                    return false;
                }
                continue;
            }
            let (a, b) = ((low - start) / way, (high - start) / way);
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        enter < leave
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plate_shades_what_is_below_it_and_nothing_else() {
        let mut map = ShadowMap::new(Vec3::Z, Vec3::ZERO, 10.0, 256);
        let plate = [Vec3::new(-2.0, -2.0, 3.0), Vec3::new(2.0, -2.0, 3.0), Vec3::new(2.0, 2.0, 3.0)];
        map.add(plate);
        assert_eq!(map.lit(Vec3::new(1.0, 0.0, 0.0)), Some(0.0));
        assert_eq!(map.lit(Vec3::new(-1.0, 1.0, 0.0)), Some(1.0));
        assert_eq!(map.lit(Vec3::new(1.0, 0.0, 4.0)), Some(1.0), "above it");
        assert_eq!(map.lit(Vec3::new(20.0, 0.0, 0.0)), None);
    }

    #[test]
    fn behind_a_building_there_is_no_sun() {
        let building =
            Building { at: Vec2::ZERO, size_m: Vec2::new(20.0, 10.0), heading_rad: 0.0, height_m: 10.0, look: 0 };
        let layout = Layout { buildings: vec![building], ..Layout::default() };
        let shades = Shades::new(&layout, Vec2::ZERO, 100.0);
        let south = Vec3::new(0.0, -1.0, 1.0).normalize();
        assert_eq!(shades.lit(Vec3::new(0.0, 7.0, 0.0), south), 0.0);
        assert_eq!(shades.lit(Vec3::new(0.0, -7.0, 0.0), south), 1.0);
        assert_eq!(shades.lit(Vec3::new(0.0, 17.0, 0.0), south), 1.0);
    }
}
