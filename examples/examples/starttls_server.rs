//! A server of lines that turns to TLS when it is told `STARTTLS`:
//! `starttls_server [PEM [ADDRESS]]`, `server.pem` and `0.0.0.0:8000` unless
//! told otherwise.
//!
//! `echoserv_ssl` says how to make `server.pem`.
//!
//! ```sh
//! cargo run --example starttls_server
//! ```
//!
//! It says `listening on 0.0.0.0:8000`, each line that comes, such as those of
//! `starttls_client`, and why a connection was lost, until Ctrl-C.

use std::env;
use std::error::Error;
use std::net::SocketAddr;

use deferred::Failure;
use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
use reactor_compat::tls::{Identity, ServerOptions};
use reactor_compat::{Address, Protocol, reactor};

struct TlsServer {
    options: ServerOptions,
}

impl Protocol<LineTransport> for TlsServer {
    fn connection_lost(&mut self, _transport: &LineConnection<Self>, reason: Failure) {
        println!("connection lost: {reason}");
    }
}

impl LineReceiver for TlsServer {
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        println!("received: {}", String::from_utf8_lossy(line));
        if line == b"STARTTLS" {
            println!("-- switching to TLS");
            transport.send_line("READY");
            // What came behind this line may be anybody's: it ends the connection.
            if let Err(error) = transport.start_tls(self.options.clone()) {
                eprintln!("starttls_server: {error}");
                transport.lose_connection();
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let pem = env::args().nth(1).unwrap_or_else(|| "server.pem".to_owned());
    let address = env::args().nth(2).unwrap_or_else(|| "0.0.0.0:8000".to_owned());
    let address: SocketAddr = address.parse()?;

    let options = ServerOptions::new(Identity::from_pem_files(&pem, &pem)?)?;
    let factory = move |_peer: Address| Lines::new(TlsServer { options: options.clone() });
    let port = reactor().listen_tcp(address, factory)?;
    println!("listening on {}", port.get_host());
    reactor().run()?;
    Ok(())
}
