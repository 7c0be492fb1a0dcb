//! [`ReadAhead`]: a buffer of what was read in advance, which a layer takes over
//! when it is pushed.
//!
//! Tested in `tests/network/read_ahead.rs`.

use std::rc::{Rc, Weak};

use super::Transport;
use super::link::Link;
use super::state::Close;

/// A buffer of what a connection's peer has sent, and nobody has taken yet.
///
/// A protocol that hands on what it receives at once needs none. One that keeps it
/// until somebody takes it, as [`ConnectionStream`](crate::ConnectionStream) does,
/// [adds](Transport::add_read_ahead) its buffer to the transport. When a layer is
/// pushed then, the layer gets what is in it; when TLS is begun, the connection ends
/// with [`UnprotectedData`](crate::UnprotectedData), rather than that it
/// comes out of the buffer later, as if TLS had protected it.
///
/// See the example of [`add_read_ahead`](Transport::add_read_ahead).
pub trait ReadAhead: 'static {
    /// Takes out all that is kept. If reading was paused because it is much, it is
    /// to go on.
    fn take_read_ahead(&self, transport: &Transport) -> Vec<u8>;
}

impl Transport {
    /// Adds a buffer of what was read in advance, for as long as it lives: it is
    /// emptied whenever a layer is pushed or TLS is begun. Where there are several,
    /// what is in the last one came first.
    ///
    /// # Re-entrancy
    ///
    /// The buffer is asked inside of [`push_layer`](Self::push_layer),
    /// [`push_stream`](Self::push_stream) and `start_tls`.
    ///
    /// ```
    /// # #[cfg(all(feature = "testing", feature = "tls"))]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use reactor_compat::testing::MemoryReactor;
    /// use reactor_compat::tls::ClientOptions;
    /// use reactor_compat::{Connection, Protocol, ReadAhead, Transport, UnprotectedData};
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    ///
    /// /// Keeps what comes until it is asked for.
    /// #[derive(Default)]
    /// struct Inbox(RefCell<Vec<u8>>);
    ///
    /// impl ReadAhead for Inbox {
    ///     fn take_read_ahead(&self, _: &Transport) -> Vec<u8> {
    ///         self.0.take()
    ///     }
    /// }
    ///
    /// struct Collect(Rc<Inbox>);
    ///
    /// impl Protocol for Collect {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         transport.add_read_ahead(&self.0);
    ///     }
    ///
    ///     fn data_received(&mut self, _: &Connection<Self>, data: &[u8]) {
    ///         self.0.0.borrow_mut().extend_from_slice(data);
    ///     }
    /// }
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// let inbox = Rc::<Inbox>::default();
    /// let pair = MemoryReactor::new().connect(Silent, Collect(inbox.clone()));
    /// pair.server().write("220 ready\r\nanything");
    /// pair.flush()?;
    /// pair.client().start_tls(ClientOptions::new("example.org")?)?;
    /// assert!(inbox.0.borrow().is_empty());
    /// pair.flush()?;
    /// assert!(pair.client().reason().unwrap().is::<UnprotectedData>());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "testing", feature = "tls")))]
    /// # fn main() {}
    /// ```
    pub fn add_read_ahead<R: ReadAhead>(&self, buffer: &Rc<R>) {
        if self.link().state().close == Close::Lost {
            return;
        }
        let buffer: Rc<dyn ReadAhead> = buffer.clone();
        let mut extras = self.link().extras();
        extras.read_ahead.retain(|buffer| buffer.strong_count() > 0);
        extras.read_ahead.push(Rc::downgrade(&buffer));
    }

    /// A layer was pushed: takes what was read in advance for it.
    pub(super) fn take_read_ahead(&self) {
        // Each is asked with nothing borrowed.
        for buffer in self.link().read_ahead().into_iter().rev() {
            let data = buffer.take_read_ahead(self);
            self.link().extras().ahead.extend_from_slice(&data);
        }
    }
}

impl Link {
    /// The buffers that are still there.
    fn read_ahead(&self) -> Vec<Rc<dyn ReadAhead>> {
        let alive = |buffers: &Vec<Weak<_>>| buffers.iter().filter_map(Weak::upgrade).collect();
        self.extra(|extras| Some(alive(&extras.read_ahead))).unwrap_or_default()
    }
}
