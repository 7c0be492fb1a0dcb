//! [`LineReceiver`]: what is to be done about lines.
//!
//! Mirrors `twisted.protocols.basic.LineReceiver`. Tested in
//! `tests/framing/receivers.rs` and `tests/framing/line_descriptors.rs`.

#[cfg(unix)]
use std::os::fd::OwnedFd;

use deferred::Failure;

use super::LineConnection;

/// What is to be done about the lines of a connection, and about raw data
/// between them. [`Lines`](super::Lines) makes a protocol of it.
///
/// The methods are called in the order, and with the freedom, of those of
/// [`Protocol`](reactor_compat::Protocol).
///
/// - After [`lose_connection`](reactor_compat::Transport::lose_connection) in
///   [`line_received`](Self::line_received), lines that have come already are
///   not received.
/// - After [`pause_producing`](reactor_compat::Transport::pause_producing) they
///   wait for [`resume_producing`](reactor_compat::Transport::resume_producing).
///   They wait, too, while more is unsent than the transport's
///   [`WaterMarks`](reactor_compat::WaterMarks) allow.
///
/// ```
/// use protocols::basic::{LineConnection, LineReceiver, Lines};
/// use reactor_compat::testing::StringTransport;
///
/// /// Numbers to add up, a line each.
/// struct Sum(i64);
///
/// impl LineReceiver for Sum {
///     const DELIMITER: &'static [u8] = b"\n";
///
///     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
///         match String::from_utf8_lossy(line).trim().parse::<i64>() {
///             Ok(number) => self.0 += number,
///             Err(error) => transport.send_line(error.to_string()),
///         }
///     }
/// }
///
/// let transport = StringTransport::new(Lines::new(Sum(0)));
/// transport.data_received(b"40\n2\nand a half\n");
/// assert_eq!(transport.inspect(|lines| lines.handler().0), Some(42));
/// assert_eq!(transport.take_value(), b"invalid digit found in string\n");
/// ```
pub trait LineReceiver: Sized + 'static {
    /// What lines end with. [`Lines::delimiter`](super::Lines::delimiter) sets
    /// another, and [`LineConnection::set_delimiter`] one while they come.
    #[doc(alias = "delimiter")]
    const DELIMITER: &'static [u8] = b"\r\n";

    /// How long a line may be, without its end.
    /// [`Lines::max_length`](super::Lines::max_length) sets another limit, and
    /// [`LineConnection::set_max_length`] one while lines come.
    const MAX_LENGTH: usize = 16384;

    /// The connection is there.
    #[doc(alias = "connectionMade")]
    fn connection_made(&mut self, transport: &LineConnection<Self>) {
        let _ = transport;
    }

    /// A line came; `line` is without its delimiter, and lent from the
    /// reactor's own buffer where it came in one piece.
    #[doc(alias = "lineReceived")]
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]);

    /// Data came after [`set_raw_mode`](LineConnection::set_raw_mode).
    ///
    /// Unless a handler says otherwise, it is let go.
    #[doc(alias = "rawDataReceived")]
    fn raw_data_received(&mut self, transport: &LineConnection<Self>, data: &[u8]) {
        let _ = (transport, data);
    }

    /// A line is too long; `line` begins with it, or with the part of it that
    /// has come, and has all that has come behind it, which is let go.
    ///
    /// Unless a handler says otherwise, the connection is closed, and
    /// [`connection_lost`](Self::connection_lost) gets
    /// [`LineTooLong`](super::LineTooLong) as the reason.
    #[doc(alias = "lineLengthExceeded")]
    fn line_length_exceeded(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        let _ = line;
        transport.lose_connection();
    }

    /// Whether it wants the descriptors that the other end of a UNIX connection
    /// sends. The system closes them where it does not.
    #[doc(alias = "IFileDescriptorReceiver")]
    fn receives_descriptors(&self) -> bool {
        false
    }

    /// The other end of a UNIX connection sent a descriptor: of a handler that
    /// [receives](Self::receives_descriptors) them.
    ///
    /// It comes before the line that it was sent with. Unless a handler says
    /// otherwise, it is closed.
    #[cfg(unix)]
    #[doc(alias = "fileDescriptorReceived")]
    fn file_descriptor_received(&mut self, transport: &LineConnection<Self>, descriptor: OwnedFd) {
        let _ = transport;
        drop(descriptor);
    }

    /// The peer sends no more, and may still read.
    ///
    /// Unless a handler says otherwise, the connection is closed.
    #[doc(alias = "readConnectionLost")]
    fn read_connection_lost(&mut self, transport: &LineConnection<Self>) {
        transport.lose_connection();
    }

    /// The peer has been told that we send no more; see
    /// [`lose_write_connection`](reactor_compat::Transport::lose_write_connection).
    #[doc(alias = "writeConnectionLost")]
    fn write_connection_lost(&mut self, transport: &LineConnection<Self>) {
        let _ = transport;
    }

    /// A TLS handshake is over; see
    /// [`Protocol::handshake_completed`](reactor_compat::Protocol::handshake_completed).
    #[doc(alias = "handshakeCompleted")]
    fn handshake_completed(&mut self, transport: &LineConnection<Self>) {
        let _ = transport;
    }

    /// The connection is gone.
    #[doc(alias = "connectionLost")]
    fn connection_lost(&mut self, transport: &LineConnection<Self>, reason: Failure) {
        let _ = (transport, reason);
    }
}
