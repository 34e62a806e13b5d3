//! What is usual: how many events of a kind a camera tells of in an hour of the week, from the same hour of the weeks
//! before, and which hours are not. Median and median deviation, so that one wild week changes nothing; never narrower
//! than counts vary by themselves (Poisson). Pure.

use std::collections::HashMap;

/// Weeks that are looked at.
pub const WEEKS: i64 = 12;
/// With fewer weeks nothing is said.
pub const WEEKS_MIN: usize = 3;
/// Hours of a week.
pub const WEEK_H: i64 = 168;
/// So many standard deviations are usual.
const DEVIATIONS: f64 = 3.0;
/// The median deviation of a normal distribution is this part of its standard deviation.
const MEDIAN_DEVIATION: f64 = 1.4826;
const HOUR_US: i64 = 3_600_000_000;

/// Gateway and camera.
pub type CameraKey = (String, String);

/// How often a camera told of a kind within an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourCount {
    /// Whose.
    pub camera: CameraKey,
    /// Kind.
    pub kind: String,
    /// Hours since 1970 UTC.
    pub hour: i64,
    /// Begins.
    pub count: u32,
}

/// What is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// Median.
    pub usual: f64,
    /// Least that is usual.
    pub low: u32,
    /// Most that is usual.
    pub high: u32,
    /// From so many weeks.
    pub weeks: usize,
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// What is usual by the counts of earlier weeks; none where there are too few.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts, not negative")]
pub fn usual(counts: &[u32]) -> Option<Usual> {
    if counts.len() < WEEKS_MIN {
        return None;
    }
    let mut sorted: Vec<f64> = counts.iter().map(|count| f64::from(*count)).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = median(&sorted);
    let mut apart: Vec<f64> = sorted.iter().map(|count| (count - middle).abs()).collect();
    apart.sort_by(f64::total_cmp);
    let deviation = (MEDIAN_DEVIATION * median(&apart)).max(middle.max(1.0).sqrt());
    Some(Usual {
        usual: middle,
        low: (middle - DEVIATIONS * deviation).max(0.0).floor() as u32,
        high: (middle + DEVIATIONS * deviation).ceil() as u32,
        weeks: counts.len(),
    })
}

/// The hour of a time, since 1970 UTC.
pub fn hour_of(at_us: i64) -> i64 {
    at_us.div_euclid(HOUR_US)
}

/// The hour of the week by the site's clock: 0 is Monday 00:00.
pub fn hour_of_week(hour: i64, utc_offset_min: i64) -> i64 {
    // 1970 began on a Thursday. Offsets of half hours count to the hour that they begin in.
    (hour + utc_offset_min.div_euclid(60) + 3 * 24).rem_euclid(WEEK_H)
}

/// The same hour of earlier weeks, newest first.
pub fn hours_before(hour: i64) -> impl Iterator<Item = i64> {
    (1..=WEEKS).map(move |week| hour - week * WEEK_H)
}

/// An hour that is not as usual.
#[derive(Debug, Clone, PartialEq)]
pub struct Unusual {
    /// Where.
    pub camera: CameraKey,
    /// Of what.
    pub kind: String,
    /// Hours since 1970 UTC.
    pub hour: i64,
    /// How many there were.
    pub count: u32,
    /// What is usual.
    pub usual: Usual,
    /// Minutes that the site's clock is ahead of UTC.
    pub utc_offset_min: i64,
}

const DAYS_EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const DAYS_ZH: [&str; 7] = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];

impl Unusual {
    /// True where there were too many, false where too few.
    pub fn is_many(&self) -> bool {
        self.count > self.usual.high
    }

    fn day_and_hour(&self) -> (usize, i64) {
        let hour = hour_of_week(self.hour, self.utc_offset_min);
        (usize::try_from(hour / 24).unwrap_or(0), hour % 24)
    }

