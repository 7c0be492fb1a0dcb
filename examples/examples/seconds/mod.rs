//! How long the examples wait: as long as their argument says.

use std::time::Duration;
use std::{env, io};

/// The argument of this number, in seconds; `default` seconds if it is not
/// given.
pub(crate) fn argument(number: usize, default: u64) -> io::Result<Duration> {
    let Some(seconds) = env::args().nth(number) else { return Ok(Duration::from_secs(default)) };
    let seconds = seconds.parse().map_err(io::Error::other)?;
    Duration::try_from_secs_f64(seconds).map_err(io::Error::other)
}
