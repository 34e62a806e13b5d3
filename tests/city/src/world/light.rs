//! Sun, clouds, rain and lamps at one moment.

/// The light of a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Light {
    /// Direction towards the sun, radians counter-clockwise from east.
    pub sun_azimuth_rad: f32,
    /// Height of the sun, radians above the horizon; below it, it is dusk and then night.
    pub sun_elevation_rad: f32,
    /// 0 clear sky with hard shadows, 1 overcast without any.
    pub cloud: f32,
    /// 0 dry, 1 heavy rain; also how wet the ground is.
    pub rain: f32,
    /// Wind that sways trees and flags, 0–1.
    pub wind: f32,
}

impl Light {
    /// The light at an hour of the day, 0–24, of a June day at 30° north: sunrise near 5, sunset near 19.
    pub fn at_hour(hour: f32, cloud: f32, rain: f32, wind: f32) -> Light {
        let angle = (hour - 12.0) / 12.0 * std::f32::consts::PI;
        // Declination 22°, latitude 30°.
        let (latitude, declination) = (30f32.to_radians(), 22f32.to_radians());
        let sine = latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * angle.cos();
        let elevation = sine.clamp(-1.0, 1.0).asin();
        // East in the morning, south at noon, west in the evening; all that shadows need.
        let azimuth = -std::f32::consts::FRAC_PI_2 - angle;
        Light { sun_azimuth_rad: azimuth, sun_elevation_rad: elevation, cloud, rain, wind }
    }

    /// 1 by day, 0 in the dark of the night.
    pub fn daylight(&self) -> f32 {
        ((self.sun_elevation_rad.to_degrees() + 6.0) / 16.0).clamp(0.0, 1.0)
    }
}
