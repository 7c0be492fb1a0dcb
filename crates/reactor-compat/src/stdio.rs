//! Standard input and output as a connection.
//!
//! Mirrors `twisted.internet.stdio`. Tested in `examples/tests/runs/stdio.rs` and
//! `tests/testing/stdio.rs`.

use std::io;

use crate::address::Address;
use crate::connection::{Connection, FirstLayer};
use crate::protocol::Protocol;
use crate::reactor::Reactor;
use crate::serve::{Origin, serve_socket};

impl Reactor {
    /// Gives the process's standard input and output to a protocol: each may be a
    /// terminal, a pipe or a file.
    ///
    /// Both ends have the address [`Address::Pipe`]. When the input ends the connection
    /// does, unless the protocol says
    /// [otherwise](crate::Protocol::read_connection_lost). When the connection is lost, each of the two that
    /// is a pipe or a socket is closed, so that its other end hears of it: what is printed
    /// from then on goes nowhere. A terminal or a file stays as it is; none of them is made
    /// `O_NONBLOCK`, since others may use them too. Threads of their own read and write,
    /// which keep nobody from ending.
    ///
    /// # Errors
    ///
    /// Of the kind [`ResourceBusy`](io::ErrorKind::ResourceBusy) while another protocol
    /// has them; or the system's.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use reactor_compat::testing::MemoryReactor;
    /// use reactor_compat::{Connection, Protocol, Reactor};
    ///
    /// struct Shout;
    ///
    /// impl Protocol for Shout {
    ///     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
    ///         transport.write(data.to_ascii_uppercase());
    ///     }
    /// }
    ///
    /// fn shout(reactor: &Reactor) -> std::io::Result<()> {
    ///     reactor.standard_io(Shout)?;
    ///     Ok(())
    /// }
    ///
    /// let reactor = MemoryReactor::new();
    /// shout(&reactor)?;
    /// let user = reactor.take_standard_peer().unwrap();
    /// user.write("hello")?;
    /// reactor.flush()?;
    /// assert_eq!(user.read(), b"HELLO");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    #[doc(alias = "StandardIO")]
    pub fn standard_io<P: Protocol>(&self, protocol: P) -> io::Result<Connection<P>> {
        let stream = self.shared().network()?.standard_io()?;
        let stream = (stream, Address::Pipe, FirstLayer::default());
        Ok(serve_socket(self, stream, protocol, Origin::Accepted { number: 0 }, None))
    }
}
