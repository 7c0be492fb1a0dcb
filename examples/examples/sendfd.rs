//! Sends a file, as a descriptor, to whoever connects: `sendfd SOCKET FILE`,
//! where `SOCKET` is the path of a UNIX socket to listen on, and must not
//! exist.
//!
//! See `recvfd.rs` for the other side.
//!
//! ```sh
//! cargo run --example sendfd /tmp/descriptors Cargo.toml
//! ```
//!
//! It says `listening on /tmp/descriptors`, until Ctrl-C.

use std::env;
use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use deferred::Failure;
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::{Address, DelayedCall, Protocol, reactor};

/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends a file, and the name of the file.
struct SendFd {
    content: PathBuf,
    timeout: Option<DelayedCall>,
}

impl SendFd {
    fn send(&self, transport: &LineConnection<Self>) -> Result<(), Failure> {
        transport.send_file_descriptor(File::open(&self.content)?)?;
        // At least one byte has to go with a descriptor. Here it is the file's
        // name, so that the other side has some idea what it gets.
        transport.send_line(self.content.display().to_string());
        Ok(())
    }
}

impl Protocol<LineTransport> for SendFd {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        if let Err(error) = self.send(transport) {
            eprintln!("sendfd: {error}");
            return transport.lose_connection();
        }
        // The other side closes the connection when it has seen it all; if it
        // does not, we do.
        let connection = transport.transport().clone();
        let close = move || connection.lose_connection();
        self.timeout = Some(reactor().call_later(PATIENCE, close));
    }

    fn connection_lost(&mut self, _transport: &LineConnection<Self>, _reason: Failure) {
        if let Some(timeout) = self.timeout.take() {
            // It may be the timeout that closed it.
            let _ = timeout.cancel();
        }
    }
}

impl LineReceiver for SendFd {
    fn line_received(&mut self, _transport: &LineConnection<Self>, _line: &[u8]) {
        // The other side has nothing to say.
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(address), Some(content)) = (arguments.next(), arguments.next()) else {
        return Err("usage: sendfd SOCKET FILE".into());
    };
    if address.exists() {
        return Err("cannot listen on an existing path".into());
    }
    if !content.is_file() {
        return Err("the content has to be a file".into());
    }
    let factory =
        move |_peer: Address| Lines::new(SendFd { content: content.clone(), timeout: None });
    let port = reactor().listen_unix(&address, factory)?;
    println!("listening on {}", port.get_host());
    reactor().run()?;
    Ok(())
}
