//! The city's cameras: whose they are, where they stand, what they watch. In plan coordinates; the world turns them.

use glam::Vec2;

use super::{
    chance::{between, hash},
    plan::{
        Zone,
        places::{self, BENCHES, BUS_BAG, BUS_STOP, CROWD, KEEP_MOVING, ONE_WAY, SCHOOL, SITE, SPEED, STAGE},
    },
    rules,
};
use crate::camera::Camera;

/// A camera with what it watches, so that nothing is planted before it.
pub(super) struct Watch {
    pub(super) camera: Camera,
    pub(super) zones: Vec<Zone>,
}

/// Where a camera stands and looks.
struct Post {
    id: &'static str,
    names: (&'static str, &'static str),
    department: &'static str,
    physical: &'static str,
    at: (f32, f32),
    height_m: f32,
    /// The point of the ground in the middle of its picture.
    towards: (f32, f32),
    fov_deg: f32,
}

const POSTS: [Post; 12] = [
    Post {
        id: "pol-square",
        names: ("市民广场西", "Citizens' square, west"),
        department: "police",
        physical: "device-01",
        at: (17.5, 33.0),
        height_m: 6.5,
        towards: (30.5, 32.8),
        fov_deg: 62.0,
    },
    Post {
        id: "pol-school",
        names: ("实验小学大门", "Primary school gate"),
        department: "police",
        physical: "device-02",
        at: (-46.0, -9.4),
        height_m: 5.5,
        towards: (-57.6, -12.4),
        fov_deg: 58.0,
    },
    Post {
        id: "pol-crossing",
        names: ("解放路路口西南", "Jiefang Road crossing, south-west"),
        department: "police",
        physical: "device-03",
        at: (-15.0, -13.7),
        height_m: 6.3,
        towards: (-21.0, -0.6),
        fov_deg: 64.0,
    },
    Post {
        id: "pol-bus-stop",
        names: ("解放路公交站", "Jiefang Road bus stop"),
        department: "police",
        physical: "device-04",
        at: (-37.5, 14.0),
        height_m: 5.5,
        towards: (-50.5, 10.4),
        fov_deg: 60.0,
    },
    Post {
        id: "trf-crossing",
        names: ("解放路路口西北", "Jiefang Road crossing, north-west"),
        department: "traffic",
        physical: "device-05",
        at: (-15.0, 13.7),
        height_m: 6.5,
        towards: (-21.0, 0.6),
        fov_deg: 64.0,
    },
    Post {
        id: "trf-east",
        names: ("解放路东段", "Jiefang Road, east"),
        department: "traffic",
        physical: "device-06",
        at: (27.5, -13.6),
        height_m: 6.8,
        towards: (41.0, -4.8),
        fov_deg: 62.0,
    },
    Post {
        id: "trf-side",
        names: ("书院巷单行道", "Shuyuan Lane, one way"),
        department: "traffic",
        physical: "device-07",
        at: (-99.6, 38.0),
        height_m: 6.2,
        towards: (-96.2, 54.0),
        fov_deg: 58.0,
    },
    Post {
        id: "cty-square",
        names: ("市民广场东", "Citizens' square, east"),
        department: "city-management",
        physical: "device-08",
        at: (44.7, 25.6),
        height_m: 6.0,
        towards: (32.4, 29.6),
        fov_deg: 62.0,
    },
    Post {
        id: "cty-stage",
        names: ("市民广场舞台", "Citizens' square, stage"),
        department: "city-management",
        physical: "device-09",
        at: (52.5, 33.0),
        height_m: 6.0,
        towards: (52.0, 46.4),
        fov_deg: 62.0,
    },
    Post {
        id: "cty-site",
        names: ("地铁工地", "Metro construction site"),
        department: "city-management",
        physical: "device-10",
        at: (51.0, -14.6),
        height_m: 6.2,
        towards: (60.6, -24.0),
        fov_deg: 64.0,
    },
    Post {
        id: "cty-river",
        names: ("滨江步道", "Riverside promenade"),
        department: "city-management",
        physical: "device-11",
        at: (-48.5, -104.4),
        height_m: 5.8,
        towards: (-59.4, -111.6),
        fov_deg: 64.0,
    },
    Post {
        id: "cty-crossing",
        names: ("解放路口（城管）", "Jiefang Road crossing (city management)"),
        department: "city-management",
        physical: "device-03",
        at: (-15.0, -13.7),
        height_m: 6.3,
        towards: (-21.0, -0.6),
        fov_deg: 64.0,
    },
];

/// All cameras of the city.
pub(super) fn city(seed: u32) -> Vec<Watch> {
    POSTS.iter().map(|post| post.watch(seed)).collect()
}

