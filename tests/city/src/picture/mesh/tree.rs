//! What grows and what is heaped: blobs with a rough surface.

use glam::{Mat3, Vec3};

use super::{
    look::{Colour, Look, grain, mixed, scaled, srgb},
    shape::{Caps, Ring, Shape},
};

const LEAVES: [u32; 6] = [0x3f5f2a, 0x4c6b2e, 0x35552b, 0x5a7436, 0x2f4a2a, 0x6a7a34];

/// A tree about 7 m high.
pub(super) fn tree(shape: &mut Shape, look: Look) {
    let bark = look.shade("bark", &[0x5a4a3c, 0x6b5d50, 0x4a4038]);
    let height = look.between("height", 5.6, 8.4);
    let fork = height * look.between("fork", 0.28, 0.4);
    let lean = Vec3::new(look.between("lean x", -0.3, 0.3), look.between("lean y", -0.3, 0.3), 0.0);
    let ring = |z: f32, r: f32| Ring::level(lean * (z / height) + Vec3::Z * z, r, r, 2.0, bark);
    shape.loft(&[ring(0.0, 0.2), ring(0.25, 0.14), ring(fork, 0.11), ring(height * 0.75, 0.05)], 8, Caps::End);
    let leaves = look.shade("leaves", &LEAVES);
    let wide = height * look.between("wide", 0.24, 0.34);
    let centre = Vec3::new(lean.x, lean.y, fork + (height - fork) * 0.55);
    let crown = Vec3::new(wide, wide, (height - fork) * 0.5);
    let clumps = 22;
    for clump in 0..clumps {
        let way = scattered(look.0, clump, clumps);
        let at = centre + way * crown * (0.55 + 0.2 * grain(look.0, clump, 9));
        let radius = wide * (0.4 + 0.12 * grain(look.0, clump, 5));
        shape.bar(centre - Vec3::Z * crown.z, at, 0.03, 3, bark);
        // Lower and inner clumps lie in the shade of the others.
        let shade = 0.62 + 0.38 * (way.z * 0.5 + 0.5);
        clump_of_leaves(shape, at, Vec3::new(radius, radius, radius * 0.75), scaled(leaves, shade), look.0 ^ clump);
    }
}

/// A bush about 1.1 m high.
pub(super) fn bush(shape: &mut Shape, look: Look) {
    let leaves = look.shade("leaves", &LEAVES);
    for clump in 0..7 {
        let way = scattered(look.0, clump, 7);
        let at = Vec3::new(way.x * 0.45, way.y * 0.45, 0.5 + 0.2 * way.z);
        clump_of_leaves(
            shape,
            at,
            Vec3::new(0.5, 0.5, 0.45),
            scaled(leaves, 0.7 + 0.3 * way.z.max(-0.5)),
            look.0 ^ clump,
        );
    }
}

/// A heap of earth or sand about 1.6 m high.
pub(super) fn heap(shape: &mut Shape, look: Look) {
    let earth = look.shade("earth", &[0x8a6f4e, 0x7a5f42, 0xa58a62, 0x6f665c]);
    let rings: Vec<Ring> = [(0.0, 2.4), (0.25, 2.0), (0.8, 1.3), (1.3, 0.6), (1.6, 0.1)]
        .map(|(z, r)| {
            let at = Vec3::new(0.2 * grain(look.0, (z * 10.0) as u32, 1), 0.2 * grain(look.0, (z * 10.0) as u32, 2), z);
            Ring::level(at, r, r * look.between("oval", 0.7, 1.0), 2.0, earth)
        })
        .to_vec();
    shape.loft_painted(&rings, 18, Caps::End, |row, turn, colour| {
        scaled(colour, 1.0 + 0.25 * grain(look.0, row as u32, (turn * 18.0) as u32))
    });
}

/// Evenly spread directions (Fibonacci sphere), turned by the seed.
fn scattered(seed: u32, index: u32, of: u32) -> Vec3 {
    let z = 1.0 - 2.0 * (index as f32 + 0.5) / of as f32;
    let turn = index as f32 * 2.399_963 + grain(seed, 1, 1) * 3.0;
    let radius = (1.0 - z * z).sqrt();
    Vec3::new(turn.cos() * radius, turn.sin() * radius, z)
}

/// A blob, bumpy and spotted with light and shade, with loose leaves around it.
fn clump_of_leaves(shape: &mut Shape, centre: Vec3, radii: Vec3, colour: Colour, seed: u32) {
    let from = shape.mesh.vertices.len();
    let spin = Mat3::from_rotation_z(grain(seed, 2, 2) * 3.0);
    shape.ellipsoid(centre, radii * 0.86, spin, (9, 6), |_| colour);
    let shady = scaled(colour, 0.45);
    for (index, vertex) in shape.mesh.vertices[from..].iter_mut().enumerate() {
        // The seam of the ellipsoid has each vertex once, so that bumps leave no hole; its poles are many vertices at
        // one place and stay.
        let bump = grain(seed, index as u32, 7);
        let pole = !(9..54).contains(&index);
        if !pole {
            vertex.at = centre + (vertex.at - centre) * (1.0 + 0.24 * bump);
        }
        vertex.normal = (vertex.normal
            + Vec3::new(grain(seed, index as u32, 3), grain(seed, index as u32, 4), 0.3) * 0.5)
            .normalize_or(Vec3::Z);
        vertex.colour = mixed(shady, colour, 0.55 + 0.45 * grain(seed, index as u32, 11) + 0.2 * vertex.normal.z);
    }
    let leaf = srgb(0x86a04a);
    for index in 0..26 {
        let way = scattered(seed, index, 26);
        let at = centre + way * radii * (1.0 + 0.12 * grain(seed, index, 13));
        let u = Vec3::new(grain(seed, index, 21), grain(seed, index, 22), grain(seed, index, 23)).normalize_or(Vec3::X);
        let v = u.cross(way).normalize_or(Vec3::Y);
        let size = 0.1 * (1.0 + radii.x);
        let tone = mixed(mixed(shady, colour, 0.6 + 0.4 * way.z), leaf, 0.15 + 0.15 * grain(seed, index, 17));
        let (u, v) = (u * size, v * size * 0.7);
        shape.sheet([at - u, at - v, at + u, at + v], tone);
    }
}
