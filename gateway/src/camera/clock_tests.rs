//! The clock before cameras whose clocks lie, drift and leap, and before reports that are wrong.

use super::*;

const WALL: i64 = 1_790_000_000_000_000;

/// A camera of 25 frames a second whose clock is `offset` off and whose pictures take `delay` to arrive.
struct Camera {
    clock: MediaClock,
    offset_us: i64,
    delay_us: i64,
    jitter_us: i64,
    seed: u64,
    true_us: i64,
    rtp_us: i64,
    wall_step_us: i64,
}

impl Camera {
    fn new(offset_us: i64, delay_us: i64, jitter_us: i64, seed: u64) -> Self {
        let clock = MediaClock::new(Session::default());
        Self { clock, offset_us, delay_us, jitter_us, seed, true_us: 5_000_000, rtp_us: 77, wall_step_us: 0 }
    }

    fn now(&mut self) -> Now {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let jitter = ((self.seed >> 33) as i64) % (self.jitter_us + 1);
        let mono_us = self.true_us + self.delay_us + jitter;
        Now { mono_us, wall_us: mono_us + WALL + self.wall_step_us }
    }

    /// Frames for some seconds, a report every 5 s; gives (true capture, times) of each.
    fn run(&mut self, frames: u32, reports: bool) -> Vec<(i64, Times)> {
        let mut out = Vec::new();
        for n in 0..frames {
            let now = self.now();
            if reports && n % 125 == 60 {
                self.clock.sender_report(self.true_us + WALL + self.offset_us, self.rtp_us, now);
            }
            out.push((self.true_us + WALL + self.wall_step_us, self.clock.unit(self.rtp_us, now)));
            self.true_us += 40_000;
            self.rtp_us += 40_000;
        }
        out
    }
}

fn check_order_and_error(case: &str, times: &[(i64, Times)]) {
    for pair in times.windows(2) {
        assert!(pair[1].1.media_us > pair[0].1.media_us, "{case}: media time went back");
        assert!(pair[1].1.capture_us > pair[0].1.capture_us, "{case}: capture went back");
    }
    for (truth, time) in times {
        let error_ms = (time.capture_us - truth).abs() / 1000;
        assert!(error_ms <= i64::from(time.time_error_ms), "{case}: {error_ms} ms off, stated {time:?}");
    }
}

#[test]
fn the_stated_error_holds_for_every_delay_offset_and_jitter() {
    for seed in 0..200_u64 {
        let delay_us = (seed as i64 * 7_919) % 240_000;
        let offset_us = [0, 0, 40_000, -300_000, 900_000, -1_900_000, 30_000_000, -3_600_000_000][seed as usize % 8];
        let jitter_us = [0, 5_000, 60_000][seed as usize % 3];
        let mut camera = Camera::new(offset_us, delay_us, jitter_us, seed);
        let case = format!("seed {seed} offset {offset_us} delay {delay_us} jitter {jitter_us}");
        let times = camera.run(1_000, true);
        // The first seconds have seen too few arrivals to know the jitter.
        check_order_and_error(&case, &times[120..]);
        let last = times.last().unwrap().1;
        let believed = offset_us.abs() <= 2_000_000;
        assert_eq!(last.time_source == TimeSource::SenderReport, believed, "{case}");
        assert_eq!(camera.clock.view().drift, Some(!believed), "{case}");
        assert!((camera.clock.view().offset_ms.unwrap() - offset_us / 1000).abs() <= 251, "{case}");
    }
}

#[test]
fn a_synchronised_camera_gives_its_own_time_to_the_millisecond() {
    let mut camera = Camera::new(0, 120_000, 30_000, 1);
    let times = camera.run(1_000, true);
    for (truth, time) in &times[500..] {
        assert!((time.capture_us - truth).abs() < 1_000, "{} µs off", time.capture_us - truth);
        assert_eq!(time.time_source, TimeSource::SenderReport);
    }
}

