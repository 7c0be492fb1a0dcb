//! What tests have in common.

pub mod strings;
