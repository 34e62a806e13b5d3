//! The devices of a city at work: the world goes on, and each device takes its pictures when they are due. Time comes
//! from whoever asks; nothing here reads a clock.

use std::sync::Arc;
use std::thread::JoinHandle;

use crate::camera::{Camera, Fault, FaultKind, View};
use crate::picture::fault::{clock_error_us, view_at};
use crate::picture::{Backdrop, Frame, Painter, Sensor};
use crate::truth::Seen;
use crate::world::{Layout, Light, World};

/// How often a device's backdrop is drawn anew: the sun moves by half a degree in two minutes.
const LIGHT_EVERY_US: i64 = 120_000_000;
/// How long before it is shown a backdrop is begun, on a thread of its own. Live it is shown once it is there, for no
/// picture waits; otherwise when due however long it took, so that the same seed gives the same pictures.
const BACKDROP_AHEAD_US: i64 = 5_000_000;
/// A device whose frame rate is low takes one of so many pictures.
const SLOW_TIMES: i64 = 5;
/// The world's step; devices take turns in it.
const STEP_US: i64 = 40_000;

/// No camera of that id.
#[derive(Debug, thiserror::Error)]
#[error("there is no camera {id:?} in the city; there are {known}")]
pub struct UnknownCamera {
    id: String,
    known: String,
}

/// One picture of one device.
#[derive(Debug)]
pub struct Shot<'a> {
    /// Which device, an index of [`Studio::devices`].
    pub device: usize,
    /// When it was taken, time of the world.
    pub t_us: i64,
    /// How far the device's own clock was ahead then.
    pub ahead_us: i64,
    /// Whether packets get lost on the way from it.
    pub lossy: bool,
    /// What it shows; none while the device gives no signal.
    pub frame: Option<&'a Frame>,
    /// Who and what is in it.
    pub seen: &'a [Seen],
}

/// A world and the devices that watch it.
pub struct Studio {
    world: World,
    layout: Arc<Layout>,
    cameras: Vec<Camera>,
    devices: Vec<Device>,
    epoch_us: i64,
    seed: u64,
    live: bool,
}

/// One device, by however many departments it is registered.
pub struct Device {
    /// Its name.
    pub name: String,
    /// The cameras that it is, indices of [`Studio::cameras`].
    pub cameras: Vec<usize>,
    camera: Camera,
    painter: Painter,
    sensor: Sensor,
    shown: Scene,
    backdrop: Backdrop,
    coming: Option<(Scene, JoinHandle<Backdrop>)>,
    frame: Frame,
    seen: Vec<Seen>,
    due_us: i64,
    first_light_us: i64,
}

/// What a backdrop is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scene {
    moved: bool,
    /// Counts the lights.
    light: i64,
}

/// The cameras of these ids in the world's order, all where there are none.
///
/// # Errors
/// An id that the city does not have.
pub fn wanted(world: &World, ids: &[String]) -> Result<Vec<Camera>, UnknownCamera> {
    let known = world.cameras();
    if let Some(id) = ids.iter().find(|id| known.iter().all(|camera| camera.id != **id)) {
        return Err(UnknownCamera::new(id, known));
    }
    let wanted = |camera: &&Camera| ids.is_empty() || ids.contains(&camera.id);
    Ok(known.iter().filter(wanted).cloned().collect())
}

impl UnknownCamera {
    fn new(id: &str, known: &[Camera]) -> UnknownCamera {
        let known: Vec<&str> = known.iter().map(|camera| camera.id.as_str()).collect();
        UnknownCamera { id: id.to_owned(), known: known.join(", ") }
    }
}

impl Studio {
    /// The cameras of these ids, all where there are none. Those of a `live` studio take turns, so that the work is
    /// even; otherwise all take their first picture at the world's zero.
    ///
    /// # Errors
    /// An id that the city does not have.
    pub fn new(world: World, ids: &[String], seed: u64, live: bool) -> Result<Studio, UnknownCamera> {
        let cameras = wanted(&world, ids)?;
        let layout = Arc::new(world.layout().clone());
        let mut studio = Studio { world, layout, cameras, devices: Vec::new(), epoch_us: 0, seed, live };
        studio.make_devices();
        Ok(studio)
    }

    /// Cameras that are watched.
    pub fn cameras(&self) -> &[Camera] {
        &self.cameras
    }

    /// Devices that take pictures.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The world as it is now.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The seed of the world and of the cameras' noise.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Says what time the world's zero is, microseconds since 1970 UTC.
    pub fn begin_at(&mut self, epoch_us: i64) {
        self.epoch_us = epoch_us;
    }

    /// What time the world's zero is, microseconds since 1970 UTC.
    pub fn epoch_us(&self) -> i64 {
        self.epoch_us
    }

    /// Adds a fault to a device, by the id of one of its cameras.
    ///
    /// # Errors
    /// An id that is not watched.
    pub fn add_fault(&mut self, id: &str, fault: &Fault) -> Result<(), UnknownCamera> {
        let cameras = &self.cameras;
        let is = |device: &&mut Device| device.cameras.iter().any(|index| cameras[*index].id == id);
        let Some(device) = self.devices.iter_mut().find(is) else {
            return Err(UnknownCamera::new(id, cameras));
        };
        device.camera.faults.push(fault.clone());
        device.sensor = Sensor::new(&device.camera, self.seed);
        for index in &device.cameras {
            self.cameras[*index].faults.push(fault.clone());
        }
        Ok(())
    }

    /// When the next picture is due, time of the world.
    pub fn due_us(&self) -> i64 {
        self.devices.iter().map(|device| device.due_us).min().unwrap_or(i64::MAX)
    }

