//! Receives a file, as a descriptor, and shows its name and the first 80 bytes
//! of it: `recvfd SOCKET`, where `SOCKET` is the path of the UNIX socket that
//! `sendfd` listens on.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process;

use deferred::Failure;
use reactor_compat::{Address, Connection, Protocol, reactor};

/// How long a name may be.
const LONGEST_LINE: usize = 16 * 1024;

/// Takes a file, and then its name.
#[derive(Default)]
struct ReceiveFd {
    file: Option<File>,
    line: Vec<u8>,
}

impl ReceiveFd {
    fn line_received(&mut self, line: &str) -> io::Result<()> {
        let Some(file) = self.file.take() else {
            println!("received {line:?} without receiving a descriptor!");
            return Ok(());
        };
        let mut start = Vec::new();
        file.take(80).read_to_end(&mut start)?;
        println!("received {line:?} from the server");
        println!("first 80 bytes are:\n{}", String::from_utf8_lossy(&start));
        Ok(())
    }
}

impl Protocol for ReceiveFd {
    const RECEIVES_DESCRIPTORS: bool = true;

    fn file_descriptor_received(&mut self, _transport: &Connection<Self>, descriptor: OwnedFd) {
        self.file = Some(descriptor.into());
    }

    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        self.line.extend_from_slice(data);
        if let Some(line) = self.line.strip_suffix(b"\r\n") {
            let line = String::from_utf8_lossy(line).into_owned();
            if let Err(error) = self.line_received(&line) {
                eprintln!("recvfd: {error}");
            }
            transport.lose_connection();
        } else if self.line.len() > LONGEST_LINE {
            transport.abort_connection();
        }
    }

    fn connection_lost(&mut self, _transport: &Connection<Self>, _reason: Failure) {
        // It may be the reactor's own stop that ends the connection.
        let _ = reactor().stop();
    }
}

fn give_up(failure: Failure) {
    eprintln!("recvfd: could not connect: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: recvfd SOCKET")?;
    let connecting = reactor()
        .connect_unix(address, |_peer: Address| ReceiveFd::default())
        .when_connected()
        .add_callback(|connection| println!("connected to {}", connection.get_peer()))
        .add_errback(give_up);
    reactor().run()?;
    drop(connecting);
    Ok(())
}
