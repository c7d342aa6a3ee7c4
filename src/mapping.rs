//! The schema mappings of the old catalogue held against those of the configuration.
//!
//! §mappings: both are sets of pairs (schema on MySQL, schema on PostgreSQL) and must
//! be equal, each pair in exactly one new source. Any discrepancy, in either direction, refuses.

use crate::facts::snapshot::OldSource;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A schema on MySQL and the schema on PostgreSQL that it is replicated into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MappingPair {
    /// The schema on MySQL: 1.7's `t_source_schema`, a key of `schema_mappings`.
    pub source_schema: String,
    /// The schema on PostgreSQL: 1.7's `t_dest_schema`, a value of `schema_mappings`.
    pub dest_schema: String,
}

impl fmt::Display for MappingPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} → {}", self.source_schema, self.dest_schema)
    }
}

/// Writes pairs as the configuration has them: an object from source schema to destination schema.
///
/// # Errors
/// What the serializer answers.
pub fn serialize_pairs<S: Serializer>(pairs: &[MappingPair], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|pair| (&pair.source_schema, &pair.dest_schema)))
}

/// A source of the configuration and the pairs it maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name under `sources` in the configuration; becomes the name of the new source.
    pub name: String,
    /// Its `schema_mappings`.
    pub mappings: Vec<MappingPair>,
}

impl Target {
    /// Whether it maps the schemas of an old source.
    #[must_use]
    pub fn maps(&self, source: &OldSource) -> bool {
        self.mappings.iter().any(|pair| {
            source.source_schema.as_ref() == Some(&pair.source_schema)
                && source.dest_schema == pair.dest_schema
        })
    }
}

/// A pair as the old catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CataloguePair {
    /// The name of the old source.
    pub source: String,
    /// Its two schemas.
    pub pair: MappingPair,
}

/// One way in which the catalogue and the configuration disagree about a pair.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Discrepancy {
    /// The catalogue replicates the pair; no source of the configuration maps it.
    NotConfigured {
        /// The pair and the old source that has it.
        catalogue: CataloguePair,
        /// What the configuration has instead, when something comes near.
        instead: Vec<ConfiguredPair>,
    },
    /// The configuration maps the pair; no source of the catalogue replicates it.
    NotInCatalogue(ConfiguredPair),
    /// More than one source of the configuration maps the pair.
    ConfiguredTwice {
        /// The pair.
        pair: MappingPair,
        /// The sources that map it, in the order of the configuration.
        targets: Vec<String>,
    },
}

/// A pair as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfiguredPair {
    /// The source of the configuration.
    pub target: String,
    /// Its pair.
    pub pair: MappingPair,
}

/// Compares both sets; empty when they are equal and each pair stands in one source only.
#[must_use]
pub fn discrepancies(catalogue: &[CataloguePair], targets: &[Target]) -> Vec<Discrepancy> {
    let configured = targets_by_pair(targets);
    let replicated: BTreeSet<&MappingPair> = catalogue.iter().map(|entry| &entry.pair).collect();

    let not_configured =
        catalogue.iter().filter(|entry| !configured.contains_key(&entry.pair)).map(|entry| {
            Discrepancy::NotConfigured { catalogue: entry.clone(), instead: near(&entry.pair, &configured) }
        });
    let not_in_catalogue =
        configured.iter().filter(|(pair, _)| !replicated.contains(*pair)).map(|(pair, names)| {
            Discrepancy::NotInCatalogue(ConfiguredPair { target: names.join(", "), pair: (*pair).clone() })
        });
    let twice = configured.iter().filter(|(_, names)| names.len() > 1).map(|(pair, names)| {
        Discrepancy::ConfiguredTwice {
            pair: (*pair).clone(),
            targets: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    });
    not_configured.chain(not_in_catalogue).chain(twice).collect()
}

type TargetsByPair<'a> = BTreeMap<&'a MappingPair, Vec<&'a str>>;

fn targets_by_pair(targets: &[Target]) -> TargetsByPair<'_> {
    let mut by_pair = TargetsByPair::new();
    for target in targets {
        for pair in &target.mappings {
            by_pair.entry(pair).or_default().push(&target.name);
        }
    }
    by_pair
}

