//! When a protocol goes on with the bytes that it holds.
//!
//! Tested in `tests/framing/receivers.rs`.

use reactor_compat::{Connection, ConnectionEvent, Protocol, Transport};

/// What may be done with the bytes at hand.
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
    } else if transport.paused() || transport.connected() {
        Flow::Held
    } else {
        Flow::Closing
    }
}

/// Has a protocol go on: at once if it is free, else when it is.
///
/// If it panics then, its connection ends, as with any other callback.
pub(crate) fn go_on<P: Protocol>(
    connection: &Connection<P>,
    parse: impl FnOnce(&mut P, &Connection<P>) + 'static,
) {
    let transport = connection.transport().clone();
    connection.call(parse).add_errback(move |_| transport.abort_connection());
}

/// Whether a protocol waits for its transport to drain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Waiting {
    #[default]
    No,
    ForDrain,
}

/// Has a protocol that holds something handle
/// [`Resumed`](ConnectionEvent::Resumed) when its transport has drained, if it
/// is that for which it waits.
///
/// TO BE REMOVED, with [`Waiting`], when the driver itself tells of that.
pub(crate) fn wait<P: Protocol>(
    connection: &Connection<P>,
    waiting: &mut Waiting,
    access: fn(&mut P) -> &mut Waiting,
) {
    if *waiting == Waiting::ForDrain || connection.paused() {
        return;
    }
    *waiting = Waiting::ForDrain;
    let transport = connection.transport().clone();
    let resumed = connection.wrap(move |protocol: &mut P, connection, ()| {
        *access(protocol) = Waiting::No;
        protocol.handle(connection, ConnectionEvent::Resumed);
    });
    connection.drain().add_callback(resumed).add_errback(move |_| transport.abort_connection());
}

/// Ends the connection if it turns to TLS while `held` bytes that came before
/// are not understood; whether it did.
///
/// Somebody between the two ends may have written them: they are not to be
/// taken for something that TLS brought. It is called when a callback has
/// returned in which [`start_tls`](Transport::start_tls) may have been called.
///
/// TO BE FILLED IN: with `transport.securing()`.
#[inline]
pub(crate) fn plaintext_behind_tls(transport: &Transport, held: usize) -> bool {
    let securing = false;
    held > 0 && securing && refuse_plaintext(transport, held)
}

/// Ends the connection if there are `held` bytes that came before a handshake
/// that is over; whether it did.
///
/// TO BE FILLED IN: with `transport.refuse_plaintext(held)`.
pub(crate) fn refuse_plaintext(transport: &Transport, held: usize) -> bool {
    if held > 0 {
        tracing::warn!(held, "plaintext where TLS begins");
        transport.abort_connection();
    }
    held > 0
}