    /// The reason in English.
    pub fn text_en(&self) -> String {
        let ((day, hour), Usual { usual, low, high, weeks }) = (self.day_and_hour(), self.usual);
        let day = DAYS_EN[day];
        format!("{} in this hour; usual {usual} ({low}–{high}) on {day} {hour:02}:00, {weeks} weeks", self.count)
    }

    /// The reason in Chinese.
    pub fn text_zh(&self) -> String {
        let ((day, hour), Usual { usual, low, high, weeks }) = (self.day_and_hour(), self.usual);
        let day = DAYS_ZH[day];
        format!("本小时 {} 次；{day} {hour:02} 时通常 {usual} 次（{low}–{high}），依据 {weeks} 周", self.count)
    }
}

/// Which cameras' kinds were not as usual in an hour. `counts` holds that hour and the same hour of earlier weeks, `firsts`
/// since which hour each camera is known; too few are told only of an hour that is over.
pub fn unusual_in(
    hour: i64,
    is_over: bool,
    counts: &[HourCount],
    firsts: &HashMap<CameraKey, i64>,
    utc_offset_min: i64,
) -> Vec<Unusual> {
    let mut known: HashMap<(&CameraKey, &str), HashMap<i64, u32>> = HashMap::new();
    for one in counts {
        known.entry((&one.camera, &one.kind)).or_default().insert(one.hour, one.count);
    }
    let judge = |((camera, kind), counts): ((&CameraKey, &str), HashMap<i64, u32>)| {
        let first = *firsts.get(camera)?;
        let past: Vec<u32> = hours_before(hour)
            .filter(|earlier| *earlier > first)
            .map(|earlier| counts.get(&earlier).copied().unwrap_or(0))
            .collect();
        let (count, usual) = (counts.get(&hour).copied().unwrap_or(0), usual(&past)?);
        let is_unusual = count > usual.high || (is_over && count < usual.low);
        let (camera, kind) = (camera.clone(), kind.to_owned());
        is_unusual.then_some(Unusual { camera, kind, hour, count, usual, utc_offset_min })
    };
    let mut all: Vec<Unusual> = known.into_iter().filter_map(judge).collect();
    all.sort_by(|a, b| (&a.camera, &a.kind).cmp(&(&b.camera, &b.kind)));
    all
}

/// What is usual in each hour of the week, 168 of them, Monday 00:00 first; `now_hour` is not over and is left out.
pub fn week(counts: &HashMap<i64, u32>, first: i64, now_hour: i64, utc_offset_min: i64) -> Vec<Option<Usual>> {
    let mut by_hour: Vec<Vec<u32>> = vec![Vec::new(); 168];
    for hour in (first + 1).max(now_hour - WEEKS * WEEK_H)..now_hour {
        let of_week = usize::try_from(hour_of_week(hour, utc_offset_min)).unwrap_or(0);
        by_hour[of_week].push(counts.get(&hour).copied().unwrap_or(0));
    }
    by_hour.iter().map(|counts| usual(counts)).collect()
}

/// Everything that is known to be unusual, by `<gateway>/<camera>`, kind and hour.
#[derive(Debug, Clone, Default)]
pub struct AllUnusual {
    hours: HashMap<(String, String, i64), Unusual>,
}

impl AllUnusual {
    /// What is unusual about a kind before a camera at that time.
    pub fn at(&self, camera: &str, kind: &str, at_us: i64) -> Option<&Unusual> {
        if self.hours.is_empty() {
            return None;
        }
        self.hours.get(&(camera.to_owned(), kind.to_owned(), hour_of(at_us)))
    }

    /// Replaces what is known of an hour.
    pub fn set(&mut self, hour: i64, unusual: Vec<Unusual>) {
        self.hours.retain(|(_, _, known), _| *known != hour);
        for one in unusual {
            let camera = format!("{}/{}", one.camera.0, one.camera.1);
            self.hours.insert((camera, one.kind.clone(), hour), one);
        }
    }

