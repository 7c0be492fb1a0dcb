//! [`FileSender`]: sends a file, as fast as the peer takes it.
//!
//! Mirrors `FileSender` of `twisted.protocols.basic`. Tested in
//! `tests/framing/file_sender.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;
use std::rc::Rc;

use deferred::{Deferred, Failure, Trigger};
use reactor_compat::{Producer, ProducerKind, Transport};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read and written at a time.
const CHUNK_SIZE: usize = 1 << 14;

/// Sends what a reader reads, 16 KiB at a time, each when the one before has
/// been sent: however large the file, and however slow the peer, no more than
/// that is in memory.
///
/// ```
/// use deferred::testing::success_result_of;
/// use protocols::basic::FileSender;
/// use reactor_compat::{Protocol, testing::StringTransport};
///
/// struct Silent;
/// impl Protocol for Silent {}
///
/// let transport = StringTransport::new(Silent);
/// let sent = FileSender::new(&b"all of a file"[..])
///     .transform(|chunk| chunk.to_ascii_uppercase())
///     .begin_file_transfer(&transport);
/// assert_eq!(transport.take_value(), b"ALL OF A FILE");
/// assert_eq!(success_result_of(sent), Some(b'E'));
/// ```
pub struct FileSender {
    source: Source,
    transform: Option<Transform>,
}

type Transform = Box<dyn FnMut(Vec<u8>) -> Vec<u8>>;

/// Where the bytes are read.
enum Source {
    Blocking(Box<dyn Read>),
    Async(Pin<Box<dyn AsyncRead>>),
}

impl FileSender {
    /// Sends a file, or whatever else is read without much of a wait: reading
    /// holds up the reactor, as it does in Twisted.
    ///
    /// See the [type's example](Self).
    pub fn new(file: impl Read + 'static) -> Self {
        Self { source: Source::Blocking(Box::new(file)), transform: None }
    }

    /// Sends what comes from something of Tokio's, such as a
    /// `tokio::fs::File`, or the output of a child.
    ///
    /// ```
    /// use protocols::basic::FileSender;
    /// use reactor_compat::{Connection, Protocol, Reactor};
    /// use tokio::io::AsyncReadExt;
    ///
    /// struct Serve;
    ///
    /// impl Protocol for Serve {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         let done = transport.me();
    ///         FileSender::from_async(&b"all of a file"[..])
    ///             .begin_file_transfer(transport)
    ///             .add_both(move |_| done.lose_connection());
    ///     }
    /// }
    ///
    /// let reactor = Reactor::new();
    /// let (ours, mut theirs) = tokio::io::duplex(64);
    /// reactor.serve(ours, Serve);
    /// let stop = reactor.clone();
    /// reactor.call_when_running(move || {
    ///     tokio::task::spawn_local(async move {
    ///         let mut heard = String::new();
    ///         theirs.read_to_string(&mut heard).await.unwrap();
    ///         assert_eq!(heard, "all of a file");
    ///         stop.stop().unwrap();
    ///     });
    /// });
    /// reactor.run()?;
    /// # Ok::<(), reactor_compat::RunError>(())
    /// ```
    pub fn from_async(reader: impl AsyncRead + 'static) -> Self {
        Self { source: Source::Async(Box::pin(reader)), transform: None }
    }

    /// The same with each chunk sent as `transform` makes it.
    ///
    /// See the [type's example](Self).
    #[must_use]
    pub fn transform(mut self, transform: impl FnMut(Vec<u8>) -> Vec<u8> + 'static) -> Self {
        self.transform = Some(Box::new(transform));
        self
    }

