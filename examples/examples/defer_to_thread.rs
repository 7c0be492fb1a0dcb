//! A read that blocks, in a thread: what a TCP server says, at 127.0.0.1:8000
//! unless told otherwise.
//!
//! The program "deferToThread" of "Twisted Mixing".
//!
//! ```sh
//! cargo run --example defer_to_thread 127.0.0.1:8000
//! ```
//!
//! With `(sleep 3; echo data) | nc -l 8000` as the server it says at once that
//! `the reactor is not blocked`, and what the server says when it does.

use std::env;
use std::io::Read;
use std::net::TcpStream;

use deferred::Failure;
use reactor_compat::{RunError, defer_to_thread, reactor};

fn get_data_at(address: &str) -> Result<String, Failure> {
    let mut text = String::new();
    TcpStream::connect(address)?.read_to_string(&mut text)?; // BLOCKS!
    Ok(text)
}

fn main() -> Result<(), RunError> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let _done = defer_to_thread(move || get_data_at(&address))
        .add_callbacks(|text| print!("{text}"), |failure| println!("failed: {failure}"))
        .add_callback(|()| Ok(reactor().stop()?));
    reactor().call_when_running(|| println!("the reactor is not blocked"));
    reactor().run()
}
