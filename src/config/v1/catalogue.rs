//! The schema mappings that the old files say, held against those of the 1.7 catalogue: §mappings asks for the same pairs.

use super::convert::Group;
use crate::finding::Finding;
use crate::wording::counted;

const ID: &str = "catalogue";

/// A source of the 1.7 catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueSource {
    /// `t_source`.
    pub name: String,
    /// `t_source_schema`.
    pub source_schema: Option<String>,
    /// `t_dest_schema`.
    pub dest_schema: String,
}

/// What both say, and what one of them alone.
#[must_use]
pub fn compare(groups: &[Group], sources: &[CatalogueSource]) -> Vec<Finding> {
    let mut found = Vec::new();
    let pairs: Vec<_> = groups.iter().flat_map(|group| &group.pairs).collect();
    let in_both = |source: &CatalogueSource| {
        pairs.iter().any(|(pair, _)| {
            source.source_schema.as_ref() == Some(&pair.source_schema)
                && source.dest_schema == pair.dest_schema
        })
    };
    let both = sources.iter().filter(|source| in_both(source)).count() as u64;
    if both > 0 {
        let are = if both == 1 { "is" } else { "are" };
        let pairs = counted(both, "schema mapping");
        found.push(Finding::info(ID, format!("{pairs} {are} in the files and in the catalogue alike.")));
    }
    for (pair, file) in &pairs {
        let known = sources.iter().any(|source| {
            source.source_schema.as_ref() == Some(&pair.source_schema)
                && source.dest_schema == pair.dest_schema
        });
        if !known {
            found.push(Finding::warning(
                ID,
                format!("{pair} is in {file}, and not in the catalogue."),
                "The upgrade would be refused. If it never was a source of this replica, take its line out of schema_mappings; \
                 if its schemas were changed in the file, start 1.8.2 with it once, which writes them into the catalogue.",
            ));
        }
    }
    for source in sources.iter().filter(|source| !in_both(source)) {
        let from = source.source_schema.as_deref().filter(|schema| !schema.is_empty());
        found.push(match from {
            None => Finding::warning(
                ID,
                format!("The catalogue doesn't say which schema on MySQL its source {:?} comes from.", source.name),
                "Start its replica once with pg_chameleon 1.8.2, which writes it there.",
            ),
            Some(from) => Finding::warning(
                ID,
                format!(
                    "The catalogue's source {:?} maps {from} → {}, and no file says so.",
                    source.name, source.dest_schema
                ),
                "The upgrade would be refused. Name its file too and convert again, or add the line to schema_mappings.",
            ),
        });
    }
    found
}
