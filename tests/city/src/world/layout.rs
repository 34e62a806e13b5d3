//! What never moves: ground, buildings, furniture of the streets. A layout is a value; `plan` makes one from a seed.

use glam::Vec2;

/// What a piece of ground is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// Road.
    Asphalt,
    /// Pavement of slabs.
    Pavement,
    /// Square of larger slabs, two tones.
    Plaza,
    /// Grass.
    Grass,
    /// Bare earth of a construction site.
    Earth,
    /// River.
    Water,
    /// White paint on the road: lane marks, the bars of a crossing, stop lines.
    Paint,
    /// Kerb stone, a little higher than the road.
    Kerb,
    /// Boards or tiles of an inside floor; only the training's rooms have it.
    Floor,
    /// A red or green cycle lane.
    CycleLane,
}

/// A polygon of ground. Later ones lie on top of earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Ground {
    /// What it is made of.
    pub surface: Surface,
    /// Convex outline, counter-clockwise, metres.
    pub outline: Vec<Vec2>,
    /// Seed of its texture and tone.
    pub look: u32,
}

/// A box with walls, windows and a roof.
#[derive(Debug, Clone, PartialEq)]
pub struct Building {
    /// Middle of its footprint.
    pub at: Vec2,
    /// Length along its heading and width across it, metres.
    pub size_m: Vec2,
    /// Direction of its length, radians counter-clockwise from east.
    pub heading_rad: f32,
    /// Height, metres.
    pub height_m: f32,
    /// Seed of its façade: wall colour, windows, shop fronts.
    pub look: u32,
}

/// What stands about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PropKind {
    /// A tree; its crown sways.
    Tree,
    /// A bush or hedge.
    Bush,
    /// A street lamp, lit at night.
    Lamp,
    /// A bus stop's shelter.
    Shelter,
    /// A bench.
    Bench,
    /// A bollard.
    Bollard,
    /// One panel, 2 m long, of a construction site's hoarding, or of a fence.
    Fence,
    /// A site container.
    Container,
    /// A heap of earth or sand.
    Heap,
    /// A traffic light on its mast.
    TrafficLight,
    /// A gate with pillars and a roof, 6 m wide.
    Gate,
    /// A litter bin.
    Bin,
    /// A flag on a mast; it moves in the wind.
    Flag,
    /// A table or a cabinet; only the training's rooms have it.
    Table,
    /// Low railing along the river, 2 m long.
    Railing,
    /// A box on the pavement: a parcel locker, a switch cabinet, a kiosk.
    Cabinet,
}

/// One thing that stands about.
#[derive(Debug, Clone, PartialEq)]
pub struct Prop {
    /// What it is.
    pub kind: PropKind,
    /// Where its foot is, metres.
    pub at: Vec2,
    /// Where it faces, radians counter-clockwise from east. What is long (a fence panel, a railing, a bench, a
    /// shelter, a gate) is so across it: its length is along the mesh's y.
    pub heading_rad: f32,
    /// Factor on its usual size.
    pub scale: f32,
    /// Seed of its appearance.
    pub look: u32,
}

/// Everything that never moves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// Ground, later ones on top; where there is none, there is grey asphalt.
    pub ground: Vec<Ground>,
    /// Buildings.
    pub buildings: Vec<Building>,
    /// Furniture of the streets.
    pub props: Vec<Prop>,
    /// What streets and places are called.
    pub names: Vec<Name>,
}

/// What a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// A street.
    Street,
    /// A river.
    River,
    /// A square, a school, a site.
    Place,
}

/// A name and what it lies along.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// Of what.
    pub kind: NameKind,
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
    /// The street's or the river's middle, metres; one point for a place.
    pub line: Vec<Vec2>,
}
