//! An echo server: `echoserv [ENDPOINT]`, `tcp:8000` unless told otherwise.
//!
//! ```sh
//! cargo run --example echoserv
//! ```
//!
//! It says `listening on 0.0.0.0:8000`, and sends back whatever a client says,
//! such as `echoclient` or `telnet localhost 8000`, until Ctrl-C.

use std::env;
use std::error::Error;
use std::process;

use deferred::Failure;
use reactor_compat::endpoint::server_from_string;
use reactor_compat::{Address, Connection, Protocol, reactor};

/// Sends back whatever comes.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

fn give_up(failure: Failure) {
    eprintln!("echoserv: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:8000".to_owned());
    let _listening = server_from_string(&reactor(), &description)?
        .listen(|_peer: Address| Echo)
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
