//! Boxes as meshes: walls of buildings, and bodies in tests where exact corners matter.

use glam::Vec3;

use super::mesh::{Mesh, Vertex};

/// A box on the ground, sides along the axes, 12 triangles.
pub(crate) fn solid(size_m: Vec3, colour: [f32; 3]) -> Mesh {
    let mut mesh = Mesh::default();
    let half = Vec3::new(size_m.x * 0.5, size_m.y * 0.5, size_m.z * 0.5);
    for normal in [Vec3::X, Vec3::NEG_X, Vec3::Y, Vec3::NEG_Y, Vec3::Z, Vec3::NEG_Z] {
        let first = if normal.z == 0.0 { Vec3::Z.cross(normal) } else { Vec3::X };
        let second = normal.cross(first);
        let base = mesh.vertices.len() as u32;
        for (a, b) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
            let at = (normal + first * a + second * b) * half + Vec3::Z * half.z;
            mesh.vertices.push(Vertex { at, normal, colour, glow: 0.0 });
        }
        mesh.triangles.extend([[base, base + 1, base + 2], [base, base + 2, base + 3]]);
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triangles_run_counter_clockwise_seen_from_outside() {
        let mesh = solid(Vec3::new(2.0, 1.0, 3.0), [0.5; 3]);
        assert_eq!(mesh.triangles.len(), 12);
        for triangle in &mesh.triangles {
            let [a, b, c] = triangle.map(|index| mesh.vertices[index as usize]);
            assert!((b.at - a.at).cross(c.at - a.at).normalize().dot(a.normal) > 0.99);
        }
        let high = mesh.vertices.iter().map(|vertex| vertex.at.z).fold(f32::MIN, f32::max);
        assert_eq!(high, 3.0);
    }
}
