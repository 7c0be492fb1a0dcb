//! [`StreamHandler`]: gives what it receives to a stream.

use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use deferred::Failure;
use reactor_compat::{Connection, ConnectionGone, Producer, ProducerKind, Protocol, Transport};

use self::private::Frames;
use super::shared::Shared;
use crate::basic::delimiter::Delimiter;
use crate::basic::{
    FramedTransport, LineConnection, LineReceiver, LineTransport, StringConnection, StringReceiver,
};

pub(super) mod private {
    use deferred::Failure;
    use reactor_compat::Transport;

    /// A transport that sends items.
    pub trait Frames: AsRef<Transport> + Clone + 'static {
        /// What may change about the end of an item.
        type End: 'static;

        fn send_item(&self, item: &[u8]) -> Result<(), Failure>;

        /// What the item that has just come ended with.
        fn end(&self) -> Self::End;

        /// An item as it came over the wire.
        fn frame_item(&self, item: &[u8], end: &Self::End) -> Vec<u8>;
    }
}

/// The delimiter of a line.
pub struct LineEnd(Rc<Delimiter>);

impl Frames for LineTransport {
    type End = LineEnd;

    fn send_item(&self, line: &[u8]) -> Result<(), Failure> {
        self.send_line(line);
        Ok(())
    }

    /// A line is given to the handler before another delimiter is set.
    fn end(&self) -> LineEnd {
        LineEnd(self.delimiter())
    }

    fn frame_item(&self, line: &[u8], LineEnd(delimiter): &LineEnd) -> Vec<u8> {
        [line, delimiter.as_bytes()].concat()
    }
}

impl Frames for FramedTransport {
    type End = ();

    fn send_item(&self, string: &[u8]) -> Result<(), Failure> {
        Ok(self.send_string(string)?)
    }

    fn end(&self) {}

    fn frame_item(&self, string: &[u8], (): &()) -> Vec<u8> {
        self.frame(string)
    }
}

/// The handler that gives lines or strings to a stream. It is made by
/// [`LineStream::channel`](super::LineStream::channel) and
/// [`StringStream::channel`](super::StringStream::channel).
///
/// See the example of [`LineStream`](super::LineStream).
pub struct StreamHandler<T: Frames> {
    shared: Rc<Shared<T>>,
}

impl<T: Frames> StreamHandler<T> {
    pub(super) fn new(shared: Rc<Shared<T>>) -> Self {
        Self { shared }
    }
}

impl<T: Frames> Protocol<T> for StreamHandler<T> {
    fn connection_made(&mut self, transport: &Connection<Self, T>) {
        let producer = StreamProducer(self.shared.clone());
        let plain: &Transport = transport.transport().as_ref();
        if plain.register_producer(producer, ProducerKind::Push).is_err() {
            return plain.abort_connection();
        }
        self.shared.connected(transport.transport().clone());
    }

    fn layer_pushed(&mut self, _: &Connection<Self, T>) {
        self.shared.hand_over();
    }

    fn handshake_completed(&mut self, _: &Connection<Self, T>) {
        self.shared.refuse_waiting();
    }

    /// The stream reads to its end, and may send on.
    fn read_connection_lost(&mut self, _: &Connection<Self, T>) {
        self.shared.input_ended();
    }

    fn write_connection_lost(&mut self, _: &Connection<Self, T>) {
        self.shared.output_ended();
    }

    fn connection_lost(&mut self, _: &Connection<Self, T>, reason: Failure) {
        self.shared.lost(reason);
    }
}

impl LineReceiver for StreamHandler<LineTransport> {
    fn line_received(&mut self, _: &LineConnection<Self>, line: &[u8]) {
        self.shared.receive(Bytes::copy_from_slice(line));
    }

    fn line_length_exceeded(&mut self, transport: &LineConnection<Self>, _: &[u8]) {
        close(transport);
    }
}

impl StringReceiver for StreamHandler<FramedTransport> {
    fn string_received(&mut self, _: &StringConnection<Self>, string: &[u8]) {
        self.shared.receive(Bytes::copy_from_slice(string));
    }

    fn length_limit_exceeded(&mut self, transport: &StringConnection<Self>, _: usize) {
        close(transport);
    }
}

/// Closes the connection: something is too long. The close does not wait for
/// the stream, which hears the reason when it has taken what came before.
fn close(transport: &Transport) {
    transport.unregister_producer();
    transport.lose_connection();
}

/// One that never had a connection has none any more.
impl<T: Frames> Drop for StreamHandler<T> {
    fn drop(&mut self) {
        self.shared.lost(ConnectionGone.into());
    }
}

impl<T: Frames> fmt::Debug for StreamHandler<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamHandler").field("waiting", &self.shared.waiting()).finish()
    }
}

/// The stream, as the producer of what its transport sends.
struct StreamProducer<T: Frames>(Rc<Shared<T>>);

impl<T: Frames> Producer for StreamProducer<T> {
    fn pause_producing(&self) {
        self.0.hold_output();
    }

    fn resume_producing(&self) {
        self.0.free_output();
    }

    /// The connection is lost, of which the handler is about to hear.
    fn stop_producing(&self) {}
}
