//! How meshes are put together: lofted rings, ellipsoids, boxes, panels, wheels.

use glam::{Affine3A, Mat3, Vec3};

use super::{
    Mesh, Vertex,
    look::{Colour, scaled},
};

/// A cross-section of a loft: a superellipse (Gridgeman 1970) around a centre.
#[derive(Clone, Copy)]
pub(super) struct Ring {
    /// Middle.
    pub(super) at: Vec3,
    /// Half axis where the turn begins.
    pub(super) u: Vec3,
    /// Half axis a quarter of the turn later.
    pub(super) v: Vec3,
    /// 2 is an ellipse, more is more of a rectangle.
    pub(super) power: f32,
    /// Its colour.
    pub(super) colour: Colour,
}

impl Ring {
    /// An ellipse.
    pub(super) fn new(at: Vec3, u: Vec3, v: Vec3, colour: Colour) -> Ring {
        Ring { at, u, v, power: 2.0, colour }
    }

    /// A level ring, half axes along x and y.
    pub(super) fn level(at: Vec3, x: f32, y: f32, power: f32, colour: Colour) -> Ring {
        Ring { at, u: Vec3::X * x, v: Vec3::Y * y, power, colour }
    }

    /// A ring across the x axis, half axes along y and z.
    pub(super) fn upright(at: Vec3, y: f32, z: f32, power: f32, colour: Colour) -> Ring {
        Ring { at, u: Vec3::Y * y, v: Vec3::Z * z, power, colour }
    }

    fn point(&self, (cosine, sine): (f32, f32)) -> Vec3 {
        self.at + self.u * cosine + self.v * sine
    }

    /// Cosine and sine at twice as many steps of the turn as a loft has sides, bent to its power.
    fn turns(&self, sides: u32) -> Vec<(f32, f32)> {
        let bent = |x: f32| if self.power == 2.0 { x } else { x.abs().powf(2.0 / self.power).copysign(x) };
        (0..2 * sides)
            .map(|step| {
                let (sine, cosine) = (step as f32 / (2 * sides) as f32 * std::f32::consts::TAU).sin_cos();
                (bent(cosine), bent(sine))
            })
            .collect()
    }
}

/// Which ends of a loft are closed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Caps {
    None,
    End,
    Both,
}

/// A mesh in the making.
#[derive(Default)]
pub(super) struct Shape {
    pub(super) mesh: Mesh,
}

impl Shape {
    fn vertex(&mut self, at: Vec3, normal: Vec3, colour: Colour, glow: f32) -> u32 {
        self.mesh.vertices.push(Vertex { at, normal, colour, glow });
        self.mesh.vertices.len() as u32 - 1
    }

    /// A skin over rings, in their colours.
    pub(super) fn loft(&mut self, rings: &[Ring], sides: u32, caps: Caps) {
        self.loft_painted(rings, sides, caps, |_, _, colour| colour);
    }

    /// A skin over rings; `paint` gets the ring's index, the part of the turn and the ring's colour. Two rings at one
    /// place make a hard change of colour without a crease.
    pub(super) fn loft_painted(
        &mut self,
        rings: &[Ring],
        sides: u32,
        caps: Caps,
        paint: impl Fn(usize, f32, Colour) -> Colour,
    ) {
        let (Some(first), Some(last)) = (rings.first(), rings.last()) else { return };
        let way = last.at - first.at;
        let widest = rings.iter().max_by(|a, b| a.u.length_squared().total_cmp(&b.u.length_squared())).unwrap_or(first);
        let outward = widest.u.cross(widest.v).dot(way) >= 0.0;
        let base = self.mesh.vertices.len() as u32;
        let (mut turns, mut power) = (first.turns(sides), first.power);
        for (index, ring) in rings.iter().enumerate() {
            if ring.power != power {
                (turns, power) = (ring.turns(sides), ring.power);
            }
            let before = rings[..index].iter().rev().find(|r| apart(r, ring)).unwrap_or(ring);
            let after = rings[index + 1..].iter().find(|r| apart(r, ring)).unwrap_or(ring);
            for side in 0..sides {
                let turn = side as f32 / sides as f32;
                let middle = turns[2 * side as usize];
                let [last, next] =
                    [2 * side + 2 * sides - 1, 2 * side + 1].map(|step| turns[(step % (2 * sides)) as usize]);
                let around = ring.point(next) - ring.point(last);
                let along = after.point(middle) - before.point(middle);
                let normal = if outward { around.cross(along) } else { along.cross(around) };
                // At a pole the ring has no way around: the normal is the axis.
                let pole = if index * 2 > rings.len() { way } else { -way };
                let normal = normal.try_normalize().unwrap_or(pole.normalize_or(Vec3::Z));
                self.vertex(ring.point(middle), normal, paint(index, turn, ring.colour), 0.0);
            }
        }
        for row in 0..rings.len() as u32 - 1 {
            if !apart(&rings[row as usize], &rings[row as usize + 1]) {
                continue;
            }
            for side in 0..sides {
                let next = (side + 1) % sides;
                let [a, b] = [base + row * sides + side, base + row * sides + next];
                self.face([a, b, b + sides, a + sides], outward);
            }
        }
        if caps == Caps::Both {
            self.cap(first, sides, -way, !outward, paint(0, 0.0, first.colour));
        }
        if caps != Caps::None {
            self.cap(last, sides, way, outward, paint(rings.len() - 1, 0.0, last.colour));
        }
    }

