//! The JSON schema of a scenario file, for editors, made from the types that read it.

use super::description::{
    RawConfiguration, Session, SourceDescription, WrittenConfiguration, WrittenScenario, WrittenSession,
};
use super::expectation::{Exit, Text};
use crate::comparison;
use crate::live;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// A file of scenarios/, scenarios/live or scenarios/original.
#[derive(JsonSchema)]
#[schemars(untagged, title = "A scenario of chameleon-harness")]
#[expect(dead_code, reason = "it is there for its schema")]
enum AnyWritten {
    Seeded(WrittenScenario),
    Live(live::Scenario),
    Compared(comparison::Case),
}

/// The schema as `scenarios/scenario.schema.json` holds it.
#[must_use]
pub fn schema() -> String {
    format!("{:#}\n", schemars::schema_for!(AnyWritten).to_value())
}

impl JsonSchema for Session {
    fn schema_name() -> Cow<'static, str> {
        "Session".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let more = generator.subschema_for::<WrittenSession>();
        json_schema!({
            "description": "A session of the replica's role: its application name, or also what it does first.",
            "anyOf": [{"type": "string"}, more],
        })
    }
}

impl JsonSchema for WrittenConfiguration {
    fn schema_name() -> Cow<'static, str> {
        "Configuration".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let sources = generator.subschema_for::<Vec<SourceDescription>>();
        let text = generator.subschema_for::<RawConfiguration>();
        json_schema!({"anyOf": [sources, text]})
    }
}

impl JsonSchema for Exit {
    fn schema_name() -> Cow<'static, str> {
        "Exit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 255}, {"const": "killed"}]})
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A value as PostgreSQL writes it as text; NULL is null.",
            "type": ["string", "number", "boolean", "null"],
        })
    }
}
