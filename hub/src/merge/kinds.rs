//! Which kinds of events may be one incident, as data: one row a kind, one row a pair of different kinds. A new kind
//! needs no row: it merges with itself by [`OTHER`]'s numbers, and not with anything else.

/// How events of one kind go together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindRow {
    /// The kind, or what it begins with where it ends in `*`.
    pub kind: &'static str,
    /// The group whose kinds describe the same sort of thing; for people.
    pub group: &'static str,
    /// False where such events are figures and no incident (`count`).
    pub incident: bool,
    /// How long after the one has ended another may begin, seconds, seen by different cameras.
    pub gap_s: f64,
    /// How far apart the two may be beside their errors, metres: what happens has a size, and people move.
    pub reach_m: f64,
    /// The same rule of the same camera again within so many seconds is the same thing.
    pub again_s: f64,
    /// True where a rule speaks of its whole zone: then two places in the zone are one incident.
    pub whole_zone: bool,
    /// An incident takes nothing more that begins so long after its first, seconds.
    pub span_s: f64,
    /// True where an event is one object's: two objects that one camera's tracker tells apart are two incidents.
    pub one_object: bool,
    /// True where it tells of the camera and not of the scene: then the place says nothing, and one gateway's cameras
    /// that fail together fail for one reason.
    pub of_camera: bool,
}

// Gaps bridge what a detector loses for some seconds and no more: in the city's truth the next crowd gathers on the same
// square 40 s after the last one has gone, and is another incident.
const HOUR_S: f64 = 3600.0;

/// What a kind without a row gets.
pub const OTHER: KindRow = KindRow {
    kind: "",
    group: "other",
    incident: true,
    gap_s: 30.0,
    reach_m: 6.0,
    again_s: 30.0,
    whole_zone: false,
    span_s: 2.0 * HOUR_S,
    one_object: false,
    of_camera: false,
};

const OBJECT: KindRow = KindRow { one_object: true, ..OTHER };
const PRESENCE: KindRow =
    KindRow { kind: "intrusion", group: "person_in_place", reach_m: 10.0, whole_zone: true, ..OTHER };
const MOMENT: KindRow =
    KindRow { kind: "line_cross", group: "crossing", gap_s: 2.5, reach_m: 4.0, again_s: 1.5, span_s: 20.0, ..OBJECT };

/// Every kind that is known. To add one: a row here, where [`OTHER`] does not fit.
pub const KINDS: &[KindRow] = &[
    PRESENCE,
    KindRow { kind: "loiter", gap_s: 15.0, again_s: 20.0, whole_zone: false, one_object: true, ..PRESENCE },
    KindRow { kind: "occupancy", gap_s: 15.0, again_s: 20.0, ..PRESENCE },
    KindRow {
        kind: "crowd",
        group: "crowd",
        gap_s: 15.0,
        reach_m: 15.0,
        again_s: 20.0,
        whole_zone: true,
        span_s: 12.0 * HOUR_S,
        ..OTHER
    },
    MOMENT,
    KindRow { kind: "wrong_way", group: "vehicle", gap_s: 10.0, reach_m: 25.0, again_s: 5.0, span_s: 120.0, ..OBJECT },
    KindRow { kind: "speed_over", group: "vehicle", gap_s: 5.0, reach_m: 25.0, again_s: 3.0, span_s: 60.0, ..OBJECT },
    KindRow {
        kind: "stopped_vehicle",
        group: "vehicle",
        gap_s: 15.0,
        reach_m: 4.0,
        again_s: 20.0,
        span_s: 24.0 * HOUR_S,
        ..OBJECT
    },
    KindRow {
        kind: "abandoned_object",
        group: "object",
        gap_s: 15.0,
        reach_m: 2.0,
        again_s: 20.0,
        span_s: 24.0 * HOUR_S,
        ..OBJECT
    },
    KindRow {
        kind: "removed_object",
        group: "object",
        gap_s: 10.0,
        reach_m: 2.0,
        again_s: 5.0,
        span_s: 60.0,
        ..OBJECT
    },
    KindRow { kind: "count", group: "flow", incident: false, ..OTHER },
    KindRow { kind: "camera.*", group: "health", gap_s: 20.0, again_s: 300.0, of_camera: true, ..OTHER },
    KindRow { kind: "gateway.*", group: "health", gap_s: 20.0, again_s: 300.0, of_camera: true, ..OTHER },
];

