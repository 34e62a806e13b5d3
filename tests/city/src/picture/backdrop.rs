//! The picture of a camera without anybody in it, made once for a light: colours, depths, and what falls on the
//! ground, so that movers, their shadows and their lamps can be put over it picture after picture.

use std::sync::atomic::{AtomicU64, Ordering};

use glam::{Vec2, Vec3};

use super::contact;
use super::frame::Frame;
use super::glare;
use super::illumination::{Illumination, Lamp};
use super::noise::hash;
use super::raster::{Area, Corner, Dot, Slope, before_lens, clip, may_cover, rows};
use super::shadow::{Shades, ShadowMap};
use super::statics::{Face, What, collect};
use super::surface::{Sent, Shading};
use super::sway::Swaying;
use super::tone::Tone;
use crate::camera::View;
use crate::world::{Layout, Light};

/// Samples of a pixel along each side.
pub(crate) const SAMPLES: i32 = 2;
/// Rows of pixels that are drawn at a time, so that the samples stay small.
const BAND_ROWS: i32 = 32;

/// What is behind everybody.
pub struct Backdrop {
    /// Different for each backdrop that was ever made, so that a painter knows its own.
    pub(crate) serial: u64,
    /// One over the depth of each sample, 1/m; 0 is the sky.
    pub(crate) near: Vec<f32>,
    /// Light of each pixel.
    pub(crate) light: Vec<Vec3>,
    /// The sun's part of the light of ground, 0–1; 0 elsewhere.
    pub(crate) sun: Vec<f32>,
    /// Reflected part of white light of ground; negative where there is no flat ground.
    pub(crate) ground: Vec<f32>,
    /// The picture as it is without anybody.
    pub(crate) still: Frame,
    /// The camera's curve.
    pub(crate) tone: Tone,
    /// The light.
    pub(crate) illumination: Illumination,
    /// Lit street lamps.
    pub(crate) lamps: Vec<Lamp>,
    /// What moves in the wind.
    pub(crate) swaying: Vec<Swaying>,
    /// What keeps the sun off movers.
    pub(crate) shades: Shades,
}

/// A sample on its way to the picture.
#[derive(Clone, Copy)]
struct Sample {
    what: What,
    light: [f32; 6],
}

const EMPTY: Sample = Sample { what: What::Nothing, light: [0.0; 6] };

impl Backdrop {
    /// Draws what a camera sees of a layout in a light. The seed is that of clouds and puddles.
    pub fn new(layout: &Layout, view: &View, light: &Light, seed: u64) -> Backdrop {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let illumination = Illumination::new(light);
        let lamps = reachable(Lamp::all(layout, illumination.lamps), view);
        let (faces, feet) = collect(layout, view, light, &illumination, &lamps);
        let shadows = shadow_maps(view, &illumination, &faces);
        let seed = hash(seed as u32 as i32, (seed >> 32) as i32, 0xB);
        let shading = Shading { layout, view, light, illumination, lamps: &lamps, shadows: &shadows, seed };
        let (width, height) = (view.size_px.0 as i32, view.size_px.1 as i32);
        let mut open = vec![1.0f32; (width * height) as usize];
        for foot in &feet {
            contact::around(view, foot, &Area::of_size(width, height), |x, y, dark| {
                let kept = &mut open[(y * width + x) as usize];
                *kept *= 1.0 - 0.55 * dark;
            });
        }
        let mut drawing = Drawing::new(&shading, &open);
        let dots = drawing.project(&faces);
        for from in (0..height).step_by(BAND_ROWS as usize) {
            drawing.band(&dots, from, (from + BAND_ROWS).min(height));
        }
        let Drawing { near, mut sent, .. } = drawing;
        let tone = exposure(&sent, &illumination);
        glare::spread(&mut sent, width as usize, tone.gain());
        let mut still = Frame::new(width as u32, height as u32);
        develop(&sent, &tone, &mut still);
        Backdrop {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            near,
            light: sent.iter().map(|(sent, _)| sent.light).collect(),
            sun: sent.iter().map(|(sent, flat)| if *flat { share(sent.sun, sent.light) } else { 0.0 }).collect(),
            ground: sent.iter().map(|(sent, flat)| if *flat { sent.albedo } else { -1.0 }).collect(),
            still,
            tone,
            illumination,
            lamps,
            swaying: Swaying::all(layout, view),
            shades: Shades::new(layout, view.eye.truncate(), 160.0),
        }
    }

