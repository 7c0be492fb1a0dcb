//! What tests have in common.

#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod strings;
