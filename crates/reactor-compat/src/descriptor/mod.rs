//! File descriptors of any kind: pipes, terminals, event counters, sockets of
//! other libraries.
//!
//! Mirrors `IReactorFDSet`, `IReadDescriptor` and `IWriteDescriptor` of
//! `twisted.internet.interfaces`. Tested in `tests/network/descriptor.rs`.

mod entry;
mod source;
mod table;
mod watch;

use std::os::fd::AsFd;
use std::rc::Rc;

use deferred::Failure;

use table::Descriptors;

use crate::reactor::Reactor;

/// A file descriptor, and who is told when it is gone.
///
/// What it is, the descriptor's owner says by [`AsFd`]. The methods of the
/// traits take `&self`, for the reactor is not the only one to know the
/// object: what changes in it goes into a `Cell` or a `RefCell`.
///
/// See the examples of [`ReadDescriptor`] and [`WriteDescriptor`].
#[doc(alias = "IFileDescriptor")]
pub trait FileDescriptor: AsFd + 'static {
    /// The descriptor failed, or has ended, or the reactor stopped. The
    /// reactor has removed it already.
    ///
    /// `reason` is what [`do_read`](ReadDescriptor::do_read) or
    /// [`do_write`](WriteDescriptor::do_write) gave, or their panic;
    /// [`ConnectionDone`](crate::ConnectionDone) if the other end hung up
    /// while we were reading, and [`ConnectionLost`](crate::ConnectionLost)
    /// otherwise.
    #[doc(alias = "connectionLost")]
    fn connection_lost(&self, reason: Failure);

    /// Its name in the log; asked for when it is added.
    #[doc(alias = "logPrefix")]
    fn log_prefix(&self) -> String {
        "-".to_owned()
    }
}

/// A file descriptor to read from.
///
/// ```
/// use deferred::Failure;
/// use reactor_compat::{ConnectionDone, FileDescriptor, ReadDescriptor, Reactor};
/// use std::io::{PipeReader, Read, Write};
/// use std::os::fd::{AsFd, BorrowedFd};
/// use std::rc::Rc;
///
/// struct Tail {
///     pipe: PipeReader,
///     reactor: Reactor,
/// }
///
/// impl AsFd for Tail {
///     fn as_fd(&self) -> BorrowedFd<'_> {
///         self.pipe.as_fd()
///     }
/// }
///
/// impl FileDescriptor for Tail {
///     fn connection_lost(&self, reason: Failure) {
///         assert!(reason.is::<ConnectionDone>());
///         self.reactor.stop().unwrap();
///     }
/// }
///
/// impl ReadDescriptor for Tail {
///     fn do_read(&self) -> Result<(), Failure> {
///         let mut buffer = [0; 64];
///         match (&self.pipe).read(&mut buffer)? {
///             0 => Err(Failure::new(ConnectionDone)),
///             count => Ok(assert_eq!(&buffer[..count], b"news")),
///         }
///     }
/// }
///
/// let (pipe, mut other_end) = std::io::pipe()?;
/// let reactor = Reactor::new();
/// reactor.add_reader(Rc::new(Tail { pipe, reactor: reactor.clone() }));
/// other_end.write_all(b"news")?;
/// drop(other_end);
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "IReadDescriptor")]
pub trait ReadDescriptor: FileDescriptor {
    /// There is something to read: read some of it.
    ///
    /// Called again, in the next turn, for as long as there is more.
    ///
    /// # Errors
    ///
    /// Why the descriptor is to be removed, for reading and for writing: it is
    /// what [`connection_lost`](FileDescriptor::connection_lost) gets. A panic
    /// is logged, and removes it too.
    #[doc(alias = "doRead")]
    fn do_read(&self) -> Result<(), Failure>;
}

/// A file descriptor to write to.
///
/// ```
/// use deferred::Failure;
/// use reactor_compat::{FileDescriptor, Reactor, WriteDescriptor};
/// use std::io::{PipeWriter, Read, Write};
/// use std::os::fd::{AsFd, BorrowedFd};
/// use std::rc::Rc;
///
/// struct Once {
///     pipe: PipeWriter,
///     reactor: Reactor,
/// }
///
/// impl AsFd for Once {
///     fn as_fd(&self) -> BorrowedFd<'_> {
///         self.pipe.as_fd()
///     }
/// }
///
/// impl FileDescriptor for Once {
///     fn connection_lost(&self, _: Failure) {}
/// }
///
/// impl WriteDescriptor for Once {
///     fn do_write(&self) -> Result<(), Failure> {
///         (&self.pipe).write_all(b"news")?;
///         self.reactor.remove_writer(self);
///         self.reactor.stop()?;
///         Ok(())
///     }
/// }
///
/// let (mut other_end, pipe) = std::io::pipe()?;
/// let reactor = Reactor::new();
/// reactor.add_writer(Rc::new(Once { pipe, reactor: reactor.clone() }));
/// reactor.run()?;
/// assert_eq!(other_end.read(&mut [0; 64])?, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "IWriteDescriptor")]
pub trait WriteDescriptor: FileDescriptor {
    /// Something can be written: write some.
    ///
    /// Called again, in every turn, for as long as there is room: remove it
    /// when there is nothing to write.
    ///
    /// # Errors
    ///
    /// As [`do_read`](ReadDescriptor::do_read).
    #[doc(alias = "doWrite")]
    fn do_write(&self) -> Result<(), Failure>;
}

