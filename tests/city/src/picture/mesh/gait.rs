//! How a body is held: from a pose to the joints. Angles of the gait after Winter, Biomechanics and Motor Control of
//! Human Movement (table of a natural cadence), rounded.

use glam::{Mat3, Vec3};

use super::look::Look;
use crate::world::Pose;

/// How fast somebody goes; chooses the movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Pace {
    Stroll,
    Walk,
    Run,
}

impl Pace {
    pub(super) fn of(speed_mps: f32) -> Pace {
        match speed_mps {
            speed if speed > 2.3 => Pace::Run,
            speed if speed > 0.9 => Pace::Walk,
            _ => Pace::Stroll,
        }
    }
}

/// Joints, metres, in the actor's axes; pairs are left and right.
pub(super) struct Skeleton {
    pub(super) stature_m: f32,
    pub(super) pelvis: Vec3,
    /// Forward lean of the pelvis and of the chest, radians.
    pub(super) lean_rad: [f32; 2],
    /// Turn of the chest to the left, radians.
    pub(super) twist_rad: f32,
    pub(super) head_axes: Mat3,
    pub(super) hips: [Vec3; 2],
    pub(super) knees: [Vec3; 2],
    pub(super) ankles: [Vec3; 2],
    /// Pitch of the feet, toes up is positive, radians.
    pub(super) feet_rad: [f32; 2],
    pub(super) elbows: [Vec3; 2],
    pub(super) wrists: [Vec3; 2],
    pub(super) shoulders: [Vec3; 2],
}

pub(super) const SIDES: [f32; 2] = [1.0, -1.0];
pub(super) const THIGH: f32 = 0.245;
pub(super) const SHANK: f32 = 0.246;
const SOLE: f32 = 0.039;
pub(super) const UPPER_ARM: f32 = 0.178;
pub(super) const FOREARM: f32 = 0.155;
/// Height of the shoulders' joints above the hips', parts of the stature.
const SHOULDER: f32 = 0.268;

const WALK_HIP: [f32; 10] = [25.0, 22.0, 13.0, 4.0, -5.0, -11.0, -5.0, 12.0, 24.0, 28.0];
const WALK_KNEE: [f32; 10] = [5.0, 15.0, 17.0, 11.0, 6.0, 9.0, 34.0, 60.0, 50.0, 17.0];
const WALK_ANKLE: [f32; 10] = [0.0, -5.0, 3.0, 7.0, 10.0, 5.0, -15.0, -8.0, 2.0, 2.0];
const RUN_HIP: [f32; 10] = [36.0, 28.0, 14.0, 0.0, -10.0, -4.0, 18.0, 38.0, 50.0, 46.0];
const RUN_KNEE: [f32; 10] = [18.0, 38.0, 38.0, 24.0, 25.0, 65.0, 98.0, 95.0, 60.0, 25.0];
const RUN_ANKLE: [f32; 10] = [4.0, 12.0, 18.0, 5.0, -18.0, -20.0, -10.0, 0.0, 2.0, 4.0];

fn curve(table: &[f32; 10], phase: f32) -> f32 {
    let place = phase.rem_euclid(1.0) * 10.0;
    let (index, part) = (place as usize % 10, place.fract());
    (table[index] + (table[(index + 1) % 10] - table[index]) * part).to_radians()
}

/// Angles of one leg and one arm.
#[derive(Clone, Copy, Default)]
struct Leg {
    hip: f32,
    knee: f32,
    ankle: f32,
}

#[derive(Clone, Copy)]
struct Arm {
    swing: f32,
    out: f32,
    elbow: f32,
    inward: f32,
}

const HANGING: Arm = Arm { swing: 0.0, out: 0.14, elbow: 0.2, inward: 0.05 };
const PHONE_BEFORE: Arm = Arm { swing: 0.45, out: 0.05, elbow: 1.75, inward: 0.45 };
const PHONE_AT_EAR: Arm = Arm { swing: 0.55, out: 0.45, elbow: 2.3, inward: 0.25 };
const CROSSED: Arm = Arm { swing: 0.25, out: 0.12, elbow: 1.35, inward: 1.0 };
const IN_POCKET: Arm = Arm { swing: -0.3, out: 0.32, elbow: 0.75, inward: 0.45 };
const ON_HIP: Arm = Arm { swing: -0.35, out: 0.75, elbow: 1.0, inward: 1.1 };
const BEHIND: Arm = Arm { swing: -0.35, out: 0.15, elbow: 0.35, inward: 0.7 };