impl Post {
    fn watch(&self, seed: u32) -> Watch {
        // One device stands in one place, by whomever it is registered.
        let seed = self.physical.bytes().fold(seed, |seed, byte| hash(seed, u32::from(byte)));
        let at = Vec2::from(self.at) + Vec2::new(between(seed, 1, -0.15, 0.15), between(seed, 2, -0.15, 0.15));
        let height_m = self.height_m + between(seed, 3, -0.3, 0.3);
        let way = Vec2::from(self.towards) - at;
        let mut camera = Camera {
            id: self.id.to_owned(),
            name_zh: self.names.0.to_owned(),
            name_en: self.names.1.to_owned(),
            department: self.department.to_owned(),
            physical: self.physical.to_owned(),
            at,
            height_m,
            heading_deg: way.x.atan2(way.y).to_degrees().rem_euclid(360.0),
            tilt_deg: (height_m / way.length()).atan().to_degrees(),
            fov_deg: self.fov_deg + between(seed, 4, -1.0, 1.0),
            size_px: (640, 360),
            fps: 12.5,
            rules: Vec::new(),
            faults: Vec::new(),
        };
        let (rules, zones) = watched(&camera);
        camera.rules = rules;
        Watch { camera, zones }
    }
}

/// The rules of a camera and the ground that they are about.
fn watched(camera: &Camera) -> (Vec<toml::Table>, Vec<Zone>) {
    let draw = rules::Drawer::new(camera);
    let line = |[a, b]: [Vec2; 2]| Zone { from: a.min(b) - Vec2::splat(1.0), to: a.max(b) + Vec2::splat(1.0) };
    let guard = |direction| draw.line_cross("guard_line", places::GUARD_LINE, direction);
    match camera.id.as_str() {
        "pol-square" => (vec![draw.crowd("crowd", CROWD, 6, 5.0)], vec![CROWD]),
        "pol-school" => (vec![draw.loiter("school_gate", SCHOOL, 12.0)], vec![SCHOOL]),
        "pol-crossing" => (vec![guard("b_to_a")], vec![line(places::GUARD_LINE)]),
        "trf-crossing" => (vec![guard("a_to_b")], vec![line(places::GUARD_LINE)]),
        "cty-crossing" => (vec![guard("both")], vec![line(places::GUARD_LINE)]),
        "pol-bus-stop" => {
            // A queue is no crowd.
            let queue = draw.crowd("bus_stop", BUS_STOP, 14, 8.0);
            (vec![queue, draw.abandoned("abandoned", BUS_BAG, 12.0)], vec![BUS_BAG])
        }
        "trf-east" => {
            let count = draw.count("count", places::COUNT_LINE, 60.0);
            (vec![draw.stopped("breakdown", KEEP_MOVING, 8.0), count], vec![KEEP_MOVING, line(places::COUNT_LINE)])
        }
        "trf-side" => {
            let speed = draw.speed("speed", SPEED, 40.0, 0.6);
            (vec![draw.wrong_way("one_way", ONE_WAY), speed], vec![ONE_WAY])
        }
        "cty-square" => {
            let bags = [draw.abandoned("abandoned", BENCHES, 12.0), draw.removed("removed", BENCHES, 20.0)];
            ([vec![draw.crowd("crowd", CROWD, 6, 5.0)], bags.to_vec()].concat(), vec![CROWD, BENCHES])
        }
        "cty-stage" => (vec![draw.occupancy("stage", STAGE)], vec![STAGE]),
        "cty-site" => (vec![draw.intrusion("site", SITE)], vec![SITE]),
        "cty-river" => (vec![draw.line_cross("water", places::WATER_LINE, "a_to_b")], vec![line(places::WATER_LINE)]),
        _ => (vec![], vec![]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::plan;

    /// Height in pixels of what stands at a point, if all of it is in the picture and no building is before it.
    fn height_px(camera: &Camera, at: Vec2, height_m: f32, layout: &crate::world::Layout) -> Option<f32> {
        let view = camera.view();
        let (foot, head) = (view.project(at.extend(0.0))?, view.project(at.extend(height_m))?);
        let shown = |point: glam::Vec3| (0.0..640.0).contains(&point.x) && (-10.0..360.0).contains(&point.y);
        let free = !layout.buildings.iter().any(|building| building.hides(camera.at, at));
        (shown(foot) && shown(head) && free).then_some(foot.y - head.y)
    }

    #[test]
    fn cameras_see_all_of_what_they_watch_and_large_enough() {
        for seed in 0..8 {
            let watches = city(seed);
            let layout = plan::city(seed, &[]).layout;
            for Watch { camera, zones } in &watches {
                for zone in zones {
                    let mut heights = Vec::new();
                    for step in 0..49u8 {
                        let part = Vec2::new(f32::from(step % 7), f32::from(step / 7)) / 6.0;
                        let at = zone.from + (zone.to - zone.from) * part;
                        heights.extend(height_px(camera, at, 1.65, &layout));
                    }
                    let least = heights.iter().copied().fold(f32::INFINITY, f32::min);
                    // Vehicles are larger than people.
                    let need_px = if camera.department == "traffic" { 30.0 } else { 38.0 };
                    let what = format!("seed {seed}, {}, {zone:?}: {} of 49, {least} px", camera.id, heights.len());
                    assert!(heights.len() >= 42 && least >= need_px, "{what}");
                }
            }
        }
    }
}
