//! `analyze --format html`: one page that needs nothing else. The timeline, what was told and why, for each rule what it
//! saw and what it asks for, and pictures with zones, boxes and paths drawn over them.

use std::collections::BTreeMap;
use std::fmt::Write;

use uuid::Uuid;
use yiwang_wire::event::{Event, Phase};

use super::film::Film;
use crate::config::Camera;
use crate::why::{self, Path, Place};

const STYLE: &str = include_str!("page.css");
/// Colours of rules, in their order; the camera's own faults are grey.
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7d3c98", "#2f4f4f"];
const FAULT: &str = "#777";
/// Width of the timeline, and height of one of its rows.
const WIDTH: f64 = 1000.0;
const ROW: f64 = 26.0;

/// What the page is about.
pub(super) struct About<'a> {
    pub(super) camera: &'a Camera,
    pub(super) clip: String,
    pub(super) model: String,
    pub(super) revision: &'a str,
    pub(super) duration_us: i64,
    pub(super) pictures: u64,
    pub(super) analysed: u64,
}

/// One row of the timeline: a rule, or a kind of fault of the camera.
struct Row<'a> {
    name: String,
    colour: &'static str,
    rule: Option<&'a toml::Table>,
}

/// The page.
pub(super) fn page(about: &About<'_>, film: &Film) -> String {
    let rows = rows(about, film);
    let title = format!("{} · {}", escape(&about.camera.name), escape(&about.clip));
    let mut html = format!(
        "<!doctype html>\n<html lang=\"zh\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style>\n<h1>{title}</h1>\n"
    );
    let seconds = about.duration_us as f64 / 1e6;
    let told = film.found.iter().filter(|(one, _)| one.event.phase == Phase::Begin).count();
    let _ = writeln!(
        html,
        "<p class=facts>{seconds:.1} s · 画面 pictures {} · 已分析 analysed {} · 目标 objects {} · 事件 events {told} · \
         模型 model {} · 配置 configuration {}</p>",
        about.pictures,
        about.analysed,
        film.paths.len(),
        escape(&about.model),
        escape(about.revision)
    );
    pixels(&mut html, film);
    timeline(&mut html, about, film, &rows);
    rules(&mut html, film, &rows);
    events(&mut html, film, &rows);
    stills(&mut html, film, &rows);
    html
}

fn rows<'a>(about: &About<'a>, film: &Film) -> Vec<Row<'a>> {
    let text = |rule: &toml::Table, key: &str| rule.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let name = |rule: &toml::Table| text(rule, "id").or_else(|| text(rule, "kind")).unwrap_or_default();
    let of_rules = about.camera.rules.iter().zip(COLOURS.iter().cycle());
    let mut rows: Vec<Row<'a>> =
        of_rules.map(|(rule, colour)| Row { name: name(rule), colour, rule: Some(rule) }).collect();
    for (one, _) in film.found.iter().filter(|(one, _)| one.event.rule.is_none()) {
        if !rows.iter().any(|row| row.name == one.event.kind) {
            rows.push(Row { name: one.event.kind.clone(), colour: FAULT, rule: None });
        }
    }
    rows
}

