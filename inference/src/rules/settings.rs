//! Reading a rule's table: keys that all rules have, unknown keys and classes with a suggestion, and the errors. What
//! the other keys mean is left to each rule.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, de::DeserializeOwned};
use thiserror::Error;

use super::{
    Descriptor, RuleKind,
    event::{Emitter, Severity},
};
use crate::{suggest, track::Track};

/// A `[[camera.rule]]` table that can't be used.
#[derive(Debug, Error)]
pub enum RuleError {
    /// No `kind`.
    #[error("rule `{rule}`: key `kind` is missing; known are: {known}")]
    NoKind {
        /// The rule's id, or its place in the list.
        rule: String,
        /// All kinds.
        known: String,
    },
    /// No rule of this kind.
    #[error("rule `{rule}`: unknown kind `{kind}`; {hint}")]
    UnknownKind {
        /// The rule's id, or its place in the list.
        rule: String,
        /// The kind given.
        kind: String,
        /// The nearest kind, or all of them.
        hint: String,
    },
    /// A key that the rule does not have.
    #[error("rule `{rule}` ({kind}): unknown key `{key}`; {hint}")]
    UnknownKey {
        /// The rule's id.
        rule: String,
        /// Its kind.
        kind: &'static str,
        /// The key.
        key: String,
        /// The nearest key, or all of them.
        hint: String,
    },
    /// A key is missing or has a value of the wrong type.
    #[error("rule `{rule}` ({kind}): a key is missing or has the wrong type; the keys are: {keys}")]
    Type {
        /// The rule's id.
        rule: String,
        /// Its kind.
        kind: &'static str,
        /// What there is to set.
        keys: String,
        /// Which key, and what is wrong with it.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A value that can't be right.
    #[error("rule `{rule}` ({kind}), key `{key}`: {problem}; {next}")]
    Invalid {
        /// The rule's id.
        rule: String,
        /// Its kind.
        kind: &'static str,
        /// The key.
        key: &'static str,
        /// What is wrong.
        problem: String,
        /// What to do.
        next: String,
    },
    /// Two rules of one camera have the same id.
    #[error("rule `{rule}`: two rules of this camera have this id; give one of them another `id`")]
    Double {
        /// The id.
        rule: String,
    },
}

/// What is wrong with a value, and what to do: becomes `RuleError::Invalid` through [`Head::invalid`].
pub(crate) type Problem = (String, String);

/// Keys that every rule has.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Common {
    /// Name of the rule in events, unique within the camera. The kind, if not given.
    pub(crate) id: Option<String>,
    /// Which objects count, by the model's class names or those of groups: `two_wheeler`, `large_vehicle`, `vehicle`,
    /// `bag`. A finer name than the model tells apart counts the group that it belongs to. All, if not given.
    pub(crate) classes: Option<Vec<String>>,
    /// How urgent its events are. The kind's own, if not given.
    pub(crate) severity: Option<Severity>,
}

/// The resolved common keys, handed to the rule that is being read.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) rule: String,
    pub(crate) descriptor: &'static Descriptor,
    pub(crate) classes: ClassFilter,
    pub(crate) emitter: Emitter,
    /// All classes of the model.
    pub(crate) known: Vec<String>,
    /// Whether places on the ground are known.
    pub(crate) calibrated: bool,
    pub(crate) keys: Vec<String>,
}

/// What surrounds a rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// The model's classes.
    pub(crate) classes: &'a [String],
    /// Score that an object needs to be tracked.
    pub(crate) new_score: f32,
    /// The rule's place in its camera, for errors.
    pub(crate) position: u32,
    /// The rule's number in its camera, never given twice.
    pub(crate) number: u32,
    /// Whether the camera is calibrated.
    pub(crate) calibrated: bool,
}

