//! What is spoken over a [reactor](reactor_compat): one module, and one
//! feature, for each.
//!
//! # Layout
//!
//! - [`wire`]: echo, discard, chargen and the other small servers of the early
//!   RFCs (feature `wire`, on by default).

#![forbid(unsafe_code)]

#[cfg(feature = "wire")]
pub mod wire;