impl Skeleton {
    /// Somebody on foot.
    pub(super) fn on_foot(stature_m: f32, look: Look, female: bool, pose: Pose, pace: Pace) -> Skeleton {
        let mut legs = [Leg::default(); 2];
        let mut arms = [HANGING; 2];
        let mut lean = [0.0, 0.03];
        let (mut twist, mut nod, mut gaze) = (0.0, 0.05, 0.0);
        match pose {
            Pose::Walk { phase } => {
                let run = pace == Pace::Run;
                let reach = if pace == Pace::Stroll { 0.65 } else { 1.0 } * look.between("stride", 0.9, 1.1);
                for (side, leg) in legs.iter_mut().enumerate() {
                    let phase = phase + 0.5 * side as f32;
                    let (hip, knee, ankle) =
                        if run { (&RUN_HIP, &RUN_KNEE, &RUN_ANKLE) } else { (&WALK_HIP, &WALK_KNEE, &WALK_ANKLE) };
                    *leg = Leg {
                        hip: reach * curve(hip, phase),
                        knee: reach * curve(knee, phase),
                        ankle: curve(ankle, phase),
                    };
                    let swing = -(phase * std::f32::consts::TAU).cos();
                    let wide = look.between("arm swing", 0.3, 0.5) * reach;
                    arms[side] = if run {
                        Arm { swing: 0.65 * swing - 0.1, out: 0.25, elbow: 1.5, inward: 0.3 }
                    } else {
                        Arm { swing: wide * swing, elbow: 0.25 + 0.2 * swing.max(0.0), ..HANGING }
                    };
                }
                lean = if run { [0.08, 0.2] } else { [0.02, look.between("lean", 0.02, 0.1)] };
                twist = 0.1 * (phase * std::f32::consts::TAU).cos();
                if !run {
                    held_while_walking(look, &mut arms, &mut nod);
                }
            }
            Pose::Stand { phase } => {
                let sway = (phase * std::f32::consts::TAU).sin();
                legs[0] = Leg { hip: 0.06 + 0.02 * sway, knee: 0.08 + 0.03 * sway, ankle: 0.02 };
                legs[1] = Leg { hip: 0.02 - 0.02 * sway, knee: 0.06, ankle: 0.0 };
                stance(look, &mut arms, &mut nod);
                arms.iter_mut().for_each(|arm| arm.swing += 0.04 * sway);
                gaze = 0.5 * sway * look.between("gaze", -1.0, 1.0);
                lean[1] += 0.02 * sway;
                twist = 0.05 * sway;
            }
            Pose::Bend { depth } => {
                let depth = depth.clamp(0.0, 1.0);
                let squat = look.chance("squat", 0.5);
                let (fold, bow) = if squat { (1.75, 0.65) } else { (0.45, 1.25) };
                for (side, leg) in legs.iter_mut().enumerate() {
                    let step = if side == 0 { 0.15 } else { -0.1 };
                    *leg = Leg {
                        hip: depth * (fold * 0.62 + step),
                        knee: depth * fold,
                        ankle: depth * (0.38 * fold - step),
                    };
                    arms[side] = Arm { swing: depth * 0.35, out: 0.1, elbow: 0.25, inward: 0.1 };
                }
                lean = [depth * bow * 0.6, depth * bow];
                nod = 0.1 + 0.3 * depth;
            }
            Pose::Ride { .. } | Pose::Drive { .. } | Pose::Rest => {}
        }
        let mut body = Skeleton::trunk(stature_m, female, lean, twist);
        for (side, leg) in legs.into_iter().enumerate() {
            body.set_leg(side, leg);
        }
        // The lower foot stands on the ground.
        let lowest = (0..2).map(|side| body.foot_lowest_m(side)).fold(f32::INFINITY, f32::min);
        body.lift(-lowest);
        for (side, arm) in arms.into_iter().enumerate() {
            body.set_arm(side, arm);
        }
        body.head_axes = Mat3::from_rotation_z(gaze + twist * 0.3) * Mat3::from_rotation_y(lean[1] * 0.6 + nod);
        // A bow moves the hips back so that the weight stays over the feet.
        body.shift(Vec3::new(-0.3 * stature_m * lean[0].sin() * 0.8, 0.0, 0.0));
        body
    }

    /// Hips, spine and shoulders with the pelvis at the height of straight legs; limbs follow.
    pub(super) fn trunk(stature_m: f32, female: bool, lean_rad: [f32; 2], twist_rad: f32) -> Skeleton {
        let pelvis = Vec3::new(0.0, 0.0, (THIGH + SHANK + SOLE) * stature_m);
        let hip = if female { 0.052 } else { 0.05 } * stature_m;
        let hips = SIDES.map(|side| pelvis + Vec3::Y * (hip * side));
        let zero = [Vec3::ZERO; 2];
        let mut body = Skeleton {
            stature_m,
            pelvis,
            lean_rad,
            twist_rad,
            head_axes: Mat3::IDENTITY,
            hips,
            knees: zero,
            ankles: zero,
            feet_rad: [0.0; 2],
            elbows: zero,
            wrists: zero,
            shoulders: zero,
        };
        body.place_shoulders(female);
        body
    }

    fn place_shoulders(&mut self, female: bool) {
        let (at, axes) = self.spine(SHOULDER);
        let half = if female { 0.092 } else { 0.105 } * self.stature_m;
        self.shoulders = SIDES.map(|side| at + axes.y_axis * (half * side));
    }