/// For file descriptors of any kind.
///
/// A descriptor is known by its object, as long as that is in the reactor;
/// adding it again changes nothing. The reactor keeps a duplicate of the
/// descriptor itself until it is removed: so one descriptor may be given to
/// several objects, and closing it without removing it does not close it. One
/// that the system cannot watch, such as a file, counts as always ready.
impl Reactor {
    /// Calls `reader` whenever there is something to read, until it is
    /// [removed](Self::remove_reader).
    ///
    /// What is wrong with the descriptor is said to
    /// [`connection_lost`](FileDescriptor::connection_lost).
    ///
    /// See the example of [`ReadDescriptor`].
    #[doc(alias = "addReader")]
    #[doc(alias = "IReactorFDSet")]
    pub fn add_reader(&self, reader: Rc<dyn ReadDescriptor>) {
        let object: Rc<dyn FileDescriptor> = reader.clone();
        let entry = watch::entry(self, &object);
        entry.set_reader(reader);
    }

    /// Calls `writer` whenever something can be written, until it is
    /// [removed](Self::remove_writer).
    ///
    /// See the example of [`WriteDescriptor`].
    #[doc(alias = "addWriter")]
    pub fn add_writer(&self, writer: Rc<dyn WriteDescriptor>) {
        let object: Rc<dyn FileDescriptor> = writer.clone();
        let entry = watch::entry(self, &object);
        entry.set_writer(writer);
    }

    /// Calls `reader` no more, from now on. One that is not there is no error.
    ///
    /// ```
    /// # use deferred::Failure;
    /// # use reactor_compat::{FileDescriptor, ReadDescriptor, Reactor};
    /// # use std::{io::PipeReader, os::fd::{AsFd, BorrowedFd}, rc::Rc};
    /// # struct Tail(PipeReader);
    /// # impl AsFd for Tail { fn as_fd(&self) -> BorrowedFd<'_> { self.0.as_fd() } }
    /// # impl FileDescriptor for Tail { fn connection_lost(&self, _: Failure) {} }
    /// # impl ReadDescriptor for Tail { fn do_read(&self) -> Result<(), Failure> { Ok(()) } }
    /// let reactor = Reactor::new();
    /// let tail = Rc::new(Tail(std::io::pipe()?.0));
    /// reactor.add_reader(tail.clone());
    /// assert_eq!(reactor.get_readers().len(), 1);
    /// reactor.remove_reader(&*tail);
    /// assert!(reactor.get_readers().is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "removeReader")]
    pub fn remove_reader<D: ReadDescriptor + ?Sized>(&self, reader: &D) {
        self.extension::<Descriptors>().remove_reader(table::address(reader));
    }

    /// Calls `writer` no more, from now on. One that is not there is no error.
    ///
    /// See the example of [`WriteDescriptor`].
    #[doc(alias = "removeWriter")]
    pub fn remove_writer<D: WriteDescriptor + ?Sized>(&self, writer: &D) {
        self.extension::<Descriptors>().remove_writer(table::address(writer));
    }

    /// Removes all readers and writers that were added, and gives them back.
    /// Ports and connections stay.
    ///
    /// ```
    /// assert!(reactor_compat::Reactor::new().remove_all().is_empty());
    /// ```
    #[doc(alias = "removeAll")]
    pub fn remove_all(&self) -> Vec<Rc<dyn FileDescriptor>> {
        self.extension::<Descriptors>().remove_all()
    }

    /// The readers that were added, in no order.
    ///
    /// See the example of [`remove_reader`](Self::remove_reader).
    #[doc(alias = "getReaders")]
    pub fn get_readers(&self) -> Vec<Rc<dyn ReadDescriptor>> {
        self.extension::<Descriptors>().readers()
    }

    /// The writers that were added, in no order.
    ///
    /// ```
    /// assert!(reactor_compat::Reactor::new().get_writers().is_empty());
    /// ```
    #[doc(alias = "getWriters")]
    pub fn get_writers(&self) -> Vec<Rc<dyn WriteDescriptor>> {
        self.extension::<Descriptors>().writers()
    }
}