    /// The picture without anybody.
    pub fn still(&self) -> &Frame {
        &self.still
    }
}

/// The lamps that may light something in the picture.
fn reachable(mut lamps: Vec<Lamp>, view: &View) -> Vec<Lamp> {
    lamps.retain(|lamp| {
        let at = before_lens(view, lamp.at);
        at.z > -30.0 && at.z < 150.0 && at.x.abs() < at.z.max(0.0) * 1.2 + 30.0
    });
    lamps
}

/// A fine map around what is near the camera, and a coarse one for the rest; none without sun.
fn shadow_maps(view: &View, illumination: &Illumination, faces: &[Face]) -> Vec<ShadowMap> {
    if illumination.sun.y < 1e-3 {
        return Vec::new();
    }
    let level = view.forward.truncate().normalize_or(Vec2::ZERO);
    let ahead = view.ground(Vec2::new(view.size_px.0 as f32, view.size_px.1 as f32) * 0.5);
    let reach = ahead.map_or(30.0, |ahead| ahead.distance(view.eye.truncate()).min(30.0));
    let middle = |reach: f32| (view.eye.truncate() + level * reach).extend(0.0);
    let size = (view.size_px.0 as i32 * 3).clamp(256, 2048);
    let mut maps = vec![
        ShadowMap::new(illumination.to_sun, middle(reach), 40.0, size),
        ShadowMap::new(illumination.to_sun, middle(70.0), 150.0, size),
    ];
    for map in &mut maps {
        faces.iter().for_each(|face| map.add(face.at));
    }
    maps
}

/// Draws samples band by band and makes pixels of them.
struct Drawing<'a> {
    shading: &'a Shading<'a>,
    /// Part of the sky that the ground of each pixel sees.
    open: &'a [f32],
    width: i32,
    near: Vec<f32>,
    /// What each pixel sends, and whether it is flat ground.
    sent: Vec<(Sent, bool)>,
    samples: Vec<Sample>,
}

/// A triangle on the sample grid, with the rows it may touch.
struct Drawn {
    dots: [Dot<6>; 3],
    what: What,
    from: f32,
    to: f32,
}

