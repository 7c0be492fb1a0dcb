//! Receives a file, as a descriptor, and shows its name and the first 80 bytes
//! of it: `recvfd SOCKET`, where `SOCKET` is the path of the UNIX socket that
//! `sendfd` listens on.
//!
//! ```sh
//! cargo run --example recvfd /tmp/descriptors
//! ```
//!
//! With `sendfd` running it says the name of the file, and how that begins.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process;

use deferred::Failure;
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::{Address, Protocol, reactor};

/// Takes a file, and then its name.
#[derive(Default)]
struct ReceiveFd {
    file: Option<File>,
}

impl ReceiveFd {
    fn show(&mut self, name: &str) -> io::Result<()> {
        let Some(file) = self.file.take() else {
            println!("received {name:?} without receiving a descriptor!");
            return Ok(());
        };
        let mut start = Vec::new();
        file.take(80).read_to_end(&mut start)?;
        println!("received {name:?} from the server");
        println!("first 80 bytes are:\n{}", String::from_utf8_lossy(&start));
        Ok(())
    }
}

impl Protocol<LineTransport> for ReceiveFd {
    fn receives_descriptors(&self) -> bool {
        true
    }

    fn file_descriptor_received(&mut self, _: &LineConnection<Self>, descriptor: OwnedFd) {
        self.file = Some(descriptor.into());
    }

    fn connection_lost(&mut self, _transport: &LineConnection<Self>, _reason: Failure) {
        // It may be the reactor's own stop that ends the connection.
        let _ = reactor().stop();
    }
}

impl LineReceiver for ReceiveFd {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        if let Err(error) = self.show(&String::from_utf8_lossy(line)) {
            eprintln!("recvfd: {error}");
        }
        transport.lose_connection();
    }
}

fn give_up(failure: Failure) {
    eprintln!("recvfd: could not connect: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: recvfd SOCKET")?;
    let _connecting = reactor()
        .connect_unix(address, |_peer: Address| Lines::new(ReceiveFd::default()))
        .when_connected()
        .add_callback(|connection| println!("connected to {}", connection.get_peer()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
