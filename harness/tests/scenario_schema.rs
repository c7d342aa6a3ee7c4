//! `scenarios/scenario.schema.json` says what the types say that read scenarios.

use std::fs;
use std::path::Path;

#[test]
fn the_schema_of_scenarios_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/scenario.schema.json");
    let schema = chameleon_harness::scenario::schema();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &schema).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == schema,
        "{} is not what the types say: run `UPDATE=1 cargo test -p chameleon-harness --test scenario_schema`",
        file.display()
    );
}
