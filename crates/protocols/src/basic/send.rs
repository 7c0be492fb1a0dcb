//! [`SendLine`] and [`SendString`]: the connection of [`Lines`] or of
//! [`Strings`], to speak on.
//!
//! Tested in `tests/framing/connected.rs`.

use deferred::Deferred;
use reactor_compat::{Connection, ConnectionGone};

use super::{
    Format, LineConnection, LineReceiver, Lines, StringConnection, StringReceiver, Strings,
};

/// Sends lines on a connection of [`Lines`], such as one that a client has just
/// made.
///
/// ```
/// use deferred::Failure;
/// use protocols::basic::{LineConnection, LineReceiver, LineTransport, Lines, SendLine};
/// use reactor_compat::endpoint::client_from_string;
/// use reactor_compat::{Address, Protocol, Reactor, task::react_on};
/// # use std::process::ExitCode;
///
/// struct Answers(Reactor);
///
/// impl Protocol<LineTransport> for Answers {
///     fn connection_lost(&mut self, _: &LineConnection<Self>, _: Failure) {
///         self.0.stop().unwrap();
///     }
/// }
///
/// impl LineReceiver for Answers {
///     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
///         assert_eq!(line, b"hello");
///         transport.lose_connection();
///     }
/// }
/// # struct Echo;
/// # impl Protocol<LineTransport> for Echo {}
/// # impl LineReceiver for Echo {
/// #     fn line_received(&mut self, transport: &LineConnection<Self>, line: &[u8]) {
/// #         transport.send_line(line);
/// #     }
/// # }
///
/// let reactor = Reactor::new();
/// let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Lines::new(Echo))?;
/// # let number = port.get_host().port().unwrap();
/// let endpoint = client_from_string(&reactor, &format!("tcp:127.0.0.1:{number}"))?;
/// let answers = reactor.clone();
/// let connecting = endpoint
///     .connect(move |_: Address| Lines::new(Answers(answers.clone())))
///     .add_callback(|connection| connection.send_line("hello"));
/// reactor.run()?;
/// # deferred::testing::success_result_of(connecting);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait SendLine {
    /// The handler of the lines.
    type Handler: LineReceiver;

    /// The connection as the handler has it, to send lines on and to come back
    /// to the handler.
    ///
    /// The Deferred has fired unless the connection is in the middle of a
    /// callback, or `connection_made` is still to come; it fails with [`ConnectionGone`] once it is lost.
    ///
    /// ```
    /// use deferred::testing::success_result_of;
    /// use protocols::basic::{LineConnection, Lines, SendLine};
    /// # use protocols::basic::{LineReceiver, LineTransport};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol<LineTransport> for Silent {}
    /// # impl LineReceiver for Silent {
    /// #     fn line_received(&mut self, _: &LineConnection<Self>, _: &[u8]) {}
    /// # }
    ///
    /// let transport = StringTransport::new(Lines::new(Silent));
    /// let receiver: LineConnection<Silent> = success_result_of(transport.connection().receiver());
    /// receiver.set_delimiter("\0");
    /// receiver.send_line("hello");
    /// assert_eq!(transport.take_value(), b"hello\0");
    /// ```
    fn receiver(&self) -> Deferred<LineConnection<Self::Handler>>;

    /// Sends a line: on the [`receiver`](Self::receiver)'s transport, in one
    /// step. After the connection is lost it does nothing.
    ///
    /// # Re-entrancy
    ///
    /// From inside a callback of the connection the line is sent when that has
    /// returned, and before `connection_made` behind what that sends; a [`LineTransport`](super::LineTransport) sends it at once.
    ///
    /// See the [trait's example](Self).
    #[doc(alias = "sendLine")]
    fn send_line(&self, line: impl AsRef<[u8]>);
}

impl<H: LineReceiver> SendLine for Connection<Lines<H>> {
    type Handler = H;