    /// Begins, as a pull producer of `consumer`. The Deferred has the last
    /// byte that was written, once all has been sent; `None` for an empty
    /// file.
    ///
    /// It fails with the [`io::Error`] of a read, with [`ConsumerStopped`] if
    /// the connection is lost before the end, and with
    /// [`AlreadyProducing`](reactor_compat::AlreadyProducing) if the transport
    /// has a producer.
    ///
    /// # Cancellation
    ///
    /// Cancelling it ends the transfer; what was written is sent.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "beginFileTransfer")]
    pub fn begin_file_transfer(self, consumer: &Transport) -> Deferred<Option<u8>> {
        let cancelled = consumer.clone();
        // The trigger has fired by then: the transfer finds that it is over.
        let (sent, trigger) = Deferred::with_canceller(move |_| cancelled.unregister_producer());
        let transfer = Rc::new(Transfer {
            consumer: consumer.clone(),
            trigger,
            last: Cell::new(None),
            reader: RefCell::new(Some(self)),
        });
        let producer = Sending(Rc::clone(&transfer));
        if let Err(error) = consumer.register_producer(producer, ProducerKind::Pull) {
            transfer.fail(error);
        }
        sent
    }
}

impl fmt::Debug for FileSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSender").finish_non_exhaustive()
    }
}

/// The consumer went away before all of a file was sent.
///
/// ```
/// use protocols::basic::ConsumerStopped;
///
/// assert_eq!(ConsumerStopped.to_string(), "the consumer asked us to stop producing");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Error)]
#[doc(alias = "stopProducing")]
#[error("the consumer asked us to stop producing")]
pub struct ConsumerStopped;

/// A file on its way. It is over when the trigger has fired.
struct Transfer {
    consumer: Transport,
    trigger: Trigger<Option<u8>>,
    last: Cell<Option<u8>>,
    /// Out while it is read.
    reader: RefCell<Option<FileSender>>,
}

impl Transfer {
    /// Reads and writes a chunk.
    fn go_on(self: &Rc<Self>) {
        let reader = self.reader.take();
        let Some(FileSender { source, transform }) = reader else { return };
        match source {
            Source::Blocking(mut file) => {
                let read = read_blocking(&mut *file);
                self.write(read, FileSender { source: Source::Blocking(file), transform });
            }
            Source::Async(mut reader) => {
                let (transfer, broken) = (Rc::clone(self), Rc::clone(self));
                let reading = async move {
                    let mut chunk = Vec::with_capacity(CHUNK_SIZE);
                    let read = (&mut reader).take(CHUNK_SIZE as u64).read_buf(&mut chunk).await;
                    Ok::<_, Failure>((reader, read.map(|_| chunk)))
                };
                let written = Deferred::from_future(reading).add_callback(move |(reader, read)| {
                    transfer.write(read, FileSender { source: Source::Async(reader), transform });
                });
                // As one that panics while the transport asks it, it ends the
                // connection.
                drop(written.add_errback(move |panic| {
                    broken.fail(panic);
                    broken.consumer.abort_connection();
                }));
            }
        }
    }

    fn write(&self, read: io::Result<Vec<u8>>, mut sender: FileSender) {
        if self.trigger.called() {
            return;
        }
        match read {
            Err(error) => {
                self.consumer.unregister_producer();
                self.fail(error);
            }
            Ok(chunk) if chunk.is_empty() => {
                self.consumer.unregister_producer();
                // Whoever cancelled it does not want to know.
                let _ = self.trigger.callback(self.last.get());
            }
            Ok(chunk) => {
                let chunk = match &mut sender.transform {
                    Some(transform) => transform(chunk),
                    None => chunk,
                };
                self.last.set(chunk.last().copied());
                self.reader.replace(Some(sender));
                self.consumer.write(&chunk);
            }
        }
    }

    fn fail(&self, error: impl Into<Failure>) {
        // Whoever cancelled it does not want to know.
        let _ = self.trigger.errback(error);
    }
}

fn read_blocking(file: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(CHUNK_SIZE);
    file.take(CHUNK_SIZE as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

/// The producer that a transport holds.
struct Sending(Rc<Transfer>);

impl Producer for Sending {
    fn pause_producing(&self) {}

    fn resume_producing(&self) {
        self.0.go_on();
    }

    fn stop_producing(&self) {
        let reader = self.0.reader.take();
        drop(reader);
        self.0.fail(ConsumerStopped);
    }
}
