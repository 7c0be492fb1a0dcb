//! [`StringReceiver`]: what is to be done about strings.
//!
//! Mirrors the interface that `NetstringReceiver` and `IntNStringReceiver` of
//! `twisted.protocols.basic` have in common. Tested in
//! `tests/framing/receivers.rs`.

use reactor_compat::Protocol;

use super::{FramedTransport, StringConnection};

/// Handles the strings of a connection, whichever way they say how long they
/// are. [`Strings`](super::Strings) makes a protocol of it.
///
/// It is a [`Protocol`] of a [`FramedTransport`], which gets all that happens
/// to the connection but the data: of that it gets strings, by the methods
/// here. So `data_received` is never called.
///
/// - After [`pause_producing`](reactor_compat::Transport::pause_producing),
///   strings that have come already wait for
///   [`resume_producing`](reactor_compat::Transport::resume_producing). They
///   wait, too, while more is unsent than the transport's
///   [`WaterMarks`](reactor_compat::WaterMarks) allow.
/// - After [`lose_connection`](reactor_compat::Transport::lose_connection) they
///   are received all the same, as in Twisted; lines are not.
///
/// ```
/// use protocols::basic::{FramedTransport, Int32Strings, StringConnection, StringReceiver};
/// use reactor_compat::{Protocol, testing::StringTransport};
///
/// struct Reverse;
///
/// impl Protocol<FramedTransport> for Reverse {}
///
/// impl StringReceiver for Reverse {
///     const MAX_LENGTH: usize = 1000;
///
///     fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]) {
///         let reversed: Vec<u8> = string.iter().rev().copied().collect();
///         transport.send_string(reversed).expect("it is no longer than what came");
///     }
/// }
///
/// let transport = StringTransport::new(Int32Strings::new(Reverse));
/// transport.data_received(b"\0\0\0\x03abc\0\0");
/// assert_eq!(transport.take_value(), b"\0\0\0\x03cba");
/// ```
#[doc(alias = "IntNStringReceiver")]
#[doc(alias = "NetstringReceiver")]
pub trait StringReceiver: Protocol<FramedTransport> {
    /// The greatest length of a string.
    /// [`Strings::max_length`](super::Strings::max_length) sets another limit,
    /// and [`FramedTransport::set_max_length`] one while they come.
    const MAX_LENGTH: usize = 99999;

    /// A string came; it is lent from the reactor's own buffer where it came
    /// in one piece.
    #[doc(alias = "stringReceived")]
    fn string_received(&mut self, transport: &StringConnection<Self>, string: &[u8]);

    /// A string of `length` bytes is announced, which is longer than one may
    /// be. Nothing that comes from here on can be understood.
    ///
    /// Unless a handler overrides it, the connection is closed, and
    /// [`connection_lost`](Protocol::connection_lost) gets
    /// [`StringTooLongError`](super::StringTooLongError) as the reason. A
    /// netstring that is too long, or none, always has it closed.
    #[doc(alias = "lengthLimitExceeded")]
    fn length_limit_exceeded(&mut self, transport: &StringConnection<Self>, length: usize) {
        let _ = length;
        transport.lose_connection();
    }
}
