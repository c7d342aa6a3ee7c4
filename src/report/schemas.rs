//! The schemas of all that is written as JSON, made from the types that write it. docs/schemas holds them.

use super::{documents, events, file, watching};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};

/// The schemas, each with the name of its file in docs/schemas.
#[must_use]
pub fn all() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("report.json", of::<file::Report>()),
        ("check.json", of::<documents::Checked<'static>>()),
        ("overview.json", of::<documents::Overview<'static>>()),
        ("checks.json", of::<documents::Checks>()),
        ("status.json", of::<documents::Status<'static>>()),
        ("watch.json", of::<watching::Look<'static>>()),
        ("verify.json", of::<documents::Verified<'static>>()),
        ("events.json", of::<events::Line<'static>>()),
    ]
}

fn of<T: JsonSchema>() -> serde_json::Value {
    // Of what is written: a key that is always there is required, whatever could be read without it.
    let generator: SchemaGenerator = SchemaSettings::draft2020_12().for_serialize().into();
    generator.into_root_schema_for::<T>().to_value()
}
