//! Who goes on with what a protocol holds, once it may.

use reactor_compat::{Connection, Protocol, Transport};

/// What may be done with the bytes at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Parse them.
    Free,
    /// Keep them: reading is paused, or what was written has to be sent first.
    Held,
    /// The connection is closing: nobody reads any more.
    Closing,
}

/// Whether the protocol may parse.
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

/// Whether somebody has been asked to tell a protocol when it may go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Waiting {
    #[default]
    No,
    ForDrain,
}

/// Has a protocol that holds something hear of it when its transport has
/// drained, if it is that for which it waits. That reading is resumed, it hears
/// without.
///
/// If a handler panics then, its connection ends, as with any other callback.
pub(crate) fn when_drained<P: Protocol>(
    connection: &Connection<P>,
    waiting: fn(&mut P) -> &mut Waiting,
) -> Waiting {
    if connection.paused() {
        return Waiting::No;
    }
    let transport = connection.transport().clone();
    let go_on = connection.wrap(move |protocol, connection, ()| {
        *waiting(protocol) = Waiting::No;
        protocol.resumed(connection);
    });
    connection.drain().add_callback(go_on).add_errback(move |_| transport.abort_connection());
    Waiting::ForDrain
}

/// Has a protocol go on: at once if it is free, else when it is.
pub(crate) fn resume<P: Protocol>(connection: &Connection<P>) {
    let transport = connection.transport().clone();
    connection
        .call(|protocol, connection| protocol.resumed(connection))
        .add_errback(move |_| transport.abort_connection());
}
