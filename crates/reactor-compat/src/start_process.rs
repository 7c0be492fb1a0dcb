//! Starting a process, for what makes something of it.
//!
//! Tested in `tests/processes/`.

use std::io;

use crate::error::process::SpawnError;
use crate::network::ChildProcess;
use crate::options::ProcessCommand;
use crate::reactor::Reactor;

impl Reactor {
    /// Has the network start a process.
    pub(crate) fn start_process(
        &self,
        command: &ProcessCommand,
    ) -> Result<Box<dyn ChildProcess>, SpawnError> {
        let refused = |error: io::Error| SpawnError::new(command, error);
        self.check_drivable().map_err(|error| refused(error.into()))?;
        self.shared().network().map_err(refused)?.spawn_process(command)
    }
}
