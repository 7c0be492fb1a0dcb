//! [`ChildProcess`]: a process, as a network starts it.
//!
//! Mirrors `_BaseProcess` of `twisted.internet.process`. Tested in `tests/processes/`.

use std::io;
use std::process::ExitStatus;
use std::task::{Context, Poll};

use super::SharedStream;

/// A process, as a network starts it.
///
/// Dropping it lets the process run on; one that has ended by then is reaped.
///
/// ```
/// # #[cfg(feature = "testing")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use reactor_compat::network::{ChildProcess, Network};
/// use reactor_compat::process::{ProcessCommand, SpawnError};
/// use reactor_compat::testing::MemoryNetwork;
///
/// /// A network that starts nothing but `echo`.
/// struct Careful(MemoryNetwork);
///
/// impl Network for Careful {
///     fn below(&self) -> Option<&dyn Network> {
///         Some(&self.0)
///     }
///
///     fn spawn_process(
///         &self,
///         command: &ProcessCommand,
///     ) -> Result<Box<dyn ChildProcess>, SpawnError> {
///         if command.program() == "echo" {
///             return self.0.spawn_process(command);
///         }
///         Err(SpawnError::new(command, std::io::ErrorKind::PermissionDenied.into()))
///     }
/// }
///
/// let network = Careful(MemoryNetwork::new());
/// assert!(network.spawn_process(&ProcessCommand::new("rm")).is_err());
/// assert_eq!(network.spawn_process(&ProcessCommand::new("echo"))?.id(), 1);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "testing"))]
/// # fn main() {}
/// ```
#[doc(alias = "IProcessTransport")]
pub trait ChildProcess: 'static {
    /// Its number.
    fn id(&self) -> u32;

    /// Takes our ends of its pipes, each with the number that it has in the child: once.
    fn take_pipes(&mut self) -> Vec<(u32, SharedStream)>;

    /// Waits for its end, and reaps it.
    fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>>;

    /// Sends it the signal of that number, or its whole group, if it has one of its own.
    ///
    /// # Errors
    ///
    /// The system's. It is not called once the process has been reaped.
    fn signal(&mut self, signal: i32) -> io::Result<()>;
}
