//! Where the parts of a new source stand in MySQL's binary log, on one axis: from the old sources' starts to the end of the
//! log. Points stand in the order of the log; distances are shortened, since some are a row long and others are days.

use super::markup::{coordinate, name};
use crate::rehearsal::forms::wording::counted;
use crate::rehearsal::report::{PlannedPart, PlannedSource, TablesAlike};
use chameleon_upgrade::binlog::BinlogCoordinate;
use std::collections::{BTreeMap, BTreeSet};

/// With more old sources than this they share a lane.
const LANES: usize = 16;
/// How many points a lane has at most; more would not be told apart.
const POINTS: usize = 500;

/// What a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Start,
    Table,
    BatchStart,
    ConsistentPoint,
    EndOfLog,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Table => "table",
            Self::BatchStart => "batch",
            Self::ConsistentPoint => "consistent",
            Self::EndOfLog => "end",
        }
    }
}

/// A line of the picture.
struct Lane {
    kind: Kind,
    /// What it shows, as HTML.
    title: String,
    points: BTreeSet<BinlogCoordinate>,
}

/// The picture; nothing where no coordinate is known.
pub(super) fn picture<'a>(source: &PlannedSource, tables: impl Iterator<Item = &'a TablesAlike>) -> String {
    let mut lanes = lanes(source, tables);
    lanes.retain(|lane| !lane.points.is_empty());
    if lanes.is_empty() {
        return String::new();
    }
    lanes.sort_by(|a, b| a.points.first().cmp(&b.points.first()).then(a.kind.cmp(&b.kind)));
    let axis = Axis::of(lanes.iter().flat_map(|lane| &lane.points));
    let at = |point: &Option<String>| point.as_deref().and_then(parsed).map(|point| axis.place(&point));
    let background = background(at(&source.batch_start), at(&source.consistent_point));
    let rows: String = lanes.iter().map(|lane| row(lane, &axis, &background)).collect();
    format!(
        "<table class=\"lanes\"><caption>Where {} stands in the binary log. In the order of the log; long distances are \
         shortened. Shaded: from the first batch to the point where all tables are consistent.</caption>\
         <thead><tr><th scope=\"col\">Point</th><th scope=\"col\">Coordinate</th><th scope=\"col\">In the log</th></tr></thead>\
         <tbody>{rows}</tbody></table>\n",
        name(&source.name)
    )
}

fn lanes<'a>(source: &PlannedSource, tables: impl Iterator<Item = &'a TablesAlike>) -> Vec<Lane> {
    let mut lanes = Vec::new();
    let start = |part: &PlannedPart| part.start.as_deref().and_then(parsed);
    if source.parts.len() <= LANES {
        for part in &source.parts {
            let title = format!("{} would read on", name(&part.name));
            lanes.push(Lane { kind: Kind::Start, title, points: start(part).into_iter().collect() });
            let advanced =
                part.advanced.as_deref().and_then(parsed).filter(|point| Some(point) != start(part).as_ref());
            let title = format!("{}: its first transaction", name(&part.name));
            lanes.push(Lane { kind: Kind::Start, title, points: advanced.into_iter().collect() });
        }
    } else {
        let points: BTreeSet<_> = source.parts.iter().filter_map(start).collect();
        let title = format!("{} would read on", counted(source.parts.len() as u64, "old source"));
        lanes.push(Lane { kind: Kind::Start, title, points });
    }
    let mut own = BTreeSet::new();
    let mut count = 0;
    for alike in tables {
        if let Some(point) = alike.coordinate.as_deref().and_then(parsed) {
            own.insert(point);
            count += alike.names.len() as u64;
        }
    }
    let title = format!("{} with coordinates of their own", counted(count, "table"));
    lanes.push(Lane { kind: Kind::Table, title, points: own });
    for (kind, title, point) in [
        (Kind::BatchStart, "First batch starts", &source.batch_start),
        (Kind::ConsistentPoint, "All tables are consistent", &source.consistent_point),
        (Kind::EndOfLog, "End of MySQL’s log", &source.end_of_log),
    ] {
        let points = point.as_deref().and_then(parsed).into_iter().collect();
        lanes.push(Lane { kind, title: title.to_owned(), points });
    }
    lanes
}

