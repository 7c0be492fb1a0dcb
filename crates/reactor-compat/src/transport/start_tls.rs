//! Turning to TLS in the middle of a connection.
//!
//! Mirrors `ITLSTransport.startTLS`. Tested in `tests/network/tls.rs`.

use super::Transport;
use super::switch::refuse;
use crate::network::SharedStream;
use crate::tls::{Config, StartTlsError, TlsOptions, TlsStream};

impl Transport {
    /// Turns to TLS: what was written before goes out as it is, what is written
    /// from now on when the handshake is over, and the peer's answer is read as
    /// TLS. [`handshake_completed`](crate::Protocol::handshake_completed) is
    /// called when the handshake is over; if it fails, the connection ends, with
    /// a [`TlsError`](crate::tls::TlsError) as the reason.
    ///
    /// What came before, behind the peer's word that it will turn to TLS, was not
    /// protected by it. If any of it waits in a
    /// [`ConnectionStream`](crate::ConnectionStream), in an
    /// [`AnyProtocol`](crate::AnyProtocol), in a receiver of lines or strings or in
    /// another [buffer](Self::add_read_ahead), it never comes out of it: the
    /// connection ends, with [`UnprotectedData`](crate::UnprotectedData). What has
    /// been taken out of the connection, such as into a `BufReader`, is the
    /// program's to look for, and to refuse.
    ///
    /// # Errors
    ///
    /// [`StartTlsError`]; the connection is then as it was.
    ///
    /// # Re-entrancy
    ///
    /// The handshake begins when the running callback has returned.
    ///
    /// ```
    /// # use deferred::Deferred;
    /// use reactor_compat::tls::{ClientOptions, Identity, ServerOptions, TrustRoots};
    /// use reactor_compat::{Address, Connection, Protocol, Reactor};
    ///
    /// /// Says yes to `STARTTLS`, and tells a secret afterwards.
    /// struct Server(ServerOptions);
    ///
    /// impl Protocol for Server {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         assert_eq!(data, b"STARTTLS");
    ///         transport.write("yes");
    ///         transport.start_tls(self.0.clone()).unwrap();
    ///         transport.write("secret");
    ///     }
    /// }
    ///
    /// struct Client(Reactor, Option<ClientOptions>);
    ///
    /// impl Protocol for Client {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.write("STARTTLS");
    ///     }
    ///
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         match self.1.take() {
    ///             Some(options) => {
    ///                 assert_eq!(data, b"yes");
    ///                 transport.start_tls(options).unwrap();
    ///             }
    ///             None => {
    ///                 assert!(transport.is_secure());
    ///                 assert_eq!(data, b"secret");
    ///                 self.0.stop().unwrap();
    ///             }
    ///         }
    ///     }
    /// }
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// # let server = ServerOptions::new(Identity::from_pem(&certificate, &key)?)?;
    /// # let roots = TrustRoots::from_pem(&certificate)?;
    /// # let mut client = Some(ClientOptions::new("localhost")?.trust_roots(roots));
    /// # let reactor = Reactor::new();
    /// # let port = reactor.listen_tcp(("127.0.0.1", 0), move |_: Address| Server(server.clone()))?;
    /// # let stop = reactor.clone();
    /// # reactor.connect_tcp(port.get_host().socket_addr().unwrap(), move |_: Address| {
    /// #     Client(stop.clone(), client.take())
    /// # });
    /// # reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "startTLS")]
    #[doc(alias = "ITLSTransport")]
    pub fn start_tls(&self, options: impl Into<TlsOptions>) -> Result<(), StartTlsError> {
        if !self.connected() {
            return Err(StartTlsError::NotConnected);
        }
        let config: Config = options.into().try_into()?;
        let pushed = self.push_tls(Box::new(move |below, unread| {
            refuse(&unread)?;
            Ok(SharedStream::unguarded(TlsStream::with(below, config)))
        }));
        pushed.ok_or(StartTlsError::AlreadySecure)?.map_err(|_| StartTlsError::NotConnected)
    }
}
