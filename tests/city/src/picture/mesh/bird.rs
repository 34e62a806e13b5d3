//! Birds in flight.

use glam::{Mat3, Vec3};

use super::{
    Mesh,
    look::{Look, scaled},
    shape::Shape,
};

/// A bird of this length, span and height; `phase` is the beat of its wings.
pub(super) fn bird(size: Vec3, look: Look, phase: f32) -> Mesh {
    let mut shape = Shape::default();
    let colour = look.shade("feathers", &[0x2a2a2e, 0x6b6f76, 0x8c8f94, 0xe6e6e2, 0x4a3c30]);
    let dark = scaled(colour, 0.6);
    let middle = Vec3::Z * (size.z / 2.0);
    shape.ellipsoid(middle, Vec3::new(size.x * 0.36, size.z * 0.35, size.z * 0.35), Mat3::IDENTITY, (8, 5), |_| colour);
    shape.ellipsoid(
        middle + Vec3::new(size.x * 0.36, 0.0, size.z * 0.1),
        Vec3::splat(size.z * 0.24),
        Mat3::IDENTITY,
        (6, 4),
        |_| dark,
    );
    let tail = [
        Vec3::new(-0.3, 0.04, 0.5),
        Vec3::new(-0.5, 0.09, 0.5),
        Vec3::new(-0.5, -0.09, 0.5),
        Vec3::new(-0.3, -0.04, 0.5),
    ];
    shape.sheet(tail.map(|at| Vec3::new(at.x * size.x, at.y * size.x, at.z * size.z)), dark);
    let beat = (phase * std::f32::consts::TAU).sin();
    for side in [1.0, -1.0] {
        let span = size.y / 2.0;
        let elbow = middle + Vec3::new(0.03, side * span * 0.5 * (1.0 - 0.15 * beat.abs()), beat * span * 0.3);
        let tip = middle + Vec3::new(-0.04, side * span * (1.0 - 0.25 * beat.abs()), beat * span * 0.45);
        let chord = Vec3::X * (size.x * 0.36);
        let root = middle + Vec3::X * (size.x * 0.14);
        shape.sheet([root, elbow, elbow - chord, root - chord], colour);
        shape.sheet([elbow, tip, tip - chord * 0.4, elbow - chord], dark);
    }
    shape.mesh
}