impl<'a> Drawing<'a> {
    fn new(shading: &'a Shading<'a>, open: &'a [f32]) -> Drawing<'a> {
        let (width, height) = shading.view.size_px;
        let pixels = width as usize * height as usize;
        let samples = width as usize * (BAND_ROWS * SAMPLES * SAMPLES) as usize;
        Drawing {
            shading,
            open,
            width: width as i32,
            near: vec![0.0; pixels * (SAMPLES * SAMPLES) as usize],
            sent: Vec::with_capacity(pixels),
            samples: vec![EMPTY; samples],
        }
    }

    /// Brings triangles onto the sample grid: ground first, in its order.
    fn project(&self, faces: &[Face]) -> Vec<Drawn> {
        let ground = self.shading.layout.ground.iter().enumerate().flat_map(|(index, ground)| {
            let outline = &ground.outline;
            (2..outline.len()).map(move |corner| Face {
                at: [0, corner - 1, corner].map(|corner| outline[corner].extend(0.0)),
                light: [[0.0; 6]; 3],
                what: What::Ground(index as u32),
            })
        });
        let view = self.shading.view;
        let mut drawn = Vec::with_capacity(faces.len());
        for face in ground.chain(faces.iter().copied()) {
            let corners = [0, 1, 2].map(|i| Corner { at: before_lens(view, face.at[i]), values: face.light[i] });
            clip(view, corners, |dots| {
                let dots = dots.map(|dot| Dot { at: dot.at * SAMPLES as f32 - Vec2::splat(0.5), ..dot });
                let rows = dots.map(|dot| dot.at.y);
                let columns = dots.map(|dot| dot.at.x);
                let right = (self.width * SAMPLES) as f32;
                if columns.iter().all(|&x| x < 0.0) || columns.iter().all(|&x| x > right) {
                    return;
                }
                let (from, to) = (rows[0].min(rows[1]).min(rows[2]), rows[0].max(rows[1]).max(rows[2]));
                drawn.push(Drawn { dots, what: face.what, from, to });
            });
        }
        drawn
    }

    /// Draws the rows of pixels `from..to`.
    fn band(&mut self, drawn: &[Drawn], from: i32, to: i32) {
        let columns = self.width * SAMPLES;
        let area = Area { x0: 0, y0: from * SAMPLES, x1: columns, y1: to * SAMPLES };
        self.samples.fill(EMPTY);
        // Flat ground everywhere below the horizon: one over its depth is linear over the picture.
        let eye = self.shading.view.eye;
        for y in area.y0..area.y1 {
            let step = 1.0 / SAMPLES as f32;
            let ray = |x: i32| self.shading.view.ray(Vec2::new(x as f32 + 0.5, y as f32 + 0.5) * step);
            let (left, change) = (-ray(0).z / eye.z, -(ray(1).z - ray(0).z) / eye.z);
            let start = (y * columns) as usize;
            for (x, near) in self.near[start..start + columns as usize].iter_mut().enumerate() {
                *near = (left + change * x as f32).max(0.0);
            }
        }
        for triangle in drawn.iter().filter(|drawn| drawn.to >= area.y0 as f32 && drawn.from <= area.y1 as f32) {
            self.fill(triangle, &area);
        }
        for y in from..to {
            for x in 0..self.width {
                let sent = self.pixel(x, y, from);
                self.sent.push(sent);
            }
        }
    }

    fn fill(&mut self, drawn: &Drawn, area: &Area) {
        let corners = drawn.dots.map(|dot| dot.at);
        let [a, b, c] = corners;
        if !may_cover(corners) || (b - a).perp_dot(c - a).abs() < 1e-6 {
            return;
        }
        let depths = Slope::new(corners, drawn.dots.map(|dot| [dot.near]));
        let lights = Slope::new(corners, drawn.dots.map(|dot| dot.values));
        let ground = matches!(drawn.what, What::Ground(_));
        let (near, samples, columns) = (&mut self.near, &mut self.samples, self.width * SAMPLES);
        rows(corners, area, |y, from, to| {
            for x in from..to {
                let index = (y * columns + x) as usize;
                let band_index = ((y - area.y0) * columns + x) as usize;
                if ground {
                    samples[band_index].what = drawn.what;
                    continue;
                }
                let [depth] = depths.at(x, y);
                if depth > near[index] {
                    near[index] = depth;
                    samples[band_index] = Sample { what: drawn.what, light: lights.at(x, y) };
                }
            }
        });
    }

    /// What a pixel sends: the mean of what its samples show, each thing shaded once.
    fn pixel(&self, x: i32, y: i32, band_from: i32) -> (Sent, bool) {
        const COUNT: usize = (SAMPLES * SAMPLES) as usize;
        let columns = self.width * SAMPLES;
        let mut here = [(EMPTY, 0.0); COUNT];
        for (index, slot) in here.iter_mut().enumerate() {
            let (dx, dy) = (index as i32 % SAMPLES, index as i32 / SAMPLES);
            let (column, row) = (x * SAMPLES + dx, y * SAMPLES + dy);
            *slot = (
                self.samples[((row - band_from * SAMPLES) * columns + column) as usize],
                self.near[(row * columns + column) as usize],
            );
        }
        let ray = self.shading.view.ray(Vec2::new(x as f32 + 0.5, y as f32 + 0.5));
        let open = self.open[(y * self.width + x) as usize];
        let mut sum = Sent::default();
        let mut flat = 0;
        let mut done = [false; COUNT];
        for first in 0..COUNT {
            if done[first] {
                continue;
            }
            let (sample, _) = here[first];
            let (mut count, mut near, mut light) = (0.0, 0.0, [0.0; 6]);
            for other in first..COUNT {
                if !done[other] && here[other].0.what == sample.what && (here[other].1 > 0.0) == (here[first].1 > 0.0) {
                    done[other] = true;
                    count += 1.0;
                    near += here[other].1;
                    light.iter_mut().zip(here[other].0.light).for_each(|(sum, part)| *sum += part);
                }
            }
            let sent = self.shade(sample.what, ray, near / count, light.map(|part| part / count), open);
            if matches!(sample.what, What::Ground(_) | What::Nothing) && near > 0.0 {
                flat += count as usize;
            }
            let weight = count / COUNT as f32;
            sum.light += sent.light * weight;
            sum.sun += sent.sun * weight;
            sum.albedo += sent.albedo * weight;
            sum.mirror += sent.mirror * weight;
        }
        (sum, flat * 2 > COUNT)
    }

    fn shade(&self, what: What, ray: Vec3, near: f32, light: [f32; 6], open: f32) -> Sent {
        let shading = self.shading;
        let eye = shading.view.eye;
        if near <= 0.0 {
            return Sent { light: shading.sky(ray), ..Sent::default() };
        }
        let point = eye + ray / near;
        let on_plane = || eye - ray * (eye.z / ray.z.min(-1e-4));
        match what {
            What::Nothing => shading.ground(None, on_plane().with_z(0.0), open),
            What::Ground(index) => shading.ground(Some(index), on_plane().with_z(0.0), open),
            What::Building(index) => shading.wall(&shading.layout.buildings[index as usize], point),
            What::Prop => {
                let [r, g, b, sr, sg, sb] = light;
                let sun = Vec3::new(sr, sg, sb) * shading.sun_at(point + shading.illumination.to_sun * 0.06);
                let all = Vec3::new(r, g, b) + sun;
                let hazed = shading.illumination.through_haze(all, (point - eye).length());
                Sent { light: hazed, sun, albedo: 0.2, mirror: 0.0 }
            }
        }
    }
}

/// The exposure a camera would choose: for the mean of what it sees, dark at night because gain has its limit.
fn exposure(sent: &[(Sent, bool)], illumination: &Illumination) -> Tone {
    let luma = |light: Vec3| light.dot(Vec3::new(0.3, 0.59, 0.11));
    let mean = sent.iter().map(|(sent, _)| luma(sent.light).clamp(1e-4, 0.6).ln()).sum::<f32>() / sent.len() as f32;
    let target = 0.19 - 0.07 * illumination.lamps;
    Tone::new((target / mean.exp()).clamp(0.3, 50.0), 0.95 - 0.25 * illumination.lamps)
}

/// The sun's part of the light.
fn share(sun: Vec3, light: Vec3) -> f32 {
    (sun.y / light.y.max(1e-6)).clamp(0.0, 1.0)
}

/// Light into a picture.
fn develop(sent: &[(Sent, bool)], tone: &Tone, frame: &mut Frame) {
    let width = frame.width_px as usize;
    let mut colour = vec![[0.0f32; 2]; frame.u.len()];
    for (index, (sent, _)) in sent.iter().enumerate() {
        let [y, u, v] = tone.map(sent.light);
        frame.y[index] = (y + 0.5) as u8;
        let sum = &mut colour[index / width / 2 * (width / 2) + index % width / 2];
        sum[0] += u;
        sum[1] += v;
    }
    for ((u, v), sum) in frame.u.iter_mut().zip(&mut frame.v).zip(colour) {
        (*u, *v) = ((sum[0] * 0.25 + 0.5) as u8, (sum[1] * 0.25 + 0.5) as u8);
    }
}
