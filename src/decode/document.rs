//! A JSON line as a tree, for mappings. Deep nesting is cut off instead of refused: whoever can
//! nest a request body in a log line must not be able to hide the line.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Levels of objects and lists that are kept; what is deeper reads as null.
const DEPTH_MAX: usize = 32;

/// Reads one object.
pub(super) fn read(text: &str) -> Result<Value, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = parser.deserialize_map(Tree { depth: 0 })?;
    parser.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Tree {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Tree {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Value, D::Error> {
        if self.depth >= DEPTH_MAX {
            return parser.deserialize_ignored_any(IgnoredAny).map(|_| Value::Null);
        }
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Value, S::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Tree { depth: self.depth + 1 })? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value, M::Error> {
        let mut values = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            values.insert(key, map.next_value_seed(Tree { depth: self.depth + 1 })?);
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#"{"a": [1, -2, 3.5, null, true, "é\n", {}], "b": {"c": "d", "c": "e"}}"#;
        assert_eq!(read(text).ok(), serde_json::from_str(text).ok());
        assert!(read("[1]").is_err());
        assert!(read("{} {}").is_err());
    }

    #[test]
    fn depth_is_cut_off() {
        let deep = format!(r#"{{"a": "b", "x": {}{}}}"#, "[".repeat(5000), "]".repeat(5000));
        let value = read(&deep).unwrap();
        assert_eq!(value["a"], "b");
        let mut levels = 0;
        let mut inner = &value["x"];
        while let Some(next) = inner.get(0) {
            inner = next;
            levels += 1;
        }
        assert_eq!(levels, DEPTH_MAX - 1);
        assert!(inner.is_null());
    }
}
