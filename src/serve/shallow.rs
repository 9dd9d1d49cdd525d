//! JSON rows read one at a time, with what is nested in them passed over: a small body must not become a large tree.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

/// Fields of one row at most.
const MAX_FIELDS: usize = 1 << 16;

/// What a body was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Items {
    /// One object.
    One,
    /// A list.
    Listed,
    /// Something else.
    Neither,
}

/// Gives each item of a list, or the one object, to `take`, as long as it wants more.
pub(super) fn items(body: &[u8], take: impl FnMut(usize, Json) -> bool) -> Result<Items, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let items = ItemsSeed { take }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(items)
}

/// Reads a list of items from within a larger document, and gives each to `take`; false for anything else.
pub(super) struct ItemsSeed<F> {
    /// Where items go; false for no more.
    pub(super) take: F,
}

impl<'de, F: FnMut(usize, Json) -> bool> DeserializeSeed<'de> for ItemsSeed<F> {
    type Value = Items;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Items, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(usize, Json) -> bool> Visitor<'de> for ItemsSeed<F> {
    type Value = Items;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<Items, A::Error> {
        (self.take)(0, Json::Object(fields(map)?));
        Ok(Items::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Items, A::Error> {
        let mut position = 0;
        let mut wanted = true;
        while wanted {
            let Some(item) = items.next_element_seed(Row)? else { return Ok(Items::Listed) };
            wanted = (self.take)(position, item);
            position += 1;
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Items::Listed)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Items, E> {
        Ok(Items::Neither)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Items, E> {
        Ok(Items::Neither)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Items, E> {
        Ok(Items::Neither)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Items, E> {
        Ok(Items::Neither)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Items, E> {
        Ok(Items::Neither)
    }

    fn visit_unit<E: Error>(self) -> Result<Items, E> {
        Ok(Items::Neither)
    }
}

fn fields<'de, A: MapAccess<'de>>(mut map: A) -> Result<Map<String, Json>, A::Error> {
    let mut fields = Map::new();
    while let Some(name) = map.next_key::<String>()? {
        let value = map.next_value_seed(Cell)?;
        if fields.insert(name, value).is_some() {
            return Err(A::Error::custom("a field is given twice"));
        }
        if MAX_FIELDS < fields.len() {
            return Err(A::Error::custom(format_args!("a row has more than {MAX_FIELDS} fields")));
        }
    }
    Ok(fields)
}

macro_rules! scalars {
    () => {
        fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
            Ok(Json::Bool(value))
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
            Ok(Json::from(value))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
            Ok(Json::from(value))
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
            Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
            Ok(Json::String(value.to_owned()))
        }

        fn visit_unit<E: Error>(self) -> Result<Json, E> {
            Ok(Json::Null)
        }

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON value")
        }
    };
}

/// A row: an object's fields are read, a list is only told from other things.
pub(super) struct Row;

impl<'de> DeserializeSeed<'de> for Row {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Row {
    type Value = Json;

    scalars!();

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Json, A::Error> {
        fields(map).map(Json::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Json::Array(Vec::new()))
    }
}

/// A value of a row: what is nested is passed over, and only its kind is kept.
pub(super) struct Cell;

impl<'de> DeserializeSeed<'de> for Cell {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cell {
    type Value = Json;

    scalars!();

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Json::Object(Map::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Json::Array(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(Items, Vec<Json>), String> {
        let mut all = Vec::new();
        let items = items(body.as_bytes(), |_, item| {
            all.push(item);
            all.len() < 3
        });
        items.map(|items| (items, all)).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_are_read_and_what_is_nested_is_passed_over() {
        let one = serde_json::json!({ "a": 1, "b": [], "c": {}, "d": null });
        assert_eq!(read(r#"{"a": 1, "b": [[1], 2], "c": {"d": 1}, "d": null}"#), Ok((Items::One, vec![one])));
        let (items, all) = read(r#"[{"a": "x"}, 3, [[4]], {"unread": 1}, 5]"#).unwrap();
        assert_eq!((items, all.len()), (Items::Listed, 3), "reading ends when enough is known");
        assert_eq!(read("7").unwrap().0, Items::Neither);
        assert!(read(r#"{"a": 1, "a": 2}"#).unwrap_err().contains("twice"));
        assert!(read("[1] x").is_err() && read("[1").is_err() && read("").is_err());
        let deep = format!("[{}1{}]", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(&deep).unwrap().0, Items::Listed, "without recursion");
    }
}
