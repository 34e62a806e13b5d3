//! What an incident's sources say, in short. Made anew from the sources that a reader may see: nothing of the others is
//! left in it.

use serde::{Deserialize, Serialize};

use crate::merge::{By, Level, Link, Thread};

/// Names of places that are kept for the search.
const MAX_PLACES: usize = 50;

/// What sources say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Summary {
    /// The first source's kind.
    pub kind: String,
    /// All kinds, the first's first.
    pub kinds: Vec<String>,
    /// First capture time.
    pub begin_us: i64,
    /// Newest capture time.
    pub last_us: i64,
    /// When the last source ended; none while one goes on.
    pub end_us: Option<i64>,
    /// The surest place: longitude and latitude.
    pub position: Option<(f64, f64)>,
    /// Its error.
    pub error_m: Option<f64>,
    /// Names of the cameras, the first source's first.
    pub places: Vec<String>,
    /// Whose cameras saw it.
    pub departments: Vec<String>,
    /// `<gateway>/<camera>`, or the gateway.
    pub cameras: Vec<String>,
    /// How many sources.
    pub sources: usize,
    /// Of these: the same rule of the same camera again.
    pub chatter: usize,
    /// Of these: the same seen by another camera.
    pub duplicates: usize,
    /// The highest severity that a source told.
    pub level: Option<Level>,
    /// Why it is kept out of the queue, where it is.
    pub suppressed: Option<String>,
}

/// What a source is to its incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It came first.
    First,
    /// Another camera saw the same.
    Duplicate,
    /// The same camera's rule told it again.
    Chatter,
    /// It tells of something that belongs to it.
    Related,
}

impl Part {
    /// As written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::First => "first",
            Part::Duplicate => "duplicate",
            Part::Chatter => "chatter",
            Part::Related => "related",
        }
    }
}

/// The name of a thread's camera, or of its gateway.
pub fn camera_of(thread: &Thread) -> String {
    match &thread.camera {
        Some(camera) => format!("{}/{camera}", thread.gateway),
        None => thread.gateway.clone(),
    }
}

/// What a source is to an incident of this first kind.
pub fn part(thread: &Thread, link: Option<&Link>, first: &Thread) -> Part {
    match link.map(|link| link.by) {
        _ if thread.id == first.id => Part::First,
        Some(By::SameCamera) => Part::Chatter,
        _ if thread.kind == first.kind && !thread.same_camera(first) => Part::Duplicate,
        _ => Part::Related,
    }
}

/// Sums sources up, first begin first.
pub fn summary(sources: &[(&Thread, Option<&Link>)]) -> Summary {
    let Some((first, _)) = sources.first() else { return Summary::default() };
    let mut summary =
        Summary { kind: first.kind.clone(), begin_us: first.begin_us, sources: sources.len(), ..Summary::default() };
    let add = |list: &mut Vec<String>, text: &str| {
        if !list.iter().any(|known| known == text) {
            list.push(text.to_owned());
        }
    };
    let mut last_end_us = Some(i64::MIN);
    // An incident of thousands is summed up with each of its events: a name is made once for each camera.
    let mut cameras: Vec<&Thread> = Vec::new();
    for (thread, link) in sources {
        add(&mut summary.kinds, &thread.kind);
        add(&mut summary.departments, &thread.department);
        if !cameras.iter().any(|known| known.same_camera(thread)) {
            cameras.push(thread);
            add(&mut summary.cameras, &camera_of(thread));
        }
        if let Some(name) = thread.camera_name.as_ref().filter(|_| summary.places.len() < MAX_PLACES) {
            add(&mut summary.places, name);
        }
        summary.last_us = summary.last_us.max(thread.last_us).max(thread.begin_us);
        summary.level = summary.level.max(Some(thread.severity));
        let end_us = thread.is_over().then(|| thread.until_us());
        last_end_us = last_end_us.zip(end_us).map(|(a, b)| a.max(b));
        match part(thread, *link, first) {
            Part::Chatter => summary.chatter += 1,
            Part::Duplicate => summary.duplicates += 1,
            Part::First | Part::Related => {}
        }
        if let Some(spot) = thread.spot
            && summary.error_m.is_none_or(|error_m| spot.error_m < error_m)
        {
            (summary.position, summary.error_m) = (Some(spot.position()), Some(spot.error_m));
        }
    }
    summary.end_us = last_end_us;
    summary
}
