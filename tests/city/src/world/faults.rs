//! Faults of cameras on schedule: one at a time in the whole city, so that there is always something to be found and
//! most cameras see well.

use super::chance::{between, hash};
use crate::camera::{Camera, Fault, FaultKind};

/// All kinds, in the order in which they come round.
const KINDS: [FaultKind; 13] = [
    FaultKind::Covered,
    FaultKind::Frozen,
    FaultKind::Blurred,
    FaultKind::SignalLost,
    FaultKind::Moved,
    FaultKind::Noise,
    FaultKind::Sprayed,
    FaultKind::Glare,
    FaultKind::ClockDrift,
    FaultKind::Dark,
    FaultKind::LowFrameRate,
    FaultKind::ColourCast,
    FaultKind::PacketLoss,
];
/// When the first one begins, and how long from one to the next, seconds.
const FIRST_S: f32 = 75.0;
const EVERY_S: f32 = 95.0;
/// For how long faults are planned.
const DAYS: u32 = 2;

/// Gives the cameras their faults. Two that are one device have the same ones.
pub(super) fn plan(cameras: &mut [Camera], seed: u32) {
    let mut devices: Vec<String> = cameras.iter().map(|camera| camera.physical.clone()).collect();
    devices.sort_by_key(|device| device.bytes().fold(seed, |seed, byte| hash(seed, u32::from(byte))));
    devices.dedup();
    let count = (DAYS as f32 * 86_400.0 / EVERY_S) as u32;
    for (n, device) in (0..count).zip(devices.iter().cycle()) {
        // Another beginning and another step than the devices', so that each device gets each kind.
        let kind = KINDS[(n as usize + seed as usize % KINDS.len()) % KINDS.len()];
        let from_s = FIRST_S + n as f32 * EVERY_S + between(hash(seed, n), 1, 0.0, 25.0);
        let to_s = from_s + between(hash(seed, n), 2, 24.0, 45.0);
        let fault = Fault { kind, from_us: (from_s * 1e6) as i64, to_us: (to_s * 1e6) as i64 };
        for camera in cameras.iter_mut().filter(|camera| camera.physical == *device) {
            camera.faults.push(fault.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::world::{Options, World};

    #[test]
    fn each_camera_gets_each_fault_and_never_two_at_a_time() {
        let world = World::new(Options { faults: true, ..Options::default() });
        for camera in world.cameras() {
            let kinds: BTreeSet<String> = camera.faults.iter().map(|fault| format!("{:?}", fault.kind)).collect();
            assert_eq!(kinds.len(), super::KINDS.len(), "{}: {kinds:?}", camera.id);
            assert!(camera.faults.windows(2).all(|pair| pair[0].to_us < pair[1].from_us), "{}", camera.id);
        }
        let of = |id: &str| world.cameras().iter().find(|camera| camera.id == id).map(|camera| &camera.faults);
        assert_eq!(of("pol-crossing"), of("cty-crossing"), "one device has one set of faults");
        assert!(World::new(Options::default()).cameras().iter().all(|camera| camera.faults.is_empty()));
    }
}