    fn face(&mut self, [a, b, c, d]: [u32; 4], outward: bool) {
        let faces = if outward { [[a, b, c], [a, c, d]] } else { [[a, c, b], [a, d, c]] };
        for face in faces {
            // A ring that is a point leaves triangles without an area.
            let [p, q, r] = face.map(|i| self.mesh.vertices[i as usize].at);
            if (q - p).cross(r - p).length_squared() > 1e-14 {
                self.mesh.triangles.push(face);
            }
        }
    }

    fn cap(&mut self, ring: &Ring, sides: u32, way: Vec3, outward: bool, colour: Colour) {
        let normal = way.normalize_or(Vec3::Z);
        let base = self.mesh.vertices.len() as u32;
        for turn in ring.turns(sides).into_iter().step_by(2) {
            self.vertex(ring.point(turn), normal, colour, 0.0);
        }
        for side in 1..sides - 1 {
            let [b, c] = [base + side, base + side + 1];
            self.mesh.triangles.push(if outward { [base, b, c] } else { [base, c, b] });
        }
    }

    /// An ellipsoid; `paint` gets the direction on it in its own axes.
    pub(super) fn ellipsoid(
        &mut self,
        centre: Vec3,
        radii: Vec3,
        axes: Mat3,
        (sides, rows): (u32, u32),
        paint: impl Fn(Vec3) -> Colour,
    ) {
        let base = self.mesh.vertices.len() as u32;
        for row in 0..=rows {
            let (ring, z) = (row as f32 / rows as f32 * std::f32::consts::PI).sin_cos();
            for side in 0..sides {
                let (sine, cosine) = (side as f32 / sides as f32 * std::f32::consts::TAU).sin_cos();
                let direction = Vec3::new(cosine * ring, sine * ring, -z);
                let normal = (axes * (direction / radii)).normalize_or(Vec3::Z);
                self.vertex(centre + axes * (direction * radii), normal, paint(direction), 0.0);
            }
        }
        for row in 0..rows {
            for side in 0..sides {
                let next = (side + 1) % sides;
                let [a, b] = [base + row * sides + side, base + row * sides + next];
                self.face([a, b, b + sides, a + sides], true);
            }
        }
    }

    /// A round bar.
    pub(super) fn bar(&mut self, from: Vec3, to: Vec3, radius: f32, sides: u32, colour: Colour) {
        let way = (to - from).normalize_or(Vec3::Z);
        let u = way.any_orthonormal_vector();
        let v = way.cross(u);
        let rings = [from, to].map(|at| Ring::new(at, u * radius, v * radius, colour));
        self.loft(&rings, sides, Caps::Both);
    }

    /// A box.
    pub(super) fn cuboid(&mut self, centre: Vec3, half: Vec3, axes: Mat3, colour: Colour) {
        for axis in 0..3 {
            for sign in [-1.0, 1.0] {
                let normal = axes.col(axis) * sign;
                let u = axes.col((axis + 1) % 3) * half[(axis + 1) % 3] * sign;
                let v = axes.col((axis + 2) % 3) * half[(axis + 2) % 3];
                let middle = centre + normal * half[axis];
                self.quad([middle - u - v, middle + u - v, middle + u + v, middle - u + v], colour, 0.0);
            }
        }
    }

