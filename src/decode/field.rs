//! The fields of the event contract by name, and sets of them.

/// One field of the event contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the words of the event contract")]
pub enum Field {
    Time,
    Account,
    Partner,
    Unit,
    Role,
    Action,
    Records,
    RecordCount,
    Unrelated,
    Data,
    Population,
    Query,
    Resource,
    Ip,
    Device,
    Session,
    UserAgent,
    Outcome,
}

impl Field {
    /// Every field, in the contract's order.
    pub const ALL: [Field; 18] = [
        Field::Time,
        Field::Account,
        Field::Partner,
        Field::Unit,
        Field::Role,
        Field::Action,
        Field::Records,
        Field::RecordCount,
        Field::Unrelated,
        Field::Data,
        Field::Population,
        Field::Query,
        Field::Resource,
        Field::Ip,
        Field::Device,
        Field::Session,
        Field::UserAgent,
        Field::Outcome,
    ];

    /// The contract's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::Time => "time",
            Field::Account => "account",
            Field::Partner => "partner",
            Field::Unit => "unit",
            Field::Role => "role",
            Field::Action => "action",
            Field::Records => "records",
            Field::RecordCount => "record_count",
            Field::Unrelated => "unrelated",
            Field::Data => "data",
            Field::Population => "population",
            Field::Query => "query",
            Field::Resource => "resource",
            Field::Ip => "ip",
            Field::Device => "device",
            Field::Session => "session",
            Field::UserAgent => "user_agent",
            Field::Outcome => "outcome",
        }
    }

    /// Reads the contract's word. On the hot path: the compiler compares lengths first.
    #[must_use]
    pub fn parse(name: &str) -> Option<Field> {
        Some(match name {
            "time" => Field::Time,
            "account" => Field::Account,
            "partner" => Field::Partner,
            "unit" => Field::Unit,
            "role" => Field::Role,
            "action" => Field::Action,
            "records" => Field::Records,
            "record_count" => Field::RecordCount,
            "unrelated" => Field::Unrelated,
            "data" => Field::Data,
            "population" => Field::Population,
            "query" => Field::Query,
            "resource" => Field::Resource,
            "ip" => Field::Ip,
            "device" => Field::Device,
            "session" => Field::Session,
            "user_agent" => Field::UserAgent,
            "outcome" => Field::Outcome,
            _ => return None,
        })
    }

    /// Whether the field holds any number of values.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Field::Records | Field::Data | Field::Population)
    }
}

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(u32);

impl FieldSet {
    /// Adds a field.
    pub fn insert(&mut self, field: Field) {
        self.0 |= 1 << field as u8;
    }

    /// Takes a field out.
    pub fn remove(&mut self, field: Field) {
        self.0 &= !(1 << field as u8);
    }

    /// Whether the field is in the set.
    #[must_use]
    pub fn contains(self, field: Field) -> bool {
        self.0 & 1 << field as u8 != 0
    }

    /// Whether no field is.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields in the contract's order.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(move |field| self.contains(*field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bits_belong_together() {
        for (i, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, i);
            assert_eq!(Field::parse(field.name()), Some(field));
        }
        assert_eq!(Field::parse("Time"), None);
        let mut set = FieldSet::default();
        set.insert(Field::Outcome);
        set.insert(Field::Time);
        set.insert(Field::Time);
        assert!(set.iter().eq([Field::Time, Field::Outcome]));
        set.remove(Field::Time);
        set.remove(Field::Ip);
        assert!(set.contains(Field::Outcome) && !set.contains(Field::Time) && !set.is_empty());
    }
}
