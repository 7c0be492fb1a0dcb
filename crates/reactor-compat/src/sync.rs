//! The locks of all that threads share.
//!
//! They have a module of their own because the package `models` builds the same files
//! with locks that try every order of the threads' steps.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
