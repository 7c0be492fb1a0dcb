//! When a protocol goes on with the bytes that it holds.
//!
//! Tested in `tests/framing/receivers.rs`.

use reactor_compat::Transport;
#[cfg(any(feature = "basic", feature = "socks"))]
use reactor_compat::UnprotectedData;
#[cfg(any(feature = "amp", feature = "basic"))]
use reactor_compat::{Connection, Protocol};

/// The permission to do something with the bytes at hand.
#[cfg(feature = "basic")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Parse them.
    Free,
    /// Keep them: reading is held up.
    Held,
    /// Nothing: the connection is closing.
    Closing,
}

/// Whether the protocol may parse.
#[cfg(feature = "basic")]
#[inline]
pub(crate) fn flow(transport: &Transport) -> Flow {
    if transport.reading() {
        Flow::Free
    } else if transport.paused() || transport.connected() || transport.switching() {
        // A layer that was pushed gets what is held, though the connection is closing.
        Flow::Held
    } else {
        Flow::Closing
    }
}

/// Has a protocol go on: at once if it is free, else when it is.
///
/// If it panics then, its connection ends, as with any other callback.
#[cfg(any(feature = "amp", feature = "basic"))]
pub(crate) fn go_on<P: Protocol>(
    connection: &Connection<P>,
    parse: impl FnOnce(&mut P, &Connection<P>) + 'static,
) {
    let transport = connection.transport().clone();
    connection.call(parse).add_errback(move |_| transport.abort_connection());
}

/// Gives what is held to the layer that was pushed, if one was: whether it did.
///
/// TLS takes none of it: somebody between the two ends may have written it. The
/// connection then ends, with
/// [`UnprotectedData`].
#[inline]
pub(crate) fn hand_over(transport: &Transport, held: &[u8]) -> bool {
    let hands_over = !held.is_empty() && transport.switching();
    if hands_over {
        transport.unread(held);
    }
    hands_over
}

/// Ends the connection if there are `held` bytes that came before a handshake
/// that is over.
#[cfg(any(feature = "basic", feature = "socks"))]
pub(crate) fn refuse_plaintext(transport: &Transport, held: usize) {
    if held > 0 {
        transport.fail(UnprotectedData { bytes: held });
    }
}
