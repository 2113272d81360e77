//! The native format: one JSON object a line. Values go straight from the parser into the draft;
//! nothing is built in between and, escapes aside, nothing is allocated.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::DecodeError;
use super::draft::Draft;
use super::field::Field;
use super::mend;
use super::pseudonym::Naming;
use super::scalar::Scalar;

/// Reads one object into the draft. `mended` receives the text if it must be mended first; says
/// whether that was so.
pub(super) fn fill<'a, N: Naming>(
    text: &'a str,
    mended: &'a mut String,
    draft: &mut Draft<'a, '_, N>,
) -> Result<bool, DecodeError> {
    let Err(error) = read(text, draft) else {
        return Ok(false);
    };
    // What the first reading left in the draft must not show through.
    draft.clear();
    *mended = mend::mend(text).ok_or_else(|| refusal(&error))?;
    read(mended, draft).map_err(|_| refusal(&error))?;
    Ok(true)
}

/// Our visitors accept any value, so the one wrong type is a line that is no object.
pub(super) fn refusal(error: &serde_json::Error) -> DecodeError {
    match error.classify() {
        Category::Data => DecodeError::NotAnObject,
        Category::Io | Category::Syntax | Category::Eof => {
            DecodeError::NotJson { detail: error.to_string() }
        }
    }
}

fn read<'a, N: Naming>(
    text: &'a str,
    draft: &mut Draft<'a, '_, N>,
) -> Result<(), serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(text);
    parser.deserialize_map(Object(draft))?;
    parser.end()
}

struct Object<'d, 'a, 's, N>(&'d mut Draft<'a, 's, N>);

impl<'a, N: Naming> Visitor<'a> for Object<'_, 'a, '_, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(field) = map.next_key_seed(Key)? {
            match field {
                Some(field) => map.next_value_seed(Value { draft: self.0, field })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Key;

impl<'a> DeserializeSeed<'a> for Key {
    type Value = Option<Field>;

    fn deserialize<D: Deserializer<'a>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Field::parse(key))
    }
}

/// Any value, for a field.
struct Value<'d, 'a, 's, N> {
    draft: &'d mut Draft<'a, 's, N>,
    field: Field,
}

impl<'a, N: Naming> DeserializeSeed<'a> for Value<'_, 'a, '_, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'a, N: Naming> Value<'_, 'a, '_, N> {
    fn scalar<E>(self, value: Scalar<'a>) -> Result<(), E> {
        self.draft.scalar(self.field, value);
        Ok(())
    }
}

impl<'a, N: Naming> Visitor<'a> for Value<'_, 'a, '_, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.scalar(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.scalar(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.scalar(Scalar::Unsigned(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.scalar(Scalar::Negative(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.scalar(Scalar::Float(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.scalar(Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.scalar(Scalar::Absent)
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut list: S) -> Result<(), S::Error> {
        if !self.field.is_list() {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return self.scalar(Scalar::Other);
        }
        let Value { draft, field } = self;
        draft.list(field);
        while list.next_element_seed(Element { draft, field })?.is_some() {}
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.scalar(Scalar::Other)
    }
}

/// Any value, for a field's list.
struct Element<'d, 'a, 's, N> {
    draft: &'d mut Draft<'a, 's, N>,
    field: Field,
}

impl<'a, N: Naming> DeserializeSeed<'a> for Element<'_, 'a, '_, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<N: Naming> Element<'_, '_, '_, N> {
    fn add<E>(self, value: &Scalar<'_>) -> Result<(), E> {
        self.draft.element(self.field, value);
        Ok(())
    }
}

impl<'a, N: Naming> Visitor<'a> for Element<'_, 'a, '_, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.add(&Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.add(&Scalar::Unsigned(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.add(&Scalar::Negative(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.add(&Scalar::Float(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.add(&Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.add(&Scalar::Other)
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut list: S) -> Result<(), S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.add(&Scalar::Other)
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.add(&Scalar::Other)
    }
}
