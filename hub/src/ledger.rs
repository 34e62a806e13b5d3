//! The append-only record: who did what, when, from where and why. Each record carries the hash of the one before, so that
//! nothing in it can be changed, taken out or put in without every later hash being wrong; `yiwang-hub audit verify` holds
//! them against each other without the hub. What was cut off at the end shows only against a hash that was kept elsewhere:
//! every answer of `verify` ends with the newest one, to be kept there.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a record.
pub type Hash = [u8; 32];

/// What the first record follows.
pub const GENESIS: Hash = [0; 32];

/// A record to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// When, microseconds since 1970 UTC.
    pub at_us: i64,
    /// Who.
    pub by: String,
    /// Of which department.
    pub department: String,
    /// From which address; empty for the hub itself.
    pub from: String,
    /// What: `incident.acknowledge`, `user.create`, …
    pub what: String,
    /// About what: an id or a name.
    pub about: String,
    /// Why, where a reason was given.
    pub why: Option<String>,
    /// The step in full.
    pub detail: Value,
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number; the first is 1.
    pub seq: i64,
    /// What it says.
    pub new: NewRecord,
    /// Hash over all of it and the hash before.
    pub hash: Hash,
}

/// A record that does not follow from the one before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A number is missing, or is there twice.
    #[error("record {found} stands where record {expected} should: something was taken out or put in")]
    Number {
        /// What should be there.
        expected: i64,
        /// What is there.
        found: i64,
    },
    /// The content does not fit its hash.
    #[error("record {seq} ({what} by {by}) does not fit its hash: it, or the one before it, was changed")]
    Hash {
        /// Which.
        seq: i64,
        /// What it says was done.
        what: String,
        /// By whom.
        by: String,
    },
}

/// The hash of a record after another: over each field with its length, so that no two records read the same.
pub fn hash(before: &Hash, seq: i64, new: &NewRecord) -> Hash {
    let detail = canonical(&new.detail);
    let mut sha =
        Sha256::new().chain_update(before).chain_update(seq.to_be_bytes()).chain_update(new.at_us.to_be_bytes());
    let why = new.why.as_deref().unwrap_or_default();
    for field in [&new.by, &new.department, &new.from, &new.what, &new.about] {
        sha = sha.chain_update((field.len() as u64).to_be_bytes()).chain_update(field);
    }
    sha = sha.chain_update([u8::from(new.why.is_some())]);
    for field in [why, &detail] {
        sha = sha.chain_update((field.len() as u64).to_be_bytes()).chain_update(field);
    }
    sha.finalize().into()
}

/// JSON with its keys in order.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            let pairs = keys.iter().map(|key| format!("{}:{}", Value::String((*key).clone()), canonical(&map[*key])));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

/// Follows a chain, record by record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// Number of the last record that fits.
    pub seq: i64,
    /// Its hash.
    pub hash: Hash,
}

impl Default for Follower {
    fn default() -> Self {
        Follower { seq: 0, hash: GENESIS }
    }
}

impl Follower {
    /// Takes the next record.
    pub fn take(&mut self, record: &Record) -> Result<(), Broken> {
        if record.seq != self.seq + 1 {
            return Err(Broken::Number { expected: self.seq + 1, found: record.seq });
        }
        if hash(&self.hash, record.seq, &record.new) != record.hash {
            let (what, by) = (record.new.what.clone(), record.new.by.clone());
            return Err(Broken::Hash { seq: record.seq, what, by });
        }
        (self.seq, self.hash) = (record.seq, record.hash);
        Ok(())
    }
}

/// A hash for people.
pub fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(count: i64) -> Vec<Record> {
        let mut before = GENESIS;
        let record = |seq: i64| {
            let new = NewRecord {
                at_us: seq * 10,
                by: "wang".into(),
                department: "operations".into(),
                from: "192.0.2.1".into(),
                what: "incident.comment".into(),
                about: "x".into(),
                why: (seq % 2 == 0).then(|| "because".into()),
                detail: serde_json::json!({"b": seq, "a": [1, {"d": 2, "c": "文"}]}),
            };
            before = hash(&before, seq, &new);
            Record { seq, new, hash: before }
        };
        (1..=count).map(record).collect()
    }

    fn follow(records: &[Record]) -> Result<i64, Broken> {
        let mut follower = Follower::default();
        records.iter().try_for_each(|record| follower.take(record))?;
        Ok(follower.seq)
    }

    #[test]
    fn whatever_is_changed_taken_out_or_put_in_is_found_where_it_is() {
        let whole = chain(9);
        assert_eq!(follow(&whole), Ok(9));
        let changes: [fn(&mut NewRecord); 6] = [
            |new| new.at_us += 1,
            |new| new.by = "li".into(),
            |new| new.why = Some(String::new()),
            |new| new.detail["b"] = 0.into(),
            |new| (new.what, new.about) = ("incident.commentx".into(), String::new()),
            |new| new.from.clear(),
        ];
        for change in changes {
            let mut records = whole.clone();
            change(&mut records[4].new);
            assert!(matches!(follow(&records), Err(Broken::Hash { seq: 5, .. })));
        }
        let mut records = whole.clone();
        records.remove(3);
        assert_eq!(follow(&records), Err(Broken::Number { expected: 4, found: 5 }));
        let mut records = whole;
        records.swap(2, 3);
        assert!(follow(&records).is_err());
    }

    #[test]
    fn the_order_of_keys_is_no_part_of_it() {
        let (a, b) =
            (serde_json::json!({"a": 1, "b": {"c": 2, "d": 3}}), serde_json::json!({"b": {"d": 3, "c": 2}, "a": 1}));
        assert_eq!(canonical(&a), canonical(&b));
    }
}
