//! A server of strings behind their length in four bytes: `int32_server [ENDPOINT]`,
//! `tcp:8000` unless told otherwise.
//!
//! It sends each string back, turned round.
//!
//! ```sh
//! cargo run --example int32_server
//! ```
//!
//! It says `listening on 0.0.0.0:8000`. `printf '\0\0\0\003abc' | nc localhost
//! 8000` gets `cba`, behind its length.

use std::env;
use std::error::Error;
use std::process;

use deferred::Failure;
use protocols::basic::{FramedTransport, Int32Strings, StringConnection, StringReceiver};
use reactor_compat::endpoint::server_from_string;
use reactor_compat::{Address, Protocol, reactor};

struct TurnRound;

impl Protocol<FramedTransport> for TurnRound {
    fn connection_lost(&mut self, transport: &StringConnection<Self>, reason: Failure) {
        println!("{} is gone: {reason}", transport.get_peer());
    }
}

impl StringReceiver for TurnRound {
    const MAX_LENGTH: usize = 1 << 20;

    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
        let turned: Vec<u8> = string.iter().rev().copied().collect();
        if let Err(error) = transport.send_string(turned) {
            eprintln!("int32_server: {error}");
            transport.lose_connection();
        }
    }
}

fn give_up(failure: Failure) {
    eprintln!("int32_server: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:8000".to_owned());
    let _listening = server_from_string(&reactor(), &description)?
        .listen(|_peer: Address| Int32Strings::new(TurnRound))
        .add_callback(|port| println!("listening on {}", port.get_host()))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