/// Two different kinds that may be one incident.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairRow {
    /// One kind.
    pub a: &'static str,
    /// The other.
    pub b: &'static str,
    /// As in [`KindRow`].
    pub gap_s: f64,
    /// As in [`KindRow`].
    pub reach_m: f64,
}

/// Every such pair; both must be placed on the ground, or be of one camera. A bag that is left and a bag that is taken are
/// no pair: the one is cleared by whoever comes for the bag, the other begins then and is other work.
pub const PAIRS: &[PairRow] = &[
    PairRow { a: "intrusion", b: "loiter", gap_s: 20.0, reach_m: 6.0 },
    PairRow { a: "intrusion", b: "occupancy", gap_s: 20.0, reach_m: 6.0 },
    PairRow { a: "intrusion", b: "line_cross", gap_s: 8.0, reach_m: 4.0 },
    PairRow { a: "loiter", b: "occupancy", gap_s: 20.0, reach_m: 6.0 },
    PairRow { a: "crowd", b: "occupancy", gap_s: 20.0, reach_m: 6.0 },
    PairRow { a: "wrong_way", b: "speed_over", gap_s: 5.0, reach_m: 15.0 },
];

/// The row of a kind.
pub fn row(kind: &str) -> &'static KindRow {
    let fits = |row: &&KindRow| match row.kind.strip_suffix('*') {
        Some(beginning) => kind.starts_with(beginning),
        None => row.kind == kind,
    };
    KINDS.iter().find(fits).unwrap_or(&OTHER)
}

/// How two kinds go together: gap in seconds and reach in metres; none where they never do.
pub fn pair(a: &str, b: &str) -> Option<(f64, f64)> {
    if a == b {
        let row = row(a);
        return Some((row.gap_s, row.reach_m));
    }
    let (first, second) = (row(a), row(b));
    if first.of_camera && second.of_camera {
        return Some((first.gap_s.min(second.gap_s), 0.0));
    }
    let found = PAIRS.iter().find(|row| (row.a, row.b) == (a, b) || (row.a, row.b) == (b, a))?;
    Some((found.gap_s, found.reach_m))
}

/// The longest gap of any row, seconds: nobody has to look farther.
pub fn longest_gap_s() -> f64 {
    let rows = KINDS.iter().chain([&OTHER]).flat_map(|row| [row.gap_s, row.again_s]);
    rows.chain(PAIRS.iter().map(|row| row.gap_s)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_go_with_their_own_and_with_what_a_row_names_in_either_order() {
        assert_eq!(pair("crowd", "crowd"), Some((15.0, 15.0)));
        assert_eq!(pair("crowd", "occupancy"), pair("occupancy", "crowd"));
        assert!(pair("crowd", "occupancy").is_some());
        assert_eq!(pair("crowd", "wrong_way"), None);
        assert_eq!(pair("abandoned_object", "removed_object"), None);
        assert_eq!(pair("new_kind", "new_kind"), Some((OTHER.gap_s, OTHER.reach_m)));
        assert_eq!(pair("new_kind", "crowd"), None);
        assert!(pair("camera.covered", "camera.signal_lost").is_some());
        assert!(!row("count").incident);
        assert_eq!(row("camera.frozen").group, "health");
    }

    #[test]
    fn no_kind_stands_in_two_rows() {
        for (index, row) in KINDS.iter().enumerate() {
            assert!(KINDS[index + 1..].iter().all(|other| other.kind != row.kind), "{}", row.kind);
        }
    }
}