/// The configured pairs that share a schema with `pair`, letter case aside: what was probably meant.
fn near(pair: &MappingPair, configured: &TargetsByPair<'_>) -> Vec<ConfiguredPair> {
    let same = |left: &str, right: &str| left.to_lowercase() == right.to_lowercase();
    configured
        .iter()
        .filter(|(other, _)| {
            same(&other.source_schema, &pair.source_schema) || same(&other.dest_schema, &pair.dest_schema)
        })
        .map(|(other, names)| ConfiguredPair { target: names.join(", "), pair: (*other).clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair(source_schema: &str, dest_schema: &str) -> MappingPair {
        MappingPair { source_schema: source_schema.into(), dest_schema: dest_schema.into() }
    }

    fn old(source: &str, source_schema: &str, dest_schema: &str) -> CataloguePair {
        CataloguePair { source: source.into(), pair: pair(source_schema, dest_schema) }
    }

    fn target(name: &str, pairs: &[(&str, &str)]) -> Target {
        Target { name: name.into(), mappings: pairs.iter().map(|(from, to)| pair(from, to)).collect() }
    }

    #[test]
    fn equal_sets_agree_however_they_are_grouped() {
        let catalogue = [old("one", "a", "x"), old("two", "b", "y")];
        assert_eq!(discrepancies(&catalogue, &[target("both", &[("b", "y"), ("a", "x")])]), []);
        assert_eq!(
            discrepancies(&catalogue, &[target("n1", &[("a", "x")]), target("n2", &[("b", "y")])]),
            []
        );
    }

    #[test]
    fn a_pair_missing_from_the_configuration_is_told_with_what_comes_near() {
        let found = discrepancies(&[old("one", "a", "x")], &[target("new", &[("A", "z")])]);
        let near = ConfiguredPair { target: "new".into(), pair: pair("A", "z") };
        assert_eq!(
            found,
            [
                Discrepancy::NotConfigured { catalogue: old("one", "a", "x"), instead: vec![near.clone()] },
                Discrepancy::NotInCatalogue(near),
            ]
        );
    }

    #[test]
    fn what_shares_a_schema_comes_near_and_nothing_else_does() {
        let target = target("new", &[("b", "X"), ("a", "z"), ("c", "y")]);
        let found = discrepancies(&[old("one", "a", "x")], &[target]);
        let near = |pair| ConfiguredPair { target: "new".into(), pair };
        let instead = vec![near(pair("a", "z")), near(pair("b", "X"))];
        assert_eq!(found[0], Discrepancy::NotConfigured { catalogue: old("one", "a", "x"), instead });
        assert_eq!(pair("a", "x").to_string(), "a → x");
    }

    #[test]
    fn a_pair_that_only_the_configuration_has_is_told() {
        let found = discrepancies(&[old("one", "a", "x")], &[target("new", &[("a", "x"), ("b", "y")])]);
        assert_eq!(
            found,
            [Discrepancy::NotInCatalogue(ConfiguredPair { target: "new".into(), pair: pair("b", "y") })]
        );
    }

    #[test]
    fn a_pair_in_two_new_sources_is_told() {
        let targets = [target("n1", &[("a", "x")]), target("n2", &[("a", "x")])];
        assert_eq!(
            discrepancies(&[old("one", "a", "x")], &targets),
            [Discrepancy::ConfiguredTwice { pair: pair("a", "x"), targets: vec!["n1".into(), "n2".into()] }]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Against the definition itself: equal as multisets, and none of them twice.
        #[test]
        fn agreement_is_equality_of_sets_with_each_pair_once(
            catalogue in prop::collection::btree_set(("[abA]", "[xyX]"), 0..5),
            configured in prop::collection::vec(prop::collection::btree_set(("[abA]", "[xyX]"), 0..4), 0..4),
        ) {
            let old_pairs: Vec<_> = catalogue.iter().map(|(from, to)| old("s", from, to)).collect();
            let targets: Vec<_> = configured
                .iter()
                .map(|pairs| Target {
                    name: "t".into(),
                    mappings: pairs.iter().map(|(from, to)| pair(from, to)).collect(),
                })
                .collect();
            let mut all: Vec<_> = configured.iter().flatten().cloned().collect();
            all.sort();
            let wanted: Vec<_> = catalogue.into_iter().collect();
            prop_assert_eq!(discrepancies(&old_pairs, &targets).is_empty(), all == wanted);
        }
    }
}
