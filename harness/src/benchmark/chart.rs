//! A chart of time against size, both on logarithmic scales, as SVG: growth that is linear is a straight line that
//! climbs one decade a decade.

use super::report::{grouped, median};
use super::{Contender, Run, Size};
use std::fmt::Write as _;

const PANEL: (f64, f64) = (400.0, 320.0);
const MARGIN: f64 = 80.0;
const COLOURS: [&str; 3] = ["#2a78d6", "#d6602a", "#888888"];

/// Time against tables, and against events.
#[must_use]
pub fn chart(sizes: &[Size], runs: &[Run]) -> String {
    let (width, height) = (2.0 * (PANEL.0 + MARGIN) + MARGIN, PANEL.1 + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let of = |count: fn(Size) -> Option<u32>| -> Vec<_> {
        sizes.iter().filter_map(|size| Some((*size, count(*size)?))).collect()
    };
    let panels = [("tables", of(Size::tables)), ("waiting events", of(Size::events))];
    for (place, (title, sizes)) in (0_u8..).zip(panels) {
        let left = MARGIN + f64::from(place) * (PANEL.0 + MARGIN);
        svg += &panel(left, title, &sizes, runs);
    }
    svg + "</svg>\n"
}

fn panel(left: f64, title: &str, sizes: &[(Size, u32)], runs: &[Run]) -> String {
    let x = |count: u32| left + (f64::from(count).log10() - 3.0).max(0.0) / 3.0 * PANEL.0;
    // From ten milliseconds to a hundred seconds.
    let y = |seconds: f64| MARGIN + PANEL.1 - (seconds.log10() + 2.0).clamp(0.0, 4.0) / 4.0 * PANEL.1;
    let mut svg = String::new();
    for seconds in [0.01, 0.1, 1.0, 10.0, 100.0] {
        let at = y(seconds);
        let _infallible = writeln!(
            svg,
            "<path d=\"M{left} {at}h{}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{seconds} s</text>",
            PANEL.0,
            left - 6.0,
            at + 4.0
        );
    }
    for count in [1_000, 10_000, 100_000, 1_000_000] {
        let (at, bottom) = (x(count), MARGIN + PANEL.1);
        let _infallible = writeln!(
            svg,
            "<path d=\"M{at} {bottom}v-{}\" stroke=\"#ddd\"/><text x=\"{at}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            PANEL.1,
            bottom + 18.0,
            grouped(count)
        );
    }
    let _infallible = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"bold\">{title}</text>",
        left + PANEL.0 / 2.0,
        MARGIN / 2.0
    );
    for ((contender, colour), row) in Contender::ALL.into_iter().zip(COLOURS).zip(0_u8..) {
        let points: Vec<_> = sizes
            .iter()
            .filter_map(|(size, count)| Some((x(*count), y(median(runs, *size, contender)?.as_secs_f64()))))
            .collect();
        let line: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _infallible = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
        for (x, y) in points {
            let _infallible =
                writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>");
        }
        let _infallible = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" fill=\"{colour}\">{}</text>",
            left + 10.0,
            MARGIN + 18.0 + 16.0 * f64::from(row),
            contender.name()
        );
    }
    svg
}
