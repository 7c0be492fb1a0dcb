//! [`PumpError`]: why something was not moved until it came to rest.

use std::error::Error;
use std::fmt;

/// Why something in memory was not moved until it came to rest.
///
/// ```
/// use reactor_compat::testing::{PumpError, connect};
/// use reactor_compat::{Connection, Protocol};
///
/// struct Parrot;
///
/// impl Protocol for Parrot {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         transport.write("hello");
///     }
///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
///         transport.write(data); // and so does the other one, for ever
///     }
/// }
///
/// let pair = connect(Parrot, Parrot);
/// assert!(matches!(pair.flush(), Err(PumpError::Restless { .. })));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PumpError {
    /// There was still something to do after so many rounds: two protocols
    /// that answer each other for ever, or calls that schedule themselves with
    /// no delay.
    Restless {
        /// How many rounds were tried.
        rounds: usize,
    },
    /// It was asked for from inside something that the same reactor runs.
    Reentrant,
}

impl fmt::Display for PumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restless { rounds } => {
                write!(f, "after {rounds} rounds there is still something to do")
            }
            Self::Reentrant => {
                f.write_str("a reactor in memory cannot be driven from inside itself")
            }
        }
    }
}

impl Error for PumpError {}
