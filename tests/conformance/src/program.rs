//! A line of input, and which family runs it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Map, Value as Json};

use crate::amp;
use crate::error::ProgramError;
use crate::{client_service, endpoint, framing, machine, strings};

/// The events of a program, in order.
pub type Trace = Vec<Json>;

/// What running a program gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply<T = Trace> {
    /// What happened.
    Trace(T),
    /// The program leans on an accident of Twisted's that no port need copy;
    /// the oracle does not print it either.
    Skipped,
}

/// A program: an id, a family, and what the family makes of the rest.
///
/// ```
/// use conformance::{Program, Reply};
///
/// let program = Program::parse(
///     br#"{"id": "p", "family": "deferred", "ops": [{"op": "succeed", "d": 0, "value": 7}]}"#,
/// )?;
/// let Reply::Trace(trace) = program.run()? else { panic!("it is not skipped") };
/// assert_eq!(serde_json::json!(trace).to_string(), r#"[["end",0,7],["unhandled",[]]]"#);
/// # Ok::<(), conformance::ProgramError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Program {
    id: Json,
    family: String,
    body: Map<String, Json>,
    expect: Option<Trace>,
}

impl Program {
    /// Reads one line.
    ///
    /// # Errors
    ///
    /// The line is not a JSON object with an `id` and a `family`.
    pub fn parse(line: &[u8]) -> Result<Self, ProgramError> {
        let mut body: Map<String, Json> =
            serde_json::from_slice(line).map_err(ProgramError::NotJson)?;
        let id = body.shift_remove("id").ok_or(ProgramError::Missing("id"))?;
        let Some(Json::String(family)) = body.shift_remove("family") else {
            return Err(ProgramError::Missing("family"));
        };
        // What the program should do is no part of what it says.
        let expect = match body.shift_remove("expect") {
            Some(Json::Array(events)) => Some(events),
            _ => None,
        };
        Ok(Self { id, family, body, expect })
    }

    /// The program's name.
    pub fn id(&self) -> &Json {
        &self.id
    }

    /// The family that runs it.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// What the family is given: everything but the id, the family and the
    /// expected trace.
    pub fn body(&self) -> &Map<String, Json> {
        &self.body
    }

    /// The trace that came with the program.
    pub fn expect(&self) -> Option<&[Json]> {
        self.expect.as_deref()
    }

    /// Runs the program.
    ///
    /// # Errors
    ///
    /// Nothing runs its family, it is malformed, or it breaks the rules of
    /// ownership in `FORMAT.md`.
    pub fn run(&self) -> Result<Reply, ProgramError> {
        let body = Json::Object(self.body.clone());
        // One broken program must not take the others with it.
        catch_unwind(AssertUnwindSafe(|| match self.family.as_str() {
            "deferred" | "pause" | "sync" | "clock" | "triggers" => {
                machine::run(&self.family, body)
            }
            "amp" => amp::run(body),
            "client_service" => client_service::run(body),
            "endpoint" => endpoint::run(body),
            "framing" => framing::run(body),
            "strings" => strings::run(body),
            family => Err(ProgramError::UnknownFamily(family.to_owned())),
        }))
        .unwrap_or_else(|panic| Err(ProgramError::Panicked(message(panic.as_ref()))))
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "something that is not a text".to_owned())
}
