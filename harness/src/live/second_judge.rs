//! The second judge of how a replica ended: the program's own `verify`. It and the harness know nothing of each other, and must
//! agree on each table that both have compared.

use super::tables::Difference;
use serde_json::Value;

/// On which of the tables that the harness has compared the two don't agree. `verified`: what `verify --format json` wrote.
pub(super) fn disagreements(verified: &Value, compared: &[String], unequal: &[Difference]) -> Vec<String> {
    let tables = verified["tables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let disagreement = |table: &Value| {
        let (name, verdict) = (table["table"].as_str()?, table["verdict"].as_str()?);
        if !compared.iter().any(|it| it == name) {
            return None;
        }
        let difference = unequal.iter().find(|difference| difference.table == name);
        match (verdict, difference) {
            ("equal", None) | ("unequal" | "undecided", Some(_)) | ("not_compared", _) => None,
            ("equal", Some(difference)) => {
                Some(format!("verify says that {name} is equal, and {}", difference.what.join("; ")))
            }
            _ => Some(format!("verify says that {name} is {verdict} ({table}), and it is equal")),
        }
    };
    tables.iter().filter_map(disagreement).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_disagreement_is_told() {
        let verified = json!({"tables": [
            {"table": "s.a", "verdict": "equal"}, {"table": "s.b", "verdict": "unequal"},
            {"table": "s.c", "verdict": "undecided"}, {"table": "s.d", "verdict": "not_compared"},
        ]});
        let unequal = |names: &[&str]| {
            let one = |name: &&str| Difference { table: (*name).to_owned(), what: vec!["x".to_owned()] };
            names.iter().map(one).collect::<Vec<_>>()
        };
        let all = ["s.a", "s.b", "s.c", "s.d"].map(str::to_owned);
        let disagreements = |names: &[&str]| disagreements(&verified, &all, &unequal(names));
        assert_eq!(disagreements(&["s.b", "s.c", "s.d"]), Vec::<String>::new());
        let told = disagreements(&["s.a"]);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("s.a is equal, and x") && told[1].contains("s.b is unequal"), "{told:?}");
    }
}
