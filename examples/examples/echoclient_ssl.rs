//! A client of `echoserv_ssl`: `echoclient_ssl [PEM [HOST [PORT]]]`,
//! `public.pem`, `localhost` and 8000 unless told otherwise.
//!
//! The server has to have a certificate for `HOST` that one of those in
//! `public.pem` vouches for. `echoserv_ssl` says how to make one.
//!
//! ```sh
//! cargo run --example echoclient_ssl
//! ```
//!
//! With `echoserv_ssl` running it says the three lines that it gets back, and
//! that the connection was closed cleanly; with another server, what is wrong
//! with its certificate.

use std::env;
use std::process::ExitCode;

use deferred::{Deferred, Failure, Trigger};
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::task::react;
use reactor_compat::tls::{ClientOptions, TrustRoots};
use reactor_compat::{Address, ConnectionDone, Protocol, Reactor};

const END: &str = "Bye-bye!";

/// Says something, and waits until it has all come back.
struct EchoClient {
    done: Trigger<()>,
}

impl Protocol<LineTransport> for EchoClient {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        transport.send_line("Hello, world!");
        transport.send_line("What a fine day it is.");
        transport.send_line(END);
    }

    fn connection_lost(&mut self, _transport: &LineConnection<Self>, reason: Failure) {
        println!("connection lost: {reason}");
        // A server that is not whom we believe is one of the other reasons.
        let end = if reason.is::<ConnectionDone>() { Ok(()) } else { Err(reason) };
        let _ = self.done.fire(end);
    }
}

impl LineReceiver for EchoClient {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        println!("received: {}", String::from_utf8_lossy(line));
        if line == END.as_bytes() {
            transport.lose_connection();
        }
    }
}

async fn talk(reactor: Reactor) -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let pem = arguments.next().unwrap_or_else(|| "public.pem".to_owned());
    let host = arguments.next().unwrap_or_else(|| "localhost".to_owned());
    let port = arguments.next().map_or(Ok(8000), |port| port.parse())?;

    let options = ClientOptions::new(&host)?.trust_roots(TrustRoots::from_pem_file(pem)?);
    let (ended, done) = Deferred::new();
    let factory = move |_peer: Address| Lines::new(EchoClient { done: done.clone() });
    reactor.connect_ssl((host, port), factory, options)?.when_connected().await?;
    ended.await
}

fn main() -> ExitCode {
    react(talk)
}