#[test]
fn without_reports_arrival_is_used_and_the_jitter_is_taken_out() {
    let mut camera = Camera::new(0, 100_000, 80_000, 3);
    let times = camera.run(1_000, false);
    check_order_and_error("no reports", &times[100..]);
    let steps: Vec<_> = times[500..].windows(2).map(|pair| pair[1].1.capture_us - pair[0].1.capture_us).collect();
    assert!(steps.iter().all(|step| (step - 40_000).abs() < 10_000), "{steps:?}");
    assert_eq!(times[999].1.time_source, TimeSource::Arrival);
}

#[test]
fn drift_has_hysteresis_and_one_wrong_report_does_nothing() {
    let cases: [(&[i64], Option<bool>); 7] = [
        (&[0], None),
        (&[0, 0], Some(false)),
        (&[9_000, 0, 9_000, 0], Some(false)),
        (&[9_000, 9_000], Some(true)),
        (&[9_000, 9_000, 1_900, 1_900], Some(true)),
        (&[9_000, 9_000, 0, 9_000], Some(true)),
        (&[9_000, 9_000, 0, 0], Some(false)),
    ];
    for (offsets_ms, expected) in cases {
        let mut drift = Drift::default();
        offsets_ms.iter().for_each(|offset| drift.report(offset * 1000));
        assert_eq!(drift.state, expected, "{offsets_ms:?}");
    }
}

#[test]
fn a_gateway_clock_that_is_set_moves_capture_and_not_media_time() {
    let mut camera = Camera::new(0, 50_000, 10_000, 9);
    camera.run(500, false);
    camera.wall_step_us = -3_600_000_000;
    let after = camera.run(250, false);
    check_order_and_error("set back by an hour", &after);
}

#[test]
fn a_break_in_the_timestamps_does_not_break_media_time() {
    for jump_us in [-3_600_000_000_i64, -2_000_000, -500_000, 15_000_000, 40_000_000_000, i64::from(u32::MAX) * 11] {
        let mut camera = Camera::new(0, 50_000, 10_000, 4);
        let before = camera.run(300, true).last().unwrap().1;
        camera.rtp_us += jump_us;
        let after = camera.run(600, true);
        // A short step back looks like B-frames for a while: the decoder leaves those pictures out.
        let settled: Vec<_> = after.into_iter().filter(|(_, time)| time.media_us > before.media_us).collect();
        assert!(settled.len() > 550, "{jump_us}: {}", settled.len());
        check_order_and_error(&format!("jump of {jump_us}"), &settled[260..]);
        let first = settled[0].1.media_us - before.media_us;
        assert!((0..2_000_000).contains(&first), "{jump_us}: media time jumped {first}");
    }
}

#[test]
fn b_frames_are_ordered_by_presentation() {
    let mut clock = MediaClock::new(Session { number: 3, media_floor_us: 9_000_000 });
    let mut times = Vec::new();
    for (n, order) in [0_i64, 3, 1, 2, 6, 4, 5, 9, 7, 8].into_iter().enumerate() {
        let mono_us = 2_000_000 + n as i64 * 40_000;
        let now = Now { mono_us, wall_us: mono_us + WALL };
        times.push((order, clock.unit(order * 40_000, now)));
    }
    times.sort_by_key(|(order, _)| *order);
    assert!(times[0].1.media_us > 9_000_000 && times[0].1.session == 3);
    for pair in times.windows(2) {
        assert_eq!(pair[1].1.media_us - pair[0].1.media_us, 40_000);
        assert!(pair[1].1.capture_us > pair[0].1.capture_us, "{pair:?}");
    }
}

#[test]
fn ntp_time_is_read_in_both_eras() {
    assert_eq!(ntp_to_unix_us(0), None);
    assert_eq!(ntp_to_unix_us(2_208_988_800 << 32), Some(0));
    assert_eq!(ntp_to_unix_us((2_208_988_800 << 32) | (1 << 31)), Some(500_000));
    // 2036-02-07T06:28:16Z, where the 32 bits wrap.
    assert_eq!(ntp_to_unix_us(1), Some(2_085_978_496_000_000));
}