    fn receiver(&self) -> Deferred<LineConnection<H>> {
        self.call(|lines, _| lines.receiver().ok_or_else(|| ConnectionGone.into()))
    }

    fn send_line(&self, line: impl AsRef<[u8]>) {
        let line = line.as_ref().to_vec();
        let sent = self.call(move |lines, _| {
            if let Some(receiver) = lines.receiver() {
                receiver.send_line(line);
            }
        });
        drop(sent);
    }
}

/// Sends strings on a connection of [`Strings`], such as one that a client has
/// just made.
///
/// ```
/// use deferred::testing::{failure_result_of, success_result_of};
/// use protocols::basic::{Int8Strings, SendString, StringTooLongError};
/// # use protocols::basic::{FramedTransport, StringConnection, StringReceiver};
/// # use reactor_compat::{Protocol, testing::StringTransport};
/// # struct Silent;
/// # impl Protocol<FramedTransport> for Silent {}
/// # impl StringReceiver for Silent {
/// #     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
/// # }
///
/// let transport = StringTransport::new(Int8Strings::new(Silent));
/// let connection = transport.connection();
/// success_result_of(connection.send_string("hello"));
/// assert_eq!(transport.take_value(), b"\x05hello");
/// let too_long = failure_result_of(connection.send_string([0; 256]));
/// assert!(too_long.is::<StringTooLongError>());
/// ```
pub trait SendString {
    /// The handler of the strings.
    type Handler: StringReceiver;

    /// The connection as the handler has it, to send strings on and to come
    /// back to the handler.
    ///
    /// The Deferred has fired unless the connection is in the middle of a
    /// callback, or `connection_made` is still to come; it fails with [`ConnectionGone`] once it is lost.
    ///
    /// ```
    /// use deferred::testing::success_result_of;
    /// use protocols::basic::{Netstrings, SendString, StringConnection};
    /// # use protocols::basic::{FramedTransport, StringReceiver};
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol<FramedTransport> for Silent {}
    /// # impl StringReceiver for Silent {
    /// #     fn string_received(&mut self, _: &StringConnection<Self>, _: &[u8]) {}
    /// # }
    ///
    /// let transport = StringTransport::new(Netstrings::new(Silent));
    /// let receiver: StringConnection<Silent> =
    ///     success_result_of(transport.connection().receiver());
    /// receiver.send_string("hello")?;
    /// assert_eq!(transport.take_value(), b"5:hello,");
    /// # Ok::<(), protocols::basic::StringTooLongError>(())
    /// ```
    fn receiver(&self) -> Deferred<StringConnection<Self::Handler>>;

    /// Sends a string: on the [`receiver`](Self::receiver)'s transport, in one
    /// step.
    ///
    /// It fails with [`StringTooLongError`](super::StringTooLongError) if the string is longer than its
    /// prefix can say, and with [`ConnectionGone`] once the connection is lost.
    ///
    /// # Re-entrancy
    ///
    /// From inside a callback of the connection the string is sent when that
    /// has returned, and before `connection_made` behind what that sends; a [`FramedTransport`](super::FramedTransport) sends it at
    /// once.
    ///
    /// See the [trait's example](Self).
    #[doc(alias = "sendString")]
    fn send_string(&self, string: impl AsRef<[u8]>) -> Deferred<()>;
}

impl<F: Format, H: StringReceiver> SendString for Connection<Strings<F, H>> {
    type Handler = H;

    fn receiver(&self) -> Deferred<StringConnection<H>> {
        self.call(|strings, _| strings.receiver().ok_or_else(|| ConnectionGone.into()))
    }

    fn send_string(&self, string: impl AsRef<[u8]>) -> Deferred<()> {
        let string = string.as_ref().to_vec();
        self.call(move |strings, _| {
            let receiver = strings.receiver().ok_or(ConnectionGone)?;
            Ok(receiver.send_string(string)?)
        })
    }
}