fn row_of(rows: &[Row<'_>], event: &Event) -> Option<usize> {
    let name = event.rule.as_ref().unwrap_or(&event.kind);
    rows.iter().position(|row| row.name == *name && row.rule.is_some() == event.rule.is_some())
}

/// A bar from begin to end; a tick for what is over as it begins.
fn timeline(html: &mut String, about: &About<'_>, film: &Film, rows: &[Row<'_>]) {
    let duration_us = about.duration_us.max(1) as f64;
    let x = |t_us: i64| 150.0 + (WIDTH - 160.0) * (t_us as f64 / duration_us).clamp(0.0, 1.0);
    let height = ROW * rows.len() as f64 + 30.0;
    let _ = writeln!(html, "<h2>时间线 Timeline</h2><svg class=timeline viewBox=\"0 0 {WIDTH} {height}\">");
    for tenth in 0..=10 {
        let at = x(about.duration_us / 10 * tenth);
        let label = about.duration_us as f64 / 1e7 * tenth as f64;
        let foot = height - 18.0;
        let _ = writeln!(
            html,
            "<line x1={at:.1} x2={at:.1} y1=0 y2={foot} class=grid /><text x={at:.1} y={:.0} class=axis>{label:.1} s</text>",
            height - 4.0
        );
    }
    let ends: BTreeMap<Uuid, i64> = film
        .found
        .iter()
        .filter(|(one, _)| one.event.phase == Phase::End)
        .filter_map(|(one, _)| Some((one.event.cause?, one.media_us)))
        .collect();
    for (index, row) in rows.iter().enumerate() {
        let top = ROW * index as f64;
        let _ = writeln!(html, "<text x=0 y={:.0}>{}</text>", top + 17.0, escape(&row.name));
        let mine = film.found.iter().enumerate().filter(|(_, (one, _))| row_of(rows, &one.event) == Some(index));
        for (number, (one, _)) in mine.filter(|(_, (one, _))| one.event.phase == Phase::Begin) {
            let from = x(one.media_us);
            let to = ends.get(&one.event.id).map_or(from, |end_us| x(*end_us));
            let _ = writeln!(
                html,
                "<a href=\"#e{number}\"><rect x={from:.1} y={:.0} width={:.1} height=16 rx=3 fill=\"{}\"><title>{}</title></rect></a>",
                top + 5.0,
                (to - from).max(4.0),
                row.colour,
                escape(&format!("{} {:.2} s", one.event.kind, one.media_us as f64 / 1e6))
            );
        }
    }
    html.push_str("</svg>\n");
}

