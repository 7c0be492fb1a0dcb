//! [`Servers`]: what the loads talk to.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use deferred::Failure;
use protocols::amp::{Amp, Command, NoError, Responders};
use protocols::basic::{LineReceiver, LineTransport, Lines};
use protocols::wire::Echo;
use rcgen::{CertificateParams, KeyPair};
use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};
use reactor_compat::{
    Address, Connection, DatagramConnection, DatagramProtocol, Port, Protocol, Reactor,
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// The command of AMP.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sum {
    pub(crate) a: i64,
    pub(crate) b: i64,
}

/// Its answer.
#[derive(Serialize, Deserialize)]
pub(crate) struct Total {
    pub(crate) total: i64,
}

impl Command for Sum {
    const NAME: &str = "Sum";
    type Response = Total;
    type Error = NoError;
}

/// Sends each line back, and ends after `QUIT`.
struct Lined;

impl Protocol<LineTransport> for Lined {}

impl LineReceiver for Lined {
    fn line_received(&mut self, transport: &Connection<Self, LineTransport>, line: &[u8]) {
        transport.send_line(line);
        if line == b"QUIT" {
            transport.lose_connection();
        }
    }
}

/// Sends each datagram back.
struct EchoDatagrams;

impl DatagramProtocol for EchoDatagrams {
    fn datagram_received(
        &mut self,
        transport: &DatagramConnection<Self>,
        data: &[u8],
        from: SocketAddr,
    ) {
        // One that finds no room is lost, as datagrams are.
        let _ = transport.write(data, from);
    }
}

/// What the loads talk to, until it is dropped.
pub(crate) struct Servers {
    pub(crate) echo: SocketAddr,
    pub(crate) lines: SocketAddr,
    pub(crate) amp: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) datagrams: SocketAddr,
    pub(crate) unix: PathBuf,
    certificate: String,
    ports: Vec<Port>,
    datagram_port: DatagramConnection<EchoDatagrams>,
    _directory: TempDir,
}

impl Servers {
    pub(crate) fn start(reactor: &Reactor) -> Result<Self, Failure> {
        let here = ("127.0.0.1", 0);
        let sum = Responders::new()
            .function(|Sum { a, b }: Sum| -> Result<Total, Failure> { Ok(Total { total: a + b }) });
        let (server, certificate) = security()?;
        let directory = tempfile::tempdir()?;
        let unix = directory.path().join("echo.sock");
        let ports = vec![
            reactor.listen_tcp(here, |_: Address| Echo)?,
            reactor.listen_tcp(here, |_: Address| Lines::new(Lined))?,
            reactor.listen_tcp(here, move |_: Address| Amp::with_responders(&sum))?,
            reactor.listen_ssl(here, |_: Address| Echo, server)?,
            reactor.listen_unix(&unix, |_: Address| Echo)?,
        ];
        let datagram_port = reactor.listen_udp(here, EchoDatagrams)?;
        Ok(Self {
            echo: socket_of(&ports[0])?,
            lines: socket_of(&ports[1])?,
            amp: socket_of(&ports[2])?,
            tls: socket_of(&ports[3])?,
            certificate,
            datagrams: datagram_port.get_host(),
            unix,
            ports,
            datagram_port,
            _directory: directory,
        })
    }
}

impl Servers {
    /// The options of a client that trusts the server of TLS.
    pub(crate) fn client_options(&self) -> Result<ClientOptions, Failure> {
        let roots = TrustRoots::from_pem(&self.certificate)?;
        Ok(ClientOptions::new("localhost")?.trust_roots(roots))
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for port in &self.ports {
            drop(port.stop_listening());
        }
        drop(self.datagram_port.stop_listening());
    }
}

fn socket_of(port: &Port) -> io::Result<SocketAddr> {
    port.get_host().socket_addr().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// A server's options, and its certificate.
fn security() -> Result<(ServerOptions, String), Failure> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["localhost".to_owned()])?.self_signed(&key)?.pem();
    let identity = Identity::from_pem(&certificate, key.serialize_pem())?;
    Ok((ServerOptions::new(identity)?, certificate))
}