fn parsed(point: &str) -> Option<BinlogCoordinate> {
    let (file, position) = point.rsplit_once(':')?;
    BinlogCoordinate::parse(file, position.parse().ok()?).ok()
}

fn row(lane: &Lane, axis: &Axis, background: &str) -> String {
    let (Some(first), Some(last)) = (lane.points.first(), lane.points.last()) else { return String::new() };
    let coordinates = if first == last {
        shown(first)
    } else {
        format!("{} from {} to {}", counted(lane.points.len() as u64, "point"), shown(first), shown(last))
    };
    // Those of one place are one.
    let places: BTreeSet<_> = lane.points.iter().map(|point| format!("{:.1}%", axis.place(point))).collect();
    let class = lane.kind.class();
    let points: String = places
        .iter()
        .take(POINTS)
        .map(|place| format!("<circle class=\"{class}\" cx=\"{place}\" cy=\"50%\" r=\"6\"/>"))
        .collect();
    format!(
        "<tr><th scope=\"row\">{}</th><td>{coordinates}</td><td class=\"picture\"><svg width=\"100%\" height=\"100%\" aria-hidden=\"true\">\
         {background}{points}</svg></td></tr>\n",
        lane.title
    )
}

fn shown(point: &BinlogCoordinate) -> String {
    coordinate(Some(&format!("{}:{}", point.file().name(), point.position())))
}

/// The axis, and what is read again before all is consistent.
fn background(batch_start: Option<f64>, consistent: Option<f64>) -> String {
    let band = match (batch_start, consistent) {
        (Some(from), Some(to)) if from < to => {
            format!("<rect class=\"band\" x=\"{from:.2}%\" width=\"{:.2}%\" height=\"100%\"/>", to - from)
        }
        _ => String::new(),
    };
    format!("{band}<line class=\"axis\" x1=\"0\" x2=\"100%\" y1=\"50%\" y2=\"50%\"/>")
}

/// Where each coordinate is drawn, in hundredths of the width.
struct Axis(BTreeMap<BinlogCoordinate, f64>);

impl Axis {
    const MARGIN: f64 = 3.0;

    fn of<'a>(points: impl Iterator<Item = &'a BinlogCoordinate>) -> Self {
        let points: BTreeSet<_> = points.collect();
        let mut places = BTreeMap::new();
        let mut at = 0.0;
        let mut before: Option<&BinlogCoordinate> = None;
        for point in points {
            at += before.map_or(0.0, |before| gap(before, point));
            places.insert(point.clone(), at);
            before = Some(point);
        }
        let scale = |place: f64| {
            if at > 0.0 { Self::MARGIN + place / at * (100.0 - 2.0 * Self::MARGIN) } else { 50.0 }
        };
        places.values_mut().for_each(|place| *place = scale(*place));
        Self(places)
    }

    fn place(&self, point: &BinlogCoordinate) -> f64 {
        self.0.get(point).copied().unwrap_or(50.0)
    }
}

/// How far two neighbours are drawn from each other: never too near to be told apart, and a thousand times as far in the
/// log a few times as far here. How long the files between them are is not known: a new one counts as the usual 1 GiB.
fn gap(from: &BinlogCoordinate, to: &BinlogCoordinate) -> f64 {
    let files = to.file().number().saturating_sub(from.file().number()) as f64;
    let bytes = (to.position() - from.position()) as f64 + files * f64::from(1 << 30);
    2.0 + (1.0 + bytes.max(0.0) / 1024.0).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_log_is_kept_and_no_two_points_touch() {
        let points = ["b.000009:4", "b.000009:5", "b.000009:900000000", "b.000010:4", "b.001000:4"]
            .map(|it| parsed(it).unwrap());
        let axis = Axis::of(points.iter().rev());
        let places = points.each_ref().map(|point| axis.place(point));
        assert_eq!((places[0], places[4]), (3.0, 97.0));
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] > 2.0), "{places:?}");
        assert_eq!(Axis::of([&points[0]].into_iter()).place(&points[0]), 50.0);
    }
}
