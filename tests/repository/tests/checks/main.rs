//! Checks of the repository itself.

#![allow(clippy::panic, reason = "it is a check that fails")]

mod dependencies;
mod drift;
mod features;
mod names;
mod prints;
mod size;
