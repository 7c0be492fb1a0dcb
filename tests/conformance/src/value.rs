//! The values that go through the Deferreds of a program.

use deferred::Failure;
use serde::Deserialize;
use serde_json::{Number, Value as Json};

use crate::names::show_failure;

/// A value: what JSON can say and programs write, what lists and races make of
/// it, and what cannot be said in JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Json")]
pub(crate) enum Value {
    /// Python's `None`.
    #[default]
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// Programs use integers; the type takes what JSON takes.
    Number(Number),
    /// A text.
    Text(String),
    /// The result of a list, a race or a gathering.
    List(Vec<Self>),
    /// A failure that is a value: an item of a list's result.
    Failure(Failure),
    /// Anything else, such as the lock that was acquired.
    Object,
}

impl Value {
    /// An item of a DeferredList's result: `[true, value]` or `[false, failure]`.
    pub(crate) fn from_list_item(item: Result<Self, Failure>) -> Self {
        match item {
            Ok(value) => Self::List(vec![Self::Bool(true), value]),
            Err(failure) => Self::List(vec![Self::Bool(false), Self::Failure(failure)]),
        }
    }

    /// A place in a list.
    pub(crate) fn from_index(index: usize) -> Self {
        Self::Number(Number::from(index))
    }

    /// The value as traces show it.
    pub(crate) fn show(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(value) => Json::Number(value.clone()),
            Self::Text(value) => Json::String(value.clone()),
            Self::List(values) => values.iter().map(Self::show).collect(),
            Self::Failure(failure) => show_failure(failure),
            Self::Object => Json::String("object".to_owned()),
        }
    }
}

impl TryFrom<Json> for Value {
    type Error = String;

    fn try_from(json: Json) -> Result<Self, String> {
        match json {
            Json::Null => Ok(Self::Null),
            Json::Bool(value) => Ok(Self::Bool(value)),
            Json::Number(value) => Ok(Self::Number(value)),
            Json::String(value) => Ok(Self::Text(value)),
            other @ (Json::Array(_) | Json::Object(_)) => {
                Err(format!("a program does not write {other} as a value"))
            }
        }
    }
}

/// A result as traces show it.
pub(crate) fn show(result: &Result<Value, Failure>) -> Json {
    match result {
        Ok(value) => value.show(),
        Err(failure) => show_failure(failure),
    }
}
