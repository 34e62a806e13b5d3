//! Options of the commands that show a city: which world, and what is wrong with its cameras.

use std::str::FromStr;

use yiwang_city::camera::{Camera, Fault as CameraFault, FaultKind};
use yiwang_city::stream::{Studio, wanted};
use yiwang_city::world::{Options, World};

use super::Fault;

#[derive(Debug, clap::Args)]
pub(crate) struct WorldArgs {
    /// The same seed gives the same world.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Local hour when it begins, 0–24.
    #[arg(long, default_value_t = 10.0)]
    hour: f32,
    /// 0 clear, 1 overcast.
    #[arg(long, default_value_t = 0.3)]
    cloud: f32,
    /// 0 dry, 1 heavy rain.
    #[arg(long, default_value_t = 0.0)]
    rain: f32,
    /// How much is going on; 1 is usual for the hour.
    #[arg(long, default_value_t = 1.0)]
    density: f32,
    /// Incidents in the whole city.
    #[arg(long, default_value_t = 8.0)]
    incidents_per_min: f32,
    /// Cameras have faults, by the world's own schedule.
    #[arg(long)]
    faults: bool,
    /// A fault more: CAMERA:KIND:FROM:TO, seconds of the world; may be given many times.
    #[arg(long, value_name = "CAMERA:KIND:FROM:TO")]
    fault: Vec<OneFault>,
    /// Only these cameras, by id.
    #[arg(long, value_delimiter = ',')]
    cameras: Vec<String>,
}

/// A fault as the command line names it.
#[derive(Debug, Clone, PartialEq)]
struct OneFault {
    camera: String,
    fault: CameraFault,
}

impl WorldArgs {
    /// The world.
    pub(crate) fn world(&self) -> World {
        World::new(Options {
            seed: self.seed,
            hour: self.hour,
            cloud: self.cloud,
            rain: self.rain,
            density: self.density,
            faults: self.faults,
            incidents_per_min: self.incidents_per_min,
            ..Options::default()
        })
    }

    /// The cameras that are asked for.
    pub(crate) fn wanted(&self, world: &World) -> Result<Vec<Camera>, Fault> {
        Ok(wanted(world, &self.cameras)?)
    }

    /// The seed.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// The cameras with the faults that are asked for beside their own.
    pub(crate) fn faulty(&self, mut cameras: Vec<Camera>) -> Vec<Camera> {
        for camera in &mut cameras {
            let mine = self.fault.iter().filter(|one| one.camera == camera.id);
            camera.faults.extend(mine.map(|one| one.fault.clone()));
        }
        cameras
    }

    /// The world with the cameras that are asked for; see [`Studio::new`].
    pub(crate) fn studio(&self, live: bool) -> Result<Studio, Fault> {
        let mut studio = Studio::new(self.world(), &self.cameras, self.seed, live)?;
        for one in &self.fault {
            studio.add_fault(&one.camera, &one.fault)?;
        }
        Ok(studio)
    }

    /// What time it is, microseconds since 1970 UTC, when a world of clips begins: 21 June 2026 in the east of China.
    pub(crate) fn epoch_us(&self) -> i64 {
        const MIDNIGHT_US: i64 = 1_781_971_200_000_000;
        MIDNIGHT_US + (f64::from(self.hour) * 3.6e9) as i64
    }
}

impl FromStr for OneFault {
    type Err = String;

    fn from_str(text: &str) -> Result<OneFault, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let [camera, kind, from, to] = parts[..] else {
            return Err("it is written CAMERA:KIND:FROM:TO".to_owned());
        };
        let kind: FaultKind = serde_json::from_value(kind.into()).map_err(|error| error.to_string())?;
        let us = |text: &str| match text.parse::<f64>() {
            Ok(seconds) if (0.0..1e9).contains(&seconds) => Ok((seconds * 1e6) as i64),
            _ => Err(format!("{text:?} is no number of seconds")),
        };
        let (from_us, to_us) = (us(from)?, us(to)?);
        if from_us >= to_us {
            return Err("it ends before it begins".to_owned());
        }
        Ok(OneFault { camera: camera.to_owned(), fault: CameraFault { kind, from_us, to_us } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_and_what_is_wrong_is_named() {
        let one: OneFault = "gate:signal_lost:60:90.5".parse().expect("a fault");
        let fault = CameraFault { kind: FaultKind::SignalLost, from_us: 60_000_000, to_us: 90_500_000 };
        assert_eq!(one, OneFault { camera: "gate".into(), fault });
        for (text, word) in
            [("gate:dark", "CAMERA:KIND"), ("g:gone:1:2", "gone"), ("g:dark:soon:2", "soon"), ("g:dark:2:1", "ends")]
        {
            let error = text.parse::<OneFault>().expect_err("wrong");
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
