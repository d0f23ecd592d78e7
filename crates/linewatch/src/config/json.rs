//! Turns the shown configuration into JSON for the page, and JSON values into those of `web.toml`.
//!
//! What is shown is the text of `config show`, so the page and the command line cannot say different things, and a secret that
//! one hides the other does too. Not here: what a value means; the reader of the file says that.

use serde_json::{Map, Value};
use toml_edit::{Array, DocumentMut, InlineTable, Item};

use super::load::Loaded;
use super::settings::{Settings, TargetSettings};
use super::show;

/// Everything outside `targets`, in the tables of the file; secrets are three stars.
pub fn settings_json(settings: &Settings) -> Value {
    document(&show::sections_text(settings))
}

/// One target in the keys of its table.
pub fn target_json(target: &TargetSettings) -> Value {
    let shown = document(&show::target_text(target));
    shown
        .get("targets")
        .and_then(|list| list.get(0))
        .cloned()
        .unwrap_or(Value::Null)
}

/// Changes with every change outside `targets`.
pub fn settings_version(loaded: &Loaded) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(show::sections_text(&loaded.settings).as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn document(text: &str) -> Value {
    // What `config show` prints can be loaded again: its tests prove it.
    let document: DocumentMut = text.parse().unwrap_or_default();
    item(document.as_item())
}

fn item(shown: &Item) -> Value {
    match shown {
        Item::None => Value::Null,
        Item::Value(shown) => value(shown),
        Item::Table(table) => table
            .iter()
            .map(|(key, inner)| (key.to_owned(), item(inner)))
            .collect(),
        Item::ArrayOfTables(tables) => tables
            .iter()
            .map(|table| {
                let pairs = table.iter().map(|(key, inner)| (key.to_owned(), item(inner)));
                Value::Object(pairs.collect())
            })
            .collect(),
    }
}

fn value(shown: &toml_edit::Value) -> Value {
    match shown {
        toml_edit::Value::String(text) => Value::from(text.value().as_str()),
        toml_edit::Value::Integer(number) => Value::from(*number.value()),
        toml_edit::Value::Float(number) => Value::from(*number.value()),
        toml_edit::Value::Boolean(is_so) => Value::from(*is_so.value()),
        toml_edit::Value::Datetime(instant) => Value::from(instant.value().to_string()),
        toml_edit::Value::Array(list) => list.iter().map(value).collect(),
        toml_edit::Value::InlineTable(table) => {
            let pairs = table.iter().map(|(key, inner)| (key.to_owned(), value(inner)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
    }
}

/// The value as it is written in `web.toml`; `None` for nothing, which TOML cannot say.
pub(super) fn toml_value(wanted: &Value) -> Option<toml_edit::Value> {
    Some(match wanted {
        Value::Null => return None,
        Value::Bool(is_so) => (*is_so).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(number)) => number.into(),
            (None, None) => return None,
        },
        Value::Array(list) => list.iter().filter_map(toml_value).collect::<Array>().into(),
        Value::Object(map) => {
            let pairs = map
                .iter()
                .filter_map(|(key, inner)| Some((key.as_str(), toml_value(inner)?)));
            pairs.collect::<InlineTable>().into()
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_page_is_told_the_tables_of_the_file_and_no_secret() {
        let mut settings = Settings::default();
        settings.alerts.dead_man.url = crate::config::Secret::new("https://x.example/token".to_owned());
        let shown = settings_json(&settings);
        assert_eq!(shown["defaults"]["outage"]["lost_to_open"], json!(3));
        assert_eq!(shown["storage"]["retention"]["hours"], json!("forever"));
        assert_eq!(shown["alerts"]["dead_man"]["url"], json!("***"));
    }

    #[test]
    fn a_value_of_the_page_is_written_as_a_person_would() {
        let wanted = json!({"a": 1, "b": [true, "x"], "c": 0.5, "d": null});
        let written = toml_value(&wanted).expect("a table").to_string();
        assert_eq!(written.trim(), "{ a = 1, b = [true, \"x\"], c = 0.5 }");
    }
}
