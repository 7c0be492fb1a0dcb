//! Descriptors that are sent and received, as a connection's handles and its
//! driver know of them.
//!
//! Mirrors `IUNIXTransport` of `twisted.internet.interfaces`. Tested in
//! `tests/network/descriptor_passing.rs`.

use std::os::fd::OwnedFd;

use super::state::{Sending, Switch};
use super::{Link, Transport};
use crate::error::SendDescriptorError;
use crate::network::Stream;

/// How many descriptors may wait to be sent.
const MOST: usize = 256;

impl Transport {
    /// Sends a descriptor to the process at the other end of a UNIX
    /// connection: a file, a socket, a pipe, or whatever else has one.
    ///
    /// It goes out with the next of the bytes that are sent: so at least one
    /// byte has to be [written](Self::write) for each, before the running
    /// callback returns. Descriptors go in the order in which they were sent,
    /// and none later than what was written after it; one may overtake bytes
    /// that were written before and are still unsent.
    ///
    /// Our own copy is closed when it has gone, and if it does not go; `clone`
    /// it with [`OwnedFd::try_clone`] to keep it. What waits counts as 1 KiB a
    /// descriptor against the [marks](crate::WaterMarks).
    ///
    /// # Errors
    ///
    /// [`SendDescriptorError`] says why it will not be sent. If fewer bytes
    /// than descriptors are there to be sent, the connection ends, with
    /// [`FileDescriptorOverrun`](crate::FileDescriptorOverrun).
    ///
    /// ```
    /// use reactor_compat::{Address, Connection, Protocol, Reactor};
    /// use std::{fs::File, io::Read, os::fd::OwnedFd};
    ///
    /// struct Give;
    ///
    /// impl Protocol for Give {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         let file = File::open("Cargo.toml").unwrap();
    ///         transport.send_file_descriptor(file).unwrap();
    ///         transport.write("Cargo.toml");
    ///     }
    /// }
    ///
    /// struct Take {
    ///     reactor: Reactor,
    ///     file: Option<File>,
    /// }
    ///
    /// impl Protocol for Take {
    ///     fn receives_descriptors(&self) -> bool {
    ///         true
    ///     }
    ///
    ///     fn file_descriptor_received(&mut self, _: &Connection<Self>, descriptor: OwnedFd) {
    ///         self.file = Some(descriptor.into());
    ///     }
    ///
    ///     fn data_received(&mut self, _: &Connection<Self>, _name: &[u8]) {
    ///         let mut text = String::new();
    ///         self.file.take().unwrap().read_to_string(&mut text).unwrap();
    ///         assert!(text.contains("[package]"));
    ///         self.reactor.stop().unwrap();
    ///     }
    /// }
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("give.sock");
    /// let reactor = Reactor::new();
    /// reactor.listen_unix(&path, |_: Address| Give)?;
    /// let inner = reactor.clone();
    /// reactor.connect_unix(&path, move |_: Address| Take { reactor: inner.clone(), file: None });
    /// reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "sendFileDescriptor")]
    #[doc(alias = "IUNIXTransport")]
    pub fn send_file_descriptor(
        &self,
        descriptor: impl Into<OwnedFd>,
    ) -> Result<(), SendDescriptorError> {
        self.link.send_descriptors(std::iter::once(descriptor.into()))
    }

    /// Sends several descriptors, or none of them: what
    /// [`send_file_descriptor`](Self::send_file_descriptor) does, where they
    /// are of no use but together.
    ///
    /// # Errors
    ///
    /// The same. None is sent if there is no room for all.
    ///
    /// ```
    /// use reactor_compat::{Protocol, SendDescriptorError, testing::StringTransport};
    ///
    /// struct Silent;
    /// impl Protocol for Silent {}
    ///
    /// let (reader, writer) = std::io::pipe()?;
    /// let sent = StringTransport::new(Silent).send_file_descriptors([reader.into(), writer.into()]);
    /// assert_eq!(sent, Err(SendDescriptorError::NotUnix));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_file_descriptors<I>(&self, descriptors: I) -> Result<(), SendDescriptorError>
    where
        I: IntoIterator<Item = OwnedFd, IntoIter: ExactSizeIterator>,
    {
        self.link.send_descriptors(descriptors.into_iter())
    }
}

impl Link {
    fn send_descriptors(
        &self,
        descriptors: impl ExactSizeIterator<Item = OwnedFd>,
    ) -> Result<(), SendDescriptorError> {
        if self.switching_or_secure() {
            return Err(SendDescriptorError::NotUnix);
        }
        if !self.accepts() {
            return Err(SendDescriptorError::Closing);
        }
        if self.waiting_descriptors() + descriptors.len() > MOST {
            return Err(SendDescriptorError::Full);
        }
        let mut socket = self.socket().ok_or(SendDescriptorError::NotUnix)?;
        for descriptor in descriptors {
            socket.send_descriptor(descriptor).map_err(|_| SendDescriptorError::NotUnix)?;
            self.extras().descriptors = socket.unsent_descriptors();
        }
        self.wake();
        self.wrote(self.unsent());
        Ok(())
    }

    fn switching_or_secure(&self) -> bool {
        self.state().switch != Switch::None || self.security().is_some()
    }

    /// Whether more descriptors are to be sent than bytes: they cannot go.
    #[inline]
    pub(crate) fn overrun(&self) -> bool {
        let descriptors = self.waiting_descriptors();
        let sends = self.state().sending == Sending::Free;
        descriptors > 0 && sends && descriptors > self.unsent().min(self.sendable())
    }

    /// Some may have been sent.
    #[inline]
    pub(crate) fn count_descriptors(&self) {
        if self.waiting_descriptors() > 0 {
            let unsent = self.socket().map_or(0, |socket| socket.unsent_descriptors());
            self.extras().descriptors = unsent;
        }
    }
}
