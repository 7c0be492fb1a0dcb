//! Checks of the repository itself.

mod drift;
mod names;
mod size;