impl Head {
    /// Takes the common keys out of `table` and resolves them.
    pub(crate) fn take(
        table: &mut toml::Table,
        kind: &'static RuleKind,
        keys: Vec<String>,
        around: Surroundings<'_>,
    ) -> Result<Head, RuleError> {
        let descriptor = &kind.descriptor;
        let named = table.get("id").and_then(toml::Value::as_str).unwrap_or(descriptor.kind).to_owned();
        let mut own = toml::Table::new();
        for key in ["id", "classes", "severity"] {
            own.extend(table.remove(key).map(|value| (key.to_owned(), value)));
        }
        let common: Common = own.try_into().map_err(|source| RuleError::Type {
            rule: named.clone(),
            kind: descriptor.kind,
            keys: keys.join(", "),
            source: Box::new(source),
        })?;
        let rule = common.id.unwrap_or_else(|| descriptor.kind.to_owned());
        let severity = common.severity.unwrap_or(descriptor.severity);
        let emitter = Emitter::new(rule.clone(), descriptor.kind, severity, around.new_score, around.number);
        let known = around.classes.to_vec();
        let calibrated = around.calibrated;
        let mut head = Head { rule, descriptor, classes: ClassFilter::default(), emitter, known, calibrated, keys };
        if head.rule.is_empty() || head.rule.len() > 128 {
            let problem = (format!("{} bytes long", head.rule.len()), "use 1–128 bytes".to_owned());
            return Err(head.invalid("id", problem));
        }
        let classes = match common.classes {
            Some(names) => ClassFilter::of(&names, around.classes),
            None if kind.classes.is_empty() => Ok(ClassFilter::default()),
            None => ClassFilter::of(kind.classes, around.classes),
        };
        head.classes = classes.map_err(|problem| head.invalid("classes", problem))?;
        Ok(head)
    }

    /// The rule's own keys as its settings.
    pub(crate) fn settings<T: DeserializeOwned>(&self, table: toml::Table) -> Result<T, RuleError> {
        if let Some(key) = table.keys().find(|key| !self.keys.contains(key)) {
            return Err(RuleError::UnknownKey {
                rule: self.rule.clone(),
                kind: self.descriptor.kind,
                key: key.clone(),
                hint: suggest::hint(key, self.keys.iter().map(String::as_str)),
            });
        }
        table.try_into().map_err(|source| RuleError::Type {
            rule: self.rule.clone(),
            kind: self.descriptor.kind,
            keys: self.keys.join(", "),
            source: Box::new(source),
        })
    }

    /// A value of this rule that can't be right.
    pub(crate) fn invalid(&self, key: &'static str, (problem, next): Problem) -> RuleError {
        RuleError::Invalid { rule: self.rule.clone(), kind: self.descriptor.kind, key, problem, next }
    }

    /// A duration in seconds as microseconds, checked to lie within a day.
    pub(crate) fn duration_us(&self, key: &'static str, seconds: f64) -> Result<i64, RuleError> {
        if (0.1..=86_400.0).contains(&seconds) {
            return Ok((seconds * 1e6).round() as i64);
        }
        Err(self.invalid(key, (format!("{seconds} s is not a duration that can be used"), "use 0.1–86400".to_owned())))
    }
}

/// Which classes count.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClassFilter(Option<Vec<u16>>);

impl ClassFilter {
    /// The classes of the model that these names mean.
    pub(crate) fn of<S: AsRef<str>>(names: &[S], known: &[String]) -> Result<Self, Problem> {
        if names.is_empty() {
            return Err(("the list is empty".to_owned(), "name a class, or leave the key out for all".to_owned()));
        }
        let mut classes = Vec::new();
        for name in names.iter().map(AsRef::as_ref) {
            let found = crate::classes::named(name, known);
            classes.extend(found.map_err(|hint| (format!("the model has no class `{name}`"), hint))?);
        }
        Ok(Self(Some(classes)))
    }

    /// Whether an object counts.
    pub(crate) fn takes(&self, track: &Track) -> bool {
        self.0.as_ref().is_none_or(|classes| classes.contains(&track.class))
    }
}

/// Names of the keys that a schema has.
pub(crate) fn keys_of(schema: &Schema) -> Vec<String> {
    let properties = schema.get("properties").and_then(|properties| properties.as_object());
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}
