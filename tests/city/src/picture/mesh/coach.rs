//! What vehicles have in common: wheels in their arches, lamps, plates, doors' seams.

use glam::Vec3;

use super::{
    look::{Colour, Look, scaled, srgb},
    shape::{Caps, Ring, Shape},
};

/// Which lamps are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Lamps {
    /// Night, dusk or rain.
    pub(super) lit: bool,
    /// The driver brakes.
    pub(super) braking: bool,
}

/// Head lamps at night, in suns on white.
pub(super) const HEAD_GLOW: f32 = 2.2;

impl Lamps {
    /// How bright the rear lamps are.
    pub(super) fn rear_glow(self) -> f32 {
        match (self.braking, self.lit) {
            (true, _) => 1.1,
            (false, true) => 0.3,
            (false, false) => 0.0,
        }
    }

    /// How bright the head lamps are.
    pub(super) fn head_glow(self) -> f32 {
        if self.lit { HEAD_GLOW } else { 0.0 }
    }
}

pub(super) const GLASS: Colour = [0.022, 0.027, 0.032];
pub(super) const TRIM: Colour = [0.02, 0.02, 0.021];
pub(super) const HEADLAMP: Colour = [0.62, 0.64, 0.66];
pub(super) const REARLAMP: Colour = [0.36, 0.012, 0.014];

/// Where an axle is and how wide and high its wheels are.
#[derive(Clone, Copy)]
pub(super) struct Axle {
    pub(super) x: f32,
    /// Half the distance between the outer sides of the wheels.
    pub(super) half_track: f32,
    pub(super) radius: f32,
    pub(super) width: f32,
}

/// Two wheels of an axle and the dark arches behind them.
pub(super) fn axle(shape: &mut Shape, axle: Axle, rim: Colour, turned: f32, fine: bool) {
    let Axle { x, half_track, radius, width } = axle;
    for side in [1.0, -1.0] {
        let arch = |y: f32, r: f32| Ring {
            at: Vec3::new(x, y * side, radius * 1.08),
            u: Vec3::Z * r,
            v: Vec3::X * r,
            power: 2.0,
            colour: [0.008; 3],
        };
        let radius_of_arch = radius * 1.2;
        if fine {
            shape.loft(
                &[arch(half_track - 0.25, radius_of_arch), arch(half_track - 0.012, radius_of_arch)],
                12,
                Caps::End,
            );
            let centre = Vec3::new(x, side * (half_track + 0.01 - width / 2.0), radius);
            shape.wheel(centre, radius, width, turned, 12, rim);
        } else {
            let ring = |y: f32, r: f32, colour: Colour| Ring {
                colour,
                ..Ring { at: Vec3::new(x, y * side, radius), ..arch(y, r) }
            };
            let rings = [
                ring(half_track - width, radius, [0.018; 3]),
                ring(half_track + 0.01, radius, [0.018; 3]),
                ring(half_track + 0.011, radius * 0.5, [0.018; 3]),
                ring(half_track + 0.012, radius * 0.48, scaled(rim, 0.6)),
            ];
            shape.loft(&rings, 7, Caps::End);
        }
    }
}

/// Number plate without a number, at one end of a vehicle.
pub(super) fn plate(shape: &mut Shape, look: Look, at: Vec3, facing: Vec3) {
    let colour = look.pick("plate", &[0x1c3fa8, 0x1c3fa8, 0x1c3fa8, 0xb8e0b0, 0xe8b021, 0xf0f0f0]);
    shape.panel(at, facing, (0.22, 0.07), srgb(colour), 0.0);
    // The characters, as a lighter or darker bar.
    let ink = if colour == 0x1c3fa8 { [0.6; 3] } else { [0.06; 3] };
    for cell in 0..6 {
        let aside = Vec3::Z.cross(facing) * ((cell as f32 - 2.5) * 0.062);
        shape.panel(at + facing * 0.004 + aside, facing, (0.019, 0.04), ink, 0.0);
    }
}

/// A dark upright seam on a side, as of a door.
pub(super) fn seam(shape: &mut Shape, x: f32, y: f32, (from, to): (f32, f32)) {
    let facing = Vec3::Y * y.signum();
    shape.panel(Vec3::new(x, y, (from + to) / 2.0), facing, (0.008, (to - from) / 2.0), [0.01; 3], 0.0);
}