/// For each rule what it asks for and what there was.
fn rules(html: &mut String, film: &Film, rows: &[Row<'_>]) {
    html.push_str("<h2>规则 Rules: 为何触发或未触发 why they fired or did not</h2>\n<div class=rules>");
    for (index, row) in rows.iter().enumerate() {
        let Some(rule) = row.rule else { continue };
        let begins = film.found.iter().filter(|(one, _)| one.event.phase == Phase::Begin);
        let told = begins.filter(|(one, _)| row_of(rows, &one.event) == Some(index)).count();
        let _ = writeln!(
            html,
            "<section><h3><i style=\"background:{}\"></i>{} <small>{told} 次 told</small></h3>",
            row.colour,
            escape(&row.name)
        );
        let place = why::place(rule);
        figure(html, film, 0, &place.iter().map(|place| (place, row.colour)).collect::<Vec<_>>(), true);
        let keys = rule.iter().filter(|(key, _)| !matches!(key.as_str(), "id" | "zone" | "line"));
        let keys: Vec<String> = keys.map(|(key, value)| format!("{key} = {value}")).collect();
        let _ = writeln!(html, "<p>要求 asks for: <code>{}</code></p>", escape(&keys.join(" · ")));
        if let Some(place) = &place {
            html.push_str(&there(place, film));
        }
        html.push_str("</section>\n");
    }
    html.push_str("</div>\n");
}

/// What was where a rule looks.
fn there(place: &Place, film: &Film) -> String {
    let seen = why::seen(place, film.paths.values());
    let what = match place {
        Place::Zone(_) => "区域内 in the zone",
        Place::Line(_) => "越过该线 crossed the line",
    };
    if seen.is_empty() {
        return format!("<p>{what}: 无 nothing; 检测到的目标 objects in the clip: {}</p>", film.paths.len());
    }
    let mut text = format!("<p>{what}:</p><ul>");
    for (class, seen) in &seen {
        let stay = match place {
            Place::Zone(_) => format!(", 最长 longest {:.1} s", seen.longest_us as f64 / 1e6),
            Place::Line(_) => String::new(),
        };
        let _ = write!(
            text,
            "<li>{} × {}{stay}, 最高置信度 best confidence {:.2}</li>",
            escape(class),
            seen.objects,
            seen.score
        );
    }
    if let Place::Zone(zone) = place {
        let _ = write!(text, "<li>同时最多 most at once: {}</li>", why::most_at_once(zone, film.paths.values()));
    }
    text + "</ul>"
}

fn events(html: &mut String, film: &Film, rows: &[Row<'_>]) {
    html.push_str(
        "<h2>事件 Events</h2>\n<table><tr><th>时间 time<th>事件 event<th>规则 rule<th>目标 object<th>测量值 / 阈值 measured \
         / threshold<th>其他 also<th>画面 picture</tr>\n",
    );
    for (number, (one, still)) in film.found.iter().enumerate() {
        let event = &one.event;
        let colour = row_of(rows, event).map_or(FAULT, |row| rows[row].colour);
        let subject =
            event.subject.as_ref().map_or(String::new(), |s| format!("{} #{} ({:.2})", s.class, s.track, s.confidence));
        let measures: Vec<String> = event.measures.iter().map(measure).collect();
        let direction = event.direction.iter().map(|direction| ("direction", direction.as_str()));
        let attributes = event.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let also: Vec<String> = direction.chain(attributes).map(|(name, value)| format!("{name}: {value}")).collect();
        let picture = still.map_or(String::new(), |still| format!("<a href=\"#p{still}\">↓</a>"));
        let _ = writeln!(
            html,
            "<tr id=\"e{number}\"><td>{:.2} s<td><i style=\"background:{colour}\"></i>{} {}<td>{}<td>{}<td>{}<td>{}<td>{picture}</tr>",
            one.media_us as f64 / 1e6,
            escape(&event.kind),
            super::print::phase(event.phase),
            escape(event.rule.as_deref().unwrap_or("–")),
            escape(&subject),
            measures.join("<br>"),
            escape(&also.join(", ")),
        );
    }
    html.push_str("</table>\n");
}

fn measure(measure: &yiwang_wire::event::Measure) -> String {
    let (name, unit) = (escape(&measure.name), escape(&measure.unit));
    match measure.threshold {
        Some(threshold) => format!("{name} <b>{:.2}</b> / {threshold:.2} {unit}", measure.value),
        None => format!("{name} <b>{:.2}</b> {unit}", measure.value),
    }
}

fn stills(html: &mut String, film: &Film, rows: &[Row<'_>]) {
    html.push_str("<h2>画面 Pictures</h2>\n<div class=stills>");
    let places: Vec<(Place, &str)> = rows.iter().filter_map(|row| Some((why::place(row.rule?)?, row.colour))).collect();
    let places: Vec<(&Place, &str)> = places.iter().map(|(place, colour)| (place, *colour)).collect();
    for (index, still) in film.stills.iter().enumerate() {
        let told = film.found.iter().filter(|(_, of)| *of == Some(index));
        let told: Vec<String> = told
            .map(|(one, _)| {
                let event = &one.event;
                let name = event.rule.as_deref().unwrap_or(&event.kind);
                format!("{name} {}", super::print::phase(event.phase))
            })
            .collect();
        let _ = writeln!(html, "<figure id=\"p{index}\">");
        figure(html, film, index, &places, false);
        let _ = writeln!(
            html,
            "<figcaption>{:.2} s <b>{}</b></figcaption></figure>",
            still.media_us as f64 / 1e6,
            escape(&told.join(", "))
        );
    }
    html.push_str("</div>\n</html>\n");
}

/// The picture with what is drawn over it: rules' places, then the objects of that moment, or all paths of the clip.
fn figure(html: &mut String, film: &Film, index: usize, places: &[(&Place, &str)], paths: bool) {
    let Some(still) = film.stills.get(index) else { return };
    let (width, height) = view(film);
    let at = |[x, y]: [f32; 2]| format!("{:.1},{:.1}", f64::from(x) * width, f64::from(y) * height);
    let _ = writeln!(html, "<svg class=still viewBox=\"0 0 {width} {height:.1}\"><use href=\"#i{index}\"/>");
    for (place, colour) in places {
        let (tag, corners) = match place {
            Place::Zone(corners) => ("polygon", corners.as_slice()),
            Place::Line(ends) => ("polyline", ends.as_slice()),
        };
        let corners: Vec<String> = corners.iter().map(|corner| at(*corner)).collect();
        let _ = writeln!(
            html,
            "<{tag} points=\"{}\" class=place stroke=\"{colour}\" fill=\"{colour}\"/>",
            corners.join(" ")
        );
    }
    if paths {
        film.paths.values().filter(|path| path.points.len() > 1).for_each(|path| trace(html, path, &at));
    } else {
        for object in &still.objects {
            let [x0, y0, x1, y1] = object.bbox.map(f64::from);
            let (left, top) = (x0 * width, y0 * height);
            let class = if object.predicted { "box predicted" } else { "box" };
            let _ = writeln!(
                html,
                "<rect class=\"{class}\" x={left:.1} y={top:.1} width={:.1} height={:.1} /><text class=label x={left:.1} y={:.1}>{} #{} {:.2}</text>",
                ((x1 - x0) * width).max(1.0),
                ((y1 - y0) * height).max(1.0),
                (top - 5.0).max(16.0),
                escape(&object.class),
                object.track,
                object.score
            );
        }
    }
    html.push_str("</svg>\n");
}

/// Width and height of a picture as it is drawn.
fn view(film: &Film) -> (f64, f64) {
    (WIDTH, WIDTH * f64::from(film.size_px.1) / f64::from(film.size_px.0.max(1)))
}

/// Each picture once, for whoever draws over it.
fn pixels(html: &mut String, film: &Film) {
    let (width, height) = view(film);
    html.push_str("<svg class=pixels><defs>");
    for (index, still) in film.stills.iter().enumerate() {
        let _ = writeln!(
            html,
            "<image id=\"i{index}\" width=\"{width}\" height=\"{height:.1}\" href=\"data:image/jpeg;base64,{}\"/>",
            still.jpeg
        );
    }
    html.push_str("</defs></svg>\n");
}

fn trace(html: &mut String, path: &Path, at: &impl Fn([f32; 2]) -> String) {
    // Every point of a long stay would make the page large and the path no clearer.
    let step = path.points.len().div_ceil(200);
    let points: Vec<String> = path.points.iter().step_by(step).map(|(_, point)| at(*point)).collect();
    let _ = writeln!(
        html,
        "<polyline class=path points=\"{}\"><title>{}</title></polyline>",
        points.join(" "),
        escape(&path.class)
    );
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::analyze::film::Still;
    use crate::config::{Config, Secrets};
    use yiwang_inference::mask::Mask;

    #[test]
    fn the_page_needs_nothing_else_and_names_of_people_cannot_break_it() {
        let text = "[[camera]]\nid='a'\nname='<script>gate'\nurl='rtsp://h/x'\n[[camera.rule]]\nid='z\"z'\nkind='loiter'\n\
                    seconds=10\nzone=[[0.1,0.1],[0.9,0.1],[0.9,0.9]]";
        let config = Config::parse(text, std::path::Path::new("gateway.toml"), Secrets::Skip).unwrap();
        let camera = &config.cameras[0];
        let about = About {
            camera,
            clip: "clip.mp4".into(),
            model: "m".into(),
            revision: "0123",
            duration_us: 9_000_000,
            pictures: 9,
            analysed: 5,
        };
        let mut film = Film::new(Mask::default());
        let points = vec![(0, [0.5, 0.3]), (4_000_000, [0.6, 0.3])];
        film.paths.insert(1, Path { class: "person".into(), score: 0.8, points });
        film.stills.push(Still { media_us: 0, jpeg: "AAAA".into(), objects: Vec::new(), told: false });
        let html = page(&about, &film);
        for part in
            ["&lt;script&gt;gate", "z&quot;z", "seconds = 10", "person × 1", "best confidence 0.80", "data:image/jpeg"]
        {
            assert!(html.contains(part), "{part}\n{html}");
        }
        for part in ["<script", "http://", "https://", "src="] {
            assert!(!html.contains(part), "{part}");
        }
    }
}
