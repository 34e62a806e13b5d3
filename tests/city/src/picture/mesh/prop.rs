//! The meshes of what stands about.

use super::{Mesh, furniture, look::Look, shape::Shape, tree};
use crate::world::{Light, Prop, PropKind};

/// The mesh of a prop in its own axes, its scale included: x is where it faces, z up, from its foot; fences, railings,
/// gates, benches and shelters stretch along y. Place it by `at` and `heading_rad`.
pub fn prop(prop: &Prop, light: &Light) -> Mesh {
    let look = Look(prop.look);
    let lit = light.daylight() < 0.45;
    let mut shape = Shape::default();
    match prop.kind {
        PropKind::Tree => tree::tree(&mut shape, look),
        PropKind::Bush => tree::bush(&mut shape, look),
        PropKind::Lamp => furniture::lamp(&mut shape, look, lit),
        PropKind::Shelter => furniture::shelter(&mut shape, look, lit),
        PropKind::Bench => furniture::bench(&mut shape, look),
        PropKind::Bollard => furniture::bollard(&mut shape, look),
        PropKind::Fence => furniture::fence(&mut shape, look),
        PropKind::Container => furniture::container(&mut shape, look),
        PropKind::Heap => tree::heap(&mut shape, look),
        PropKind::TrafficLight => furniture::traffic_light(&mut shape, look),
        PropKind::Gate => furniture::gate(&mut shape, look),
        PropKind::Bin => furniture::bin(&mut shape, look),
        PropKind::Flag => furniture::flag(&mut shape, look),
        PropKind::Table => furniture::table(&mut shape, look),
        PropKind::Railing => furniture::railing(&mut shape, look),
        PropKind::Cabinet => furniture::cabinet(&mut shape, look),
    }
    shape.mesh.vertices.iter_mut().for_each(|vertex| vertex.at *= prop.scale);
    shape.mesh
}
