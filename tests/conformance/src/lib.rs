//! Conformance programs: what "behaves as Twisted does" means, as data.
//!
//! A program is a line of JSON; running it on the public API of this project
//! gives a trace, and the trace must equal the one that the real Twisted made.
//! `FORMAT.md` beside this package describes the programs, `oracle.py` runs
//! them on the real Twisted, `vectors/` holds programs with their traces, and
//! `differential.py` makes up new ones and compares.
//!
//! # Layout
//!
//! * [`program`](Program): a line of input, and which family runs it
//! * `machine`: families `deferred`, `pause`, `sync`, `clock` and `triggers`, ops
//!   against a registry
//! * `amp`, `client_service`, `endpoint`, `framing`, `strings`: the families of those
//!   names
//! * `ops`: what an op may say
//! * `value`, `names`: the values and errors of programs, and how traces show them
//! * [`error`](ProgramError): what can be wrong with a program
//!
//! A family that is not made of ops gets a file of its own, and a line in
//! `program.rs`.

mod amp;
mod client_service;
mod endpoint;
mod error;
mod framing;
mod machine;
mod names;
mod ops;
mod program;
mod strings;
mod value;

pub use error::ProgramError;
pub use program::{Program, Reply, Trace};