    /// Lets the world come to the next picture and hands out what is due there, in the order of the devices.
    pub fn shoot(&mut self, mut take: impl FnMut(Shot<'_>)) {
        let t_us = self.due_us();
        self.world.advance(t_us);
        let light = self.world.light();
        for index in 0..self.devices.len() {
            self.prepare(index, t_us);
            let device = &mut self.devices[index];
            if device.due_us <= t_us {
                device.shoot(&self.world, &light, t_us, self.epoch_us);
                let lost = device.camera.fault(FaultKind::SignalLost, t_us).is_some();
                let (frame, seen) = if lost { (None, &[][..]) } else { (Some(&device.frame), &device.seen[..]) };
                let ahead_us = clock_error_us(&device.camera, t_us);
                let lossy = device.camera.fault(FaultKind::PacketLoss, t_us).is_some();
                take(Shot { device: index, t_us, ahead_us, lossy, frame, seen });
            }
        }
    }

    /// Leaves out what is due now, where painting has fallen behind the clock. The world goes on all the same.
    pub fn skip(&mut self) {
        let t_us = self.due_us();
        self.world.advance(t_us);
        for device in self.devices.iter_mut().filter(|device| device.due_us <= t_us) {
            device.due_us += device.period_us();
        }
    }

    fn make_devices(&mut self) {
        let mut named: Vec<(String, Vec<usize>)> = Vec::new();
        for (index, camera) in self.cameras.iter().enumerate() {
            match named.iter_mut().find(|(name, _)| *name == camera.physical) {
                Some((_, cameras)) => cameras.push(index),
                None => named.push((camera.physical.clone(), vec![index])),
            }
        }
        // Side by side: nobody is to wait for all of them one after the other.
        let views = named.iter().map(|(_, cameras)| self.cameras[cameras[0]].view());
        let drawn: Vec<_> = views.map(|view| self.draw(view)).collect();
        for ((number, (name, cameras)), drawn) in (0i64..).zip(named).zip(drawn) {
            let camera = self.cameras[cameras[0]].clone();
            let mut device = Device {
                painter: Painter::new(camera.view()),
                sensor: Sensor::new(&camera, self.seed),
                name,
                cameras,
                shown: Scene { moved: false, light: 0 },
                backdrop: drawn.join().expect("drawing does not panic"),
                coming: None,
                frame: Frame::new(camera.size_px.0, camera.size_px.1),
                seen: Vec::new(),
                due_us: 0,
                // One after the other, not all at once.
                first_light_us: LIGHT_EVERY_US / 16 * (number % 16 + 1),
                camera,
            };
            if self.live {
                device.due_us = number * STEP_US % device.period_us();
            }
            self.devices.push(device);
        }
    }

    /// Sees to it that a device has its backdrop, and the next one in time.
    fn prepare(&mut self, index: usize, t_us: i64) {
        let scene = self.devices[index].scene(t_us);
        let coming = self.devices[index].coming.as_ref();
        let is_there = coming.is_some_and(|(coming, thread)| *coming == scene && (thread.is_finished() || !self.live));
        if scene != self.devices[index].shown && (is_there || !self.live) {
            let thread = match self.devices[index].coming.take_if(|_| is_there) {
                Some((_, thread)) => thread,
                None => self.draw(view_at(&self.devices[index].camera, t_us)),
            };
            let backdrop = thread.join().expect("drawing does not panic");
            let device = &mut self.devices[index];
            if scene.moved != device.shown.moved {
                device.painter = Painter::new(view_at(&device.camera, t_us));
            }
            device.backdrop = backdrop;
            device.shown = scene;
        }
        let next = self.devices[index].scene(t_us + BACKDROP_AHEAD_US);
        let device = &self.devices[index];
        if next != device.shown && device.coming.as_ref().is_none_or(|(coming, _)| *coming != next) {
            let thread = self.draw(view_at(&self.devices[index].camera, t_us + BACKDROP_AHEAD_US));
            self.devices[index].coming = Some((next, thread));
        }
    }

    fn draw(&self, view: View) -> JoinHandle<Backdrop> {
        let (layout, light, seed) = (Arc::clone(&self.layout), self.world.light(), self.seed);
        let draw = move || Backdrop::new(&layout, &view, &light, seed);
        std::thread::Builder::new().name("backdrop".into()).spawn(draw).expect("the system gives a thread")
    }
}

impl Device {
    /// Its pictures' size.
    pub fn size_px(&self) -> (u32, u32) {
        self.camera.size_px
    }

    /// Pictures a second.
    pub fn fps(&self) -> f32 {
        self.camera.fps
    }

    fn period_us(&self) -> i64 {
        (1e6 / f64::from(self.camera.fps)).round() as i64
    }

    fn scene(&self, t_us: i64) -> Scene {
        let moved = self.camera.fault(FaultKind::Moved, t_us).is_some();
        Scene { moved, light: (t_us - self.first_light_us).div_euclid(LIGHT_EVERY_US) + 1 }
    }

    fn shoot(&mut self, world: &World, light: &Light, t_us: i64, epoch_us: i64) {
        let slow = self.camera.fault(FaultKind::LowFrameRate, t_us).is_some();
        self.due_us += self.period_us() * if slow { SLOW_TIMES } else { 1 };
        // A frozen device shows what it showed before, clock and all, and so that is what is seen in it.
        if [FaultKind::Frozen, FaultKind::SignalLost].iter().any(|kind| self.camera.fault(*kind, t_us).is_some()) {
            return;
        }
        self.seen = self.painter.paint(&self.backdrop, world.actors(), light, t_us, &mut self.frame);
        self.sensor.expose(&mut self.frame, light, t_us, epoch_us + t_us);
    }
}
