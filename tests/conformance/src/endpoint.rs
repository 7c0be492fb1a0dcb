//! Family `endpoint`: how the description of an endpoint is taken apart.

use reactor_compat::endpoint::Description;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::error::ProgramError;
use crate::program::{Reply, Trace};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    description: String,
}

/// Runs one program.
pub(crate) fn run(body: Json) -> Result<Reply, ProgramError> {
    let program: Endpoint = serde_json::from_value(body).map_err(ProgramError::Malformed)?;
    Ok(Reply::Trace(trace(&program.description)))
}

fn trace(description: &str) -> Trace {
    match Description::parse(description) {
        Err(_) => vec![json!(["error"])],
        Ok(description) => {
            let named: Map<String, Json> =
                description.named().map(|(name, value)| (name.to_owned(), json!(value))).collect();
            vec![json!(["args", description.args().collect::<Vec<_>>()]), json!(["kwargs", named])]
        }
    }
}
