//! [`LineReceiver`]: what is to be done about lines.
//!
//! Mirrors `twisted.protocols.basic.LineReceiver`. Tested in
//! `tests/framing/receivers.rs` and `tests/framing/line_descriptors.rs`.

use reactor_compat::Protocol;

use super::{LineConnection, LineTransport};

/// Handles the lines of a connection, and the raw data between them.
/// [`Lines`](super::Lines) makes a protocol of it.
///
/// It is a [`Protocol`] of a [`LineTransport`], which gets all that happens to
/// the connection but the data: of that it gets lines, by the methods here. So
/// `data_received` is never called.
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
/// use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
/// use reactor_compat::{Protocol, testing::StringTransport};
///
/// /// Numbers to add up, a line each.
/// struct Sum(i64);
///
/// impl Protocol<LineTransport> for Sum {
///     fn connection_made(&mut self, transport: &LineConnection<Self>) {
///         transport.send_line("numbers, please");
///     }
/// }
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
/// let written = transport.take_value();
/// assert_eq!(written, b"numbers, please\ninvalid digit found in string\n");
/// ```
pub trait LineReceiver: Protocol<LineTransport> {
    /// The end of a line. [`Lines::delimiter`](super::Lines::delimiter) sets
    /// another, and [`LineTransport::set_delimiter`] one while they come.
    #[doc(alias = "delimiter")]
    const DELIMITER: &'static [u8] = b"\r\n";

    /// The greatest length of a line, without its end.
    /// [`Lines::max_length`](super::Lines::max_length) sets another limit, and
    /// [`LineTransport::set_max_length`] one while lines come.
    const MAX_LENGTH: usize = 16384;

    /// A line came; `line` is without its delimiter, and lent from the
    /// reactor's own buffer where it came in one piece.
    #[doc(alias = "lineReceived")]
    fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]);

    /// Data came after [`set_raw_mode`](LineTransport::set_raw_mode).
    ///
    /// Unless a handler overrides it, it is let go.
    #[doc(alias = "rawDataReceived")]
    fn raw_data_received(&mut self, transport: &LineConnection<Self>, data: &[u8]) {
        let _ = (transport, data);
    }

    /// A line is too long; `line` begins with it, or with the part of it that
    /// has come, and has all that has come behind it, which is let go.
    ///
    /// Unless a handler overrides it, the connection is closed, and
    /// [`connection_lost`](Protocol::connection_lost) gets
    /// [`LineTooLong`](super::LineTooLong) as the reason.
    #[doc(alias = "lineLengthExceeded")]
    fn line_length_exceeded(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
        let _ = line;
        transport.lose_connection();
    }
}