    /// Forgets what was before.
    pub fn forget_before(&mut self, hour: i64) {
        self.hours.retain(|(_, _, known), _| *known >= hour);
    }

    /// All since an hour, newest first.
    pub fn since(&self, hour: i64) -> Vec<&Unusual> {
        let mut all: Vec<&Unusual> = self.hours.values().filter(|one| one.hour >= hour).collect();
        all.sort_by(|a, b| b.hour.cmp(&a.hour).then_with(|| (&a.camera, &a.kind).cmp(&(&b.camera, &b.kind))));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_week_changes_nothing_and_counts_may_vary_by_themselves() {
        assert_eq!(usual(&[2, 2]), None);
        let calm = usual(&[2, 2, 3, 2, 1, 90]).unwrap();
        assert_eq!((calm.usual, calm.low, calm.high), (2.0, 0, 7));
        let none = usual(&[0, 0, 0, 0]).unwrap();
        assert_eq!((none.low, none.high), (0, 3));
        let busy = usual(&[100, 104, 96, 100]).unwrap();
        assert_eq!((busy.low, busy.high), (70, 130));
    }

    #[test]
    fn the_hour_of_the_week_is_by_the_sites_clock() {
        // 2026-11-23 was a Monday; 00:00 at +08:00 is 16:00 UTC of the Sunday before.
        let sunday_16_utc = 1_795_363_200_000_000 / HOUR_US;
        assert_eq!(hour_of_week(sunday_16_utc, 480), 0);
        assert_eq!(hour_of_week(sunday_16_utc, 0), 6 * 24 + 16);
    }

    #[test]
    fn an_hour_is_marked_with_its_reason_when_it_is_not_like_the_weeks_before() {
        let camera: CameraKey = ("gw".into(), "gate".into());
        let hour = 1_795_363_200_000_000 / HOUR_US + 8;
        let count =
            |kind: &str, hour: i64, count: u32| HourCount { camera: camera.clone(), kind: kind.into(), hour, count };
        let mut counts: Vec<HourCount> = (1..=8).map(|week| count("crowd", hour - week * WEEK_H, 2)).collect();
        counts.extend((1..=8).map(|week| count("line_cross", hour - week * WEEK_H, 400)));
        counts.extend([count("crowd", hour, 17), count("line_cross", hour, 3)]);
        let firsts = HashMap::from([(camera.clone(), hour - 8 * WEEK_H - 1)]);
        let running = unusual_in(hour, false, &counts, &firsts, 480);
        assert_eq!(running.len(), 1, "an hour that goes on has too many, never too few");
        assert_eq!(running[0].text_en(), "17 in this hour; usual 2 (0–7) on Monday 08:00, 8 weeks");
        assert_eq!(running[0].text_zh(), "本小时 17 次；周一 08 时通常 2 次（0–7），依据 8 周");
        let over = unusual_in(hour, true, &counts, &firsts, 480);
        assert_eq!(
            over.iter().map(|one| (one.kind.as_str(), one.is_many())).collect::<Vec<_>>(),
            [("crowd", true), ("line_cross", false)]
        );
        let young = HashMap::from([(camera, hour - 2 * WEEK_H - 1)]);
        assert!(unusual_in(hour, true, &counts, &young, 480).is_empty(), "two weeks say nothing");
    }

    #[test]
    fn a_week_of_a_camera_has_168_hours_of_which_the_young_say_nothing() {
        let now = 500_000;
        let counts = HashMap::from([(now - WEEK_H, 5), (now - 2 * WEEK_H, 5), (now - 3 * WEEK_H, 5)]);
        let all = week(&counts, now - 3 * WEEK_H - 1, now, 0);
        let at = usize::try_from(hour_of_week(now, 0)).unwrap();
        assert_eq!(all.len(), 168);
        assert_eq!(all[at].map(|usual| usual.usual), Some(5.0));
        assert!(week(&counts, now - 2 * WEEK_H, now, 0).iter().all(Option::is_none));
    }
}
