//! An echo server that speaks TLS: `echoserv_ssl [PEM [ADDRESS]]`, `server.pem`
//! and `0.0.0.0:8000` unless told otherwise.
//!
//! `server.pem` has the server's certificate, and its private key. This makes
//! one to try it with, and `public.pem`, which is for the clients:
//!
//! ```sh
//! openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
//!     -subj /CN=localhost -addext subjectAltName=DNS:localhost \
//!     -addext basicConstraints=critical,CA:FALSE -days 30 \
//!     -keyout key.pem -out public.pem
//! cat public.pem key.pem > server.pem
//! ```
//!
//! ```sh
//! cargo run --example echoserv_ssl
//! ```
//!
//! It says `listening on 0.0.0.0:8000`, and sends back whatever a client says,
//! such as `echoclient_ssl`, until Ctrl-C.

use std::env;
use std::error::Error;
use std::net::SocketAddr;

use reactor_compat::tls::{Identity, ServerOptions};
use reactor_compat::{Address, Connection, Protocol, reactor};

/// Sends back whatever comes.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
        transport.write(data);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let pem = env::args().nth(1).unwrap_or_else(|| "server.pem".to_owned());
    let address = env::args().nth(2).unwrap_or_else(|| "0.0.0.0:8000".to_owned());
    let address: SocketAddr = address.parse()?;

    let options = ServerOptions::new(Identity::from_pem_files(&pem, &pem)?)?;
    let port = reactor().listen_ssl(address, |_peer: Address| Echo, options)?;
    println!("listening on {}", port.get_host());
    reactor().run()?;
    Ok(())
}
