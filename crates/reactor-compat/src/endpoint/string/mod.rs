//! Strings that describe endpoints: taken apart, bound to parameters, put together.
//!
//! Mirrors `_parse` and `quoteStringArgument` of `twisted.internet.endpoints`. Tested
//! in `tests/network/endpoint.rs`, and by the conformance families `endpoint` and
//! `strings`.
//!
//! - [`Description`]: a string, taken apart.
//! - [`Arguments`]: what it says, by the names of parameters.
//! - [`EndpointError`]: what is wrong with it, and where.
//! - [`quote_string_argument`]: a text, as part of such a string.

mod address;
mod arguments;
mod description;
mod error;
mod integer;
mod quote;

pub use arguments::Arguments;
pub use description::Description;
pub use error::{EndpointError, EndpointErrorKind};
pub use quote::quote_string_argument;
