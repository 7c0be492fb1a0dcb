//! [`find_seed`]: the same program by many seeds.
//!
//! Tested in `tests/testing/simulation_faults.rs`.

use std::error::Error;
use std::fmt;

use super::Simulation;
use crate::guard;
use crate::log::{LogCapture, LogEvent};

/// A program went wrong by a seed.
///
/// See the example of [`find_seed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    seed: u64,
    what: String,
}

impl Fault {
    /// The seed, by which it goes wrong again.
    ///
    /// See the example of [`find_seed`].
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The text of what went wrong.
    ///
    /// See the example of [`find_seed`].
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by the seed {}: {}", self.seed, self.what)
    }
}

impl Error for Fault {}

/// Runs a program in a new simulation by each of the seeds, until it goes wrong
/// by one: it gives an error, it panics, or one of its callbacks does or logs
/// an error.
///
/// The same with that seed alone shows it again.
///
/// ```
/// use reactor_compat::testing::{Simulation, find_seed};
///
/// let program = |simulation: &Simulation| match simulation.random(0..10) {
///     3 => Err("three"),
///     _ => Ok(()),
/// };
/// let fault = find_seed(0..1_000, program).unwrap();
/// assert_eq!(fault.what(), "three");
/// assert_eq!(find_seed([fault.seed()], program), Some(fault));
/// ```
pub fn find_seed<E: fmt::Display>(
    seeds: impl IntoIterator<Item = u64>,
    mut program: impl FnMut(&Simulation) -> Result<(), E>,
) -> Option<Fault> {
    seeds.into_iter().find_map(|seed| {
        let what = try_seed(seed, &mut program)?;
        Some(Fault { seed, what })
    })
}

/// Runs a program by a seed; the text of what goes wrong, if anything does.
fn try_seed<E: fmt::Display>(
    seed: u64,
    program: impl FnOnce(&Simulation) -> Result<(), E>,
) -> Option<String> {
    let capture = LogCapture::of_targets("error").ok()?;
    let simulation = Simulation::new(seed);
    let result = guard::catch(|| program(&simulation));
    let logged: Vec<String> = capture.take().iter().map(LogEvent::text).collect();
    // What is logged when all is dropped is nobody's fault.
    drop(simulation);
    drop(capture.take());
    match result {
        Err(panic) => Some(panic.to_string()),
        Ok(Err(error)) => Some(error.to_string()),
        Ok(Ok(())) => (!logged.is_empty()).then(|| logged.join("\n")),
    }
}