    /// A box along the axes.
    pub(super) fn block(&mut self, centre: Vec3, half: Vec3, colour: Colour) {
        self.cuboid(centre, half, Mat3::IDENTITY, colour);
    }

    /// A flat quadrangle, counter-clockwise seen from outside.
    pub(super) fn quad(&mut self, corners: [Vec3; 4], colour: Colour, glow: f32) {
        let normal = (corners[2] - corners[0]).cross(corners[3] - corners[1]).normalize_or(Vec3::Z);
        let [a, b, c, d] = corners.map(|at| self.vertex(at, normal, colour, glow));
        self.mesh.triangles.extend([[a, b, c], [a, c, d]]);
    }

    /// A flat quadrangle that is seen from both sides.
    pub(super) fn sheet(&mut self, corners: [Vec3; 4], colour: Colour) {
        let [a, b, c, d] = corners;
        self.quad([a, b, c, d], colour, 0.0);
        self.quad([d, c, b, a], colour, 0.0);
    }

    /// A panel that faces along x or y: its middle, half its width and height, which way it faces.
    pub(super) fn panel(&mut self, centre: Vec3, facing: Vec3, (width, height): (f32, f32), colour: Colour, glow: f32) {
        let u = Vec3::Z.cross(facing).normalize_or(Vec3::X) * width;
        let v = facing.cross(u).normalize_or(Vec3::Z) * height;
        self.quad([centre - u - v, centre + u - v, centre + u + v, centre - u + v], colour, glow);
    }

    /// A wheel that turns about y, seen from the side it is on: its middle, outer radius, width, and how far it has turned (0–1).
    pub(super) fn wheel(&mut self, centre: Vec3, radius: f32, width: f32, turned: f32, sides: u32, rim: Colour) {
        let tyre = [0.018, 0.018, 0.019];
        let ring = |y: f32, r: f32, colour: Colour| Ring {
            at: centre + Vec3::Y * y,
            u: Vec3::Z * r,
            v: Vec3::X * r,
            power: 2.0,
            colour,
        };
        let half = width / 2.0;
        // One sees the outer side of a wheel only; the other is under the vehicle.
        let out = centre.y.signum();
        let rings = [
            ring(-half * out, radius * 0.9, tyre),
            ring(-half * 0.7 * out, radius, tyre),
            ring(half * 0.7 * out, radius, tyre),
            ring(half * out, radius * 0.92, tyre),
            ring(half * out, radius * 0.68, tyre),
            ring(half * 0.9 * out, radius * 0.64, rim),
            ring(half * 0.9 * out, radius * 0.2, scaled(rim, 0.8)),
            ring(half * 0.9 * out, 0.0, [0.05; 3]),
        ];
        self.loft_painted(&rings, sides, Caps::None, |index, turn, colour| {
            let spoke = ((turn + turned) * 5.0).fract() < 0.5;
            if index == 5 && !spoke { [0.02; 3] } else { colour }
        });
    }

    /// Another mesh, moved.
    pub(super) fn add(&mut self, other: &Mesh, place: Affine3A) {
        let base = self.mesh.vertices.len() as u32;
        self.mesh.vertices.extend(other.vertices.iter().map(|vertex| Vertex {
            at: place.transform_point3(vertex.at),
            normal: place.transform_vector3(vertex.normal).normalize_or(Vec3::Z),
            ..*vertex
        }));
        self.mesh.triangles.extend(other.triangles.iter().map(|face| face.map(|index| index + base)));
    }

    /// What is added in `make` is seen from inside.
    pub(super) fn inside_out(&mut self, make: impl FnOnce(&mut Shape)) {
        let (corners, faces) = (self.mesh.vertices.len(), self.mesh.triangles.len());
        make(self);
        self.mesh.vertices[corners..].iter_mut().for_each(|vertex| vertex.normal = -vertex.normal);
        self.mesh.triangles[faces..].iter_mut().for_each(|face| face.swap(1, 2));
    }

    /// What is added in `make` gives off light.
    pub(super) fn glowing(&mut self, glow: f32, make: impl FnOnce(&mut Shape)) {
        let from = self.mesh.vertices.len();
        make(self);
        self.mesh.vertices[from..].iter_mut().for_each(|vertex| vertex.glow = glow);
    }
}

fn apart(a: &Ring, b: &Ring) -> bool {
    (a.at - b.at).length_squared() + (a.u - b.u).length_squared() + (a.v - b.v).length_squared() > 1e-10
}
