//! A client of `starttls_server`: `starttls_client [PEM [HOST [PORT]]]`,
//! `public.pem`, `localhost` and 8000 unless told otherwise.
//!
//! `echoserv_ssl` says how to make `public.pem`.
//!
//! ```sh
//! cargo run --example starttls_client
//! ```
//!
//! With `starttls_server` running it says `received: READY`.

use std::env;
use std::process::ExitCode;

use deferred::{Deferred, Failure, Trigger};
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::task::react;
use reactor_compat::tls::{ClientOptions, TrustRoots};
use reactor_compat::{Address, ConnectionDone, Protocol, Reactor};

struct StartTlsClient {
    options: Option<ClientOptions>,
    done: Trigger<()>,
}

impl StartTlsClient {
    fn start_tls(&mut self, transport: &LineConnection<Self>) -> Result<(), Failure> {
        // Nobody needs them twice.
        if let Some(options) = self.options.take() {
            transport.start_tls(options)?;
            transport.send_line("secure text");
        }
        Ok(())
    }
}

impl Protocol<LineTransport> for StartTlsClient {
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        transport.send_line("plain text");
        transport.send_line("STARTTLS");
    }

    fn connection_lost(&mut self, _transport: &LineConnection<Self>, reason: Failure) {
        // A server that is not whom we believe is one of the other reasons.
        let end = if reason.is::<ConnectionDone>() { Ok(()) } else { Err(reason) };
        let _ = self.done.fire(end);
    }
}

impl LineReceiver for StartTlsClient {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        println!("received: {}", String::from_utf8_lossy(line));
        if line == b"READY" {
            if let Err(failure) = self.start_tls(transport) {
                let _ = self.done.errback(failure);
            }
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
    let mut options = Some(options);
    let factory = move |_peer: Address| {
        Lines::new(StartTlsClient { options: options.take(), done: done.clone() })
    };
    reactor.connect_tcp((host, port), factory).when_connected().await?;
    ended.await
}

fn main() -> ExitCode {
    react(talk)
}
