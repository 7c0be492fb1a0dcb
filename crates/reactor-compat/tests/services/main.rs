//! Services: started and stopped, in any order, with whatever goes wrong.

mod model;
mod parts;

#[cfg(feature = "testing")]
mod application;
#[cfg(feature = "testing")]
mod drain;

#[path = "../support/mod.rs"]
mod support;