    /// A point of the spine and the body's axes there; `height` above the hips, part of the stature.
    pub(super) fn spine(&self, height: f32) -> (Vec3, Mat3) {
        const BENDS_TO: f32 = 0.2;
        let lean = |h: f32| self.lean_rad[0] + (self.lean_rad[1] - self.lean_rad[0]) * (h / BENDS_TO).clamp(0.0, 1.0);
        let steps = 6;
        let step = height / steps as f32;
        let at = (0..steps).fold(self.pelvis, |at, i| {
            let angle = lean(step * (i as f32 + 0.5));
            at + Vec3::new(angle.sin(), 0.0, angle.cos()) * (step * self.stature_m)
        });
        let turn = self.twist_rad * (height / SHOULDER).clamp(-0.3, 1.0);
        (at, Mat3::from_rotation_y(lean(height)) * Mat3::from_rotation_z(turn))
    }

    fn set_leg(&mut self, side: usize, leg: Leg) {
        let way = |angle: f32| Vec3::new(angle.sin(), 0.0, -angle.cos());
        let apart = Vec3::Y * (SIDES[side] * 0.012 * self.stature_m);
        self.knees[side] = self.hips[side] + way(leg.hip) * (THIGH * self.stature_m) + apart * 0.4;
        self.ankles[side] = self.knees[side] + way(leg.hip - leg.knee) * (SHANK * self.stature_m) - apart * 0.4;
        self.feet_rad[side] = leg.hip - leg.knee + leg.ankle;
    }

    fn set_arm(&mut self, side: usize, arm: Arm) {
        let sign = SIDES[side];
        let (_, axes) = self.spine(SHOULDER);
        // Hanging arms hang down whatever the back does; the shoulders' turn takes them along.
        let turn = Mat3::from_rotation_z(axes.x_axis.y.atan2(axes.x_axis.x));
        let upper = Vec3::new(arm.swing.sin() * arm.out.cos(), sign * arm.out.sin(), -arm.swing.cos() * arm.out.cos());
        let bend = arm.swing + arm.elbow;
        let fore = Vec3::new(
            bend.sin() * arm.inward.cos(),
            sign * (arm.out * 0.5 - arm.inward).sin(),
            -bend.cos() * arm.inward.cos(),
        )
        .normalize_or(-Vec3::Z);
        self.elbows[side] = self.shoulders[side] + turn * upper * (UPPER_ARM * self.stature_m);
        self.wrists[side] = self.elbows[side] + turn * fore * (FOREARM * self.stature_m);
    }

    fn foot_lowest_m(&self, side: usize) -> f32 {
        let (sine, cosine) = self.feet_rad[side].sin_cos();
        let below = SOLE * self.stature_m * cosine;
        let (toe, heel) = (0.11 * self.stature_m * sine, -0.045 * self.stature_m * sine);
        self.ankles[side].z - below + toe.min(heel)
    }

    /// Moves everything.
    pub(super) fn shift(&mut self, by: Vec3) {
        self.pelvis += by;
        for pair in
            [&mut self.hips, &mut self.knees, &mut self.ankles, &mut self.shoulders, &mut self.elbows, &mut self.wrists]
        {
            pair.iter_mut().for_each(|joint| *joint += by);
        }
    }

    fn lift(&mut self, by_m: f32) {
        self.shift(Vec3::Z * by_m);
    }
}

/// The middle joint of a limb of two bones that reaches from one point to another, bent towards a direction.
pub(super) fn joint_between(from: Vec3, to: Vec3, first: f32, second: f32, towards: Vec3) -> Vec3 {
    let way = to - from;
    let distance = way.length().clamp(1e-3, (first + second) * 0.999);
    let way = way.normalize_or(-Vec3::Z);
    let along = (first * first - second * second + distance * distance) / (2.0 * distance);
    let aside = (first * first - along * along).max(0.0).sqrt();
    from + way * along + (towards - way * towards.dot(way)).normalize_or(Vec3::X) * aside
}

fn held_while_walking(look: Look, arms: &mut [Arm; 2], nod: &mut f32) {
    match (look.unit("walk hands") * 100.0) as u32 {
        0..10 => {
            arms[1] = PHONE_BEFORE;
            *nod = 0.35;
        }
        10..15 => arms[0] = PHONE_AT_EAR,
        15..23 => *arms = [IN_POCKET; 2],
        23..27 => *arms = [BEHIND; 2],
        _ => {}
    }
}

fn stance(look: Look, arms: &mut [Arm; 2], nod: &mut f32) {
    match (look.unit("stance") * 100.0) as u32 {
        0..25 => {
            arms[1] = PHONE_BEFORE;
            *nod = 0.4;
        }
        25..33 => arms[0] = PHONE_AT_EAR,
        33..43 => *arms = [CROSSED; 2],
        43..55 => *arms = [IN_POCKET; 2],
        55..62 => arms[1] = ON_HIP,
        62..68 => *arms = [BEHIND; 2],
        _ => {}
    }
}
