//! The schema mappings of the configuration are those of the catalogue.

use super::{Facts, Finding};
use crate::mapping::{CataloguePair, ConfiguredPair, Discrepancy, MappingPair};
use crate::plan::Refusal;

const CHECK: &str = "schema-mappings";

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    facts.findings_of_refusals(|refusal| match refusal {
        Refusal::Mapping(discrepancy) => Some(finding(discrepancy)),
        _ => None,
    })
}

fn finding(discrepancy: &Discrepancy) -> Finding {
    match discrepancy {
        Discrepancy::NotConfigured { catalogue, instead } => not_configured(catalogue, instead),
        Discrepancy::NotInCatalogue(configured) => not_in_catalogue(configured),
        Discrepancy::ConfiguredTwice { pair, targets } => Finding::error(
            CHECK,
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
    Finding::error(CHECK, found, remedy)
}

fn not_in_catalogue(ConfiguredPair { target, pair }: &ConfiguredPair) -> Finding {
    Finding::error(
        CHECK,
        format!("The configuration maps {pair} (source {target}); the catalogue replicates no such pair."),
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
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")) }
}
