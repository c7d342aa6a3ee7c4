//! The schema mappings of the configuration are those of the catalogue.

use super::{Check, Examined, Finding, Severity, findings_of_refusals};
use crate::config::may_stand;
use crate::mapping::{CataloguePair, ConfiguredPair, Discrepancy, MappingPair};
use crate::plan::Refusal;

pub(super) const CHECK: Check = Check {
    id: "schema-mappings",
    about: "The schema mappings of the configuration are those of the catalogue",
    rule: "§mappings",
    worst: Severity::Error,
    acceptable: false,
    asks_mysql: false,
    run,
};

fn run(facts: &Examined) -> Vec<Finding> {
    findings_of_refusals(facts, |refusal| match refusal {
        Refusal::Mapping(discrepancy) => Some(finding(discrepancy)),
        _ => None,
    })
}

fn finding(discrepancy: &Discrepancy) -> Finding {
    match discrepancy {
        Discrepancy::NotConfigured { catalogue, instead } => not_configured(catalogue, instead),
        Discrepancy::NotInCatalogue(configured) => not_in_catalogue(configured),
        Discrepancy::ConfiguredTwice { pair, targets } => CHECK.error(
            format!("{pair} stands in more than one source of the configuration: {}.", targets.join(", ")),
            "Leave it in the one source that shall replicate it.",
        ),
    }
}

fn not_configured(CataloguePair { source, pair }: &CataloguePair, instead: &[ConfiguredPair]) -> Finding {
    let found =
        format!("The catalogue replicates {pair} (source {source}); no source of the configuration does.");
    let line = line(pair);
    let remedy = match instead {
        [] => format!(
            "Add `{line}` under schema_mappings of the source that reads from the same MySQL server as {source}. If it \
             is no longer wanted, drop the source with 1.8.2's drop_source first."
        ),
        near => {
            let near: Vec<_> =
                near.iter().map(|near| format!("{} in source {}", near.pair, near.target)).collect();
            format!("The configuration has {}: correct it to `{line}`, or add that.", near.join(" and "))
        }
    };
    CHECK.error(found, remedy)
}

fn not_in_catalogue(ConfiguredPair { target, pair }: &ConfiguredPair) -> Finding {
    CHECK.error(format!("The configuration maps {pair} (source {target}); the catalogue replicates no such pair."),
        format!(
            "Take `{}` out of schema_mappings of {target}, or correct it; a new schema is added after the upgrade.",
            line(pair)
        ),
    )
}

/// The pair as it stands in the configuration.
fn line(MappingPair { source_schema, dest_schema }: &MappingPair) -> String {
    format!("{}: {}", scalar(source_schema), scalar(dest_schema))
}

/// A name that YAML would not read as plain text is written in quotes.
fn scalar(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
            .contains(&name.to_lowercase().as_str());
    if plain { name.to_owned() } else { format!("\"{}\"", name.chars().map(in_quotes).collect::<String>()) }
}

/// A character as it stands between YAML's double quotes. What would break the line, or can't be seen, is escaped.
fn in_quotes(character: char) -> String {
    match character {
        '"' | '\\' => format!("\\{character}"),
        _ if character.is_control() || !may_stand(character) => format!("\\u{:04X}", u32::from(character)),
        _ => character.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may end there")]

    use super::*;
    use crate::config::Configuration;
    use proptest::prelude::*;

    /// The pairs that a configuration with this line has.
    fn read(line: &str) -> Vec<MappingPair> {
        let text = format!(
            "pg_conn: {{host: h, port: 5432, user: u, password: p, database: d, charset: utf8}}
sources:
  replica:
    type: mysql
    db_conn: {{host: h, port: 3306, user: u, password: p, charset: utf8, connect_timeout: 10}}
    schema_mappings:
      {line}
"
        );
        let configuration = Configuration::parse("a.yml".into(), &text);
        configuration.unwrap_or_else(|error| panic!("{error}\n{text}")).sources.remove(0).schema_mappings
    }

    #[test]
    fn only_names_that_need_it_are_quoted() {
        for plain in ["shop", "_shop", "Shop_2", "yesterday"] {
            assert_eq!(scalar(plain), plain);
        }
        for quoted in
            ["", "2shop", "my shop", "yes", "No", "NULL", "y", "shöp", "a: b", "# a", "-", "1_000", "~"]
        {
            assert_eq!(scalar(quoted), format!("\"{quoted}\""));
        }
        assert_eq!(scalar("a\"b\\c\nd"), r#""a\"b\\c\u000Ad""#);
    }

    /// Any name, and those that hurt.
    const NAMES: &str =
        "[^\0]{1,12}|[a-z_0-9]{1,4}|[\"'\\\\\n\t\u{85}\u{2028}\u{2029}\u{feff}:# -]{1,6}|yes|no|On|null|y";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_line_that_a_remedy_names_is_read_as_the_pair(
            source_schema in NAMES,
            dest_schema in NAMES,
        ) {
            let pair = MappingPair { source_schema, dest_schema };
            prop_assert_eq!(read(&line(&pair)), vec![pair]);
        }
    }
}
