//! Where lines end, and how long they may be, set while they come.
//!
//! Mirrors the attributes `MAX_LENGTH` and `delimiter` of Twisted's
//! `LineReceiver`. Tested in `tests/framing/limits.rs`.

use std::rc::Rc;

use super::LineTransport;
use crate::basic::delimiter::Delimiter;

impl LineTransport {
    /// How long a line may be, without its end.
    ///
    /// See the example of [`set_max_length`](Self::set_max_length).
    #[doc(alias = "MAX_LENGTH")]
    pub fn max_length(&self) -> usize {
        self.shared.max_length.get()
    }

    /// Sets how long a line may be, without its end: from the next line on,
    /// which is behind this one if a line is being received, and may be one of
    /// which a part has come.
    ///
    /// ```
    /// use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
    /// use reactor_compat::{Protocol, testing::StringTransport};
    ///
    /// /// Trusts whoever knows the password with longer lines.
    /// struct Trust;
    ///
    /// impl Protocol<LineTransport> for Trust {}
    ///
    /// impl LineReceiver for Trust {
    ///     const MAX_LENGTH: usize = 8;
    ///
    ///     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
    ///         if line == b"sesame" {
    ///             transport.set_max_length(2 * transport.max_length());
    ///         }
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Lines::new(Trust));
    /// transport.data_received(b"sesame\r\n0123456789abcdef\r\n");
    /// assert!(!transport.disconnecting());
    /// transport.data_received(b"0123456789abcdefg\r\n");
    /// assert!(transport.disconnecting());
    /// ```
    #[doc(alias = "MAX_LENGTH")]
    pub fn set_max_length(&self, max_length: usize) {
        self.shared.max_length.set(max_length);
        self.shared.requested.note(|requests| requests.max_length = Some(max_length));
    }

    /// Sets what lines end with: those that are sent from now on, and those
    /// that come from the next line on, which may be one of which a part has
    /// come.
    ///
    /// ```
    /// use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines};
    /// use reactor_compat::{Protocol, testing::StringTransport};
    ///
    /// struct Echo;
    ///
    /// impl Protocol<LineTransport> for Echo {}
    ///
    /// impl LineReceiver for Echo {
    ///     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
    ///         if line == b"zero" {
    ///             transport.set_delimiter("\0");
    ///         }
    ///         transport.send_line(line);
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Lines::new(Echo));
    /// transport.data_received(b"one\r\nzero\r\ntwo\r\nthree\0");
    /// assert_eq!(transport.take_value(), b"one\r\nzero\0two\r\nthree\0");
    /// ```
    #[doc(alias = "delimiter")]
    pub fn set_delimiter(&self, delimiter: impl AsRef<[u8]>) {
        let delimiter = Delimiter::new(delimiter.as_ref().to_vec());
        self.shared.pair.set(delimiter.pair());
        self.shared.delimiter.replace(Rc::new(delimiter.clone()));
        self.shared.requested.note(|requests| requests.delimiter = Some(delimiter));
    }
}
