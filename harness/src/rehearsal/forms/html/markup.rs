//! How texts, names and tables are written as HTML. Whatever comes from a report goes through here.

use crate::rehearsal::forms::{characters, secrets};
use chameleon_upgrade::report::layout;

/// How much of a program's output is shown, in bytes from its end.
const OUTPUT_SHOWN: usize = 64 * 1024;

/// A text without markup, for where there can be none.
pub(super) fn plain(text: &str) -> String {
    escaped(&characters::name(&secrets::masked(text)))
}

/// A name: what is written from right to left turns nothing round that stands beside it.
pub(super) fn name(text: &str) -> String {
    format!("<bdi>{}</bdi>", escaped(&characters::name(text)))
}

/// A text; what stands in back quotes is code, and so is a statement that is there to be copied.
pub(super) fn text(text: &str) -> String {
    let mut text = secrets::masked(text).into_owned();
    if !text.contains('`') {
        for statement in layout::statements(&text.clone()) {
            text = text.replacen(statement, &format!("`{statement}`"), 1);
        }
    }
    let text = escaped(&characters::lines(&text));
    let pieces: Vec<_> = text.split('`').collect();
    let mut marked = String::new();
    for (number, piece) in pieces.iter().enumerate() {
        let is_closed = number + 1 < pieces.len();
        match number % 2 {
            1 if is_closed => marked.push_str(&format!("<code>{piece}</code>")),
            1 => marked.push_str(&format!("`{piece}")),
            _ => marked.push_str(piece),
        }
    }
    marked
}

/// A command, or another text of which every character counts.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(&characters::lines(&secrets::masked(text))))
}

/// A coordinate, or that there is none.
pub(super) fn coordinate(coordinate: Option<&String>) -> String {
    coordinate.map_or_else(
        || "<span class=\"none\">none</span>".to_owned(),
        |it| format!("<span class=\"at\">{}</span>", name(it)),
    )
}

/// What a program wrote, to be opened; of much, the end.
pub(super) fn output(title: &str, output: &str) -> String {
    if output.trim().is_empty() {
        return String::new();
    }
    let from = output.len().saturating_sub(OUTPUT_SHOWN);
    let from = (from..output.len()).find(|&at| output.is_char_boundary(at)).unwrap_or(0);
    let left_out = if from == 0 { "" } else { "(its beginning is left out)\n" };
    let text = escaped(&characters::lines(&secrets::masked(&output[from..])));
    format!(
        "<details><summary>{}</summary><pre class=\"log\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">{left_out}{}</pre></details>\n",
        plain(title),
        plain(title),
        text.trim_end()
    )
}

/// A part of the page.
pub(super) fn section(id: &str, title: &str, content: &str) -> String {
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{content}</section>\n"
    )
}

/// A table, which is scrolled where it is too wide. A column is its title and its class; cells are HTML. The first cell of
/// each row names it.
pub(super) fn table(label: &str, columns: &[(&str, &str)], rows: &[Vec<String>]) -> String {
    let rows: String = rows.iter().map(|cells| row(columns, cells)).collect();
    format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\"><table>{}<tbody>{rows}</tbody></table></div>\n",
        plain(label),
        head(columns)
    )
}

/// The titles of a table's columns.
pub(super) fn head(columns: &[(&str, &str)]) -> String {
    let cells: String = columns
        .iter()
        .map(|(title, class)| format!("<th scope=\"col\"{}>{title}</th>", with_class(class)))
        .collect();
    format!("<thead><tr>{cells}</tr></thead>")
}

/// A row of a table.
pub(super) fn row(columns: &[(&str, &str)], cells: &[String]) -> String {
    let cell = |(number, (cell, (_, class))): (usize, (&String, &(&str, &str)))| {
        let class = with_class(class);
        if number == 0 {
            format!("<th scope=\"row\"{class}>{cell}</th>")
        } else {
            format!("<td{class}>{cell}</td>")
        }
    };
    let cells: String = cells.iter().zip(columns).enumerate().map(cell).collect();
    format!("<tr>{cells}</tr>\n")
}

fn with_class(class: &str) -> String {
    if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") }
}

/// A word with a sign and a colour.
pub(super) fn badge(class: &str, word: &str) -> String {
    format!("<span class=\"badge {class}\">{word}</span>")
}

/// The first rows, and a word on those that are left out.
pub(super) fn first<T>(all: &[T], shown: usize) -> (&[T], String) {
    if all.len() <= shown {
        return (all, String::new());
    }
    let more = crate::rehearsal::forms::wording::grouped((all.len() - shown) as u64);
    (&all[..shown], format!("<p class=\"note\">… and {more} more; the report has them all.</p>\n"))
}

/// A share of a whole as SVG takes it: `12.34%`.
pub(super) fn percent(part: f64, whole: f64) -> String {
    let share = if whole > 0.0 { (100.0 * part / whole).clamp(0.0, 100.0) } else { 0.0 };
    format!("{share:.2}%")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(name("</script>\u{202e}"), "<bdi>&lt;/script&gt;\\u{202e}</bdi>");
        assert_eq!(text("run `a < b` or `c"), "run <code>a &lt; b</code> or `c");
        assert_eq!(text("password=x"), "password=***");
        assert_eq!(
            text("To drop it: DROP SCHEMA x; it is empty"),
            "To drop it: <code>DROP SCHEMA x;</code> it is empty"
        );
        assert_eq!(plain("a\n\"b'"), "a\\u{a}&quot;b&#39;");
    }

    #[test]
    fn of_much_output_the_end_is_shown() {
        let shown = output("Log", &format!("begin{}end", "ä".repeat(OUTPUT_SHOWN)));
        assert!(shown.contains("(its beginning is left out)\nä") && shown.contains("äend</pre>"));
        assert_eq!(output("Log", " \n"), "");
    }
}
