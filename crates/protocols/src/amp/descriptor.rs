//! [`Descriptor`]: a file descriptor, as an argument.
//!
//! Mirrors `twisted.protocols.amp.Descriptor`. Tested in
//! `tests/amp/descriptors.rs`, and against Twisted by the interop package.

use std::cell::Cell;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::de::{Deserializer, Visitor};
use serde::ser::{Error as _, Serializer};
use serde::{Deserialize, Serialize, de};

/// The name by which our own serializer and deserializer know one.
const DESCRIPTOR: &str = "$protocols::amp::Descriptor";

thread_local! {
    /// A descriptor between a [`Descriptor`] and our own serializer or
    /// deserializer, from one call to the next: serde itself carries none.
    static IN_PASSING: Cell<Option<OwnedFd>> = const { Cell::new(None) };
}

/// A file, a socket, a pipe, or whatever else has a descriptor, as a field of
/// a command or of its answer: sent over a UNIX connection, it becomes one of
/// the other process.
///
/// What is sent is a copy. What is received belongs to whoever takes it out of
/// the command, and is closed when that is dropped. In the box there is the
/// number of the descriptor in the order of those that its sender has sent,
/// from 0, as Twisted has it.
///
/// # Errors
///
/// A call or an answer that cannot take its descriptors along is not sent at
/// all: it fails with
/// [`ArgumentError::Descriptor`](super::ArgumentError::Descriptor), such as
/// over TCP and under TLS. A box that names one that has not come is refused
/// with [`ArgumentError::NoDescriptor`](super::ArgumentError::NoDescriptor).
/// Those that came and that no box has named are closed with the connection;
/// more than [`Limits::descriptors`](super::Limits::descriptors) of them end
/// it.
///
/// A list cannot hold them, but a list of structs can, as in Twisted.
///
/// ```
/// use deferred::Failure;
/// use protocols::amp::{Amp, CallRemote, Command, Descriptor, NoError, Responders};
/// use reactor_compat::{Address, Reactor};
/// use serde::{Deserialize, Serialize};
/// use std::{fs::File, io::Read};
///
/// #[derive(Serialize, Deserialize)]
/// struct Measure { file: Descriptor }
///
/// #[derive(Serialize, Deserialize)]
/// struct Size { bytes: u64 }
///
/// impl Command for Measure {
///     const NAME: &str = "Measure";
///     type Response = Size;
///     type Error = NoError;
/// }
///
/// fn measure(Measure { file }: Measure) -> Result<Size, Failure> {
///     Ok(Size { bytes: File::from(file.0).metadata()?.len() })
/// }
///
/// let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
/// let file = File::open("Cargo.toml")?;
/// let size = file.metadata()?.len();
///
/// let reactor = Reactor::new();
/// let responders = Responders::new().function(measure);
/// let serve = move |_: Address| Amp::with_responders(&responders);
/// reactor.adopt_stream_connection(theirs, serve)?;
/// let client = reactor.adopt_stream_connection(ours, |_: Address| Amp::new())?;
/// let measured = client.call_remote(Measure { file: file.into() });
/// let stop = reactor.clone();
/// let checked = measured.add_callback(move |Size { bytes }| {
///     assert_eq!(bytes, size);
///     Ok(stop.stop()?)
/// });
/// reactor.run()?;
/// # drop(checked);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Descriptor(pub OwnedFd);

impl<D: Into<OwnedFd>> From<D> for Descriptor {
    fn from(descriptor: D) -> Self {
        Self(descriptor.into())
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether a newtype of this name is a [`Descriptor`].
#[inline]
pub(super) fn is_descriptor(name: &str) -> bool {
    name == DESCRIPTOR
}

/// The error of serializers that know nothing of descriptors.
struct Nothing;

impl Serialize for Nothing {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("a descriptor cannot be written down, only sent in a box"))
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let copy = self.0.try_clone().map_err(S::Error::custom)?;
        let _taken_or_closed = Passing::of(copy);
        serializer.serialize_newtype_struct(DESCRIPTOR, &Nothing)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(DESCRIPTOR, TakeDescriptor)
    }
}

/// The descriptor that is being serialized; one that nobody took is closed
/// when this is dropped.
pub(super) struct Passing;

impl Passing {
    fn of(descriptor: OwnedFd) -> Self {
        drop(IN_PASSING.replace(Some(descriptor)));
        Self
    }

    /// The one that our serializer or our visitor was called for.
    pub(super) fn take() -> Option<OwnedFd> {
        IN_PASSING.take()
    }

    /// Has a visitor, which is that of a [`Descriptor`], take one.
    pub(super) fn visit<'de, V: Visitor<'de>, E: de::Error>(
        descriptor: OwnedFd,
        visitor: V,
    ) -> Result<V::Value, E> {
        let _taken_or_closed = Self::of(descriptor);
        visitor.visit_unit()
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        drop(IN_PASSING.take());
    }
}

struct TakeDescriptor;

impl Visitor<'_> for TakeDescriptor {
    type Value = Descriptor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a descriptor that came with a box")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Descriptor, E> {
        match Passing::take() {
            Some(descriptor) => Ok(Descriptor(descriptor)),
            None => Err(E::invalid_type(de::Unexpected::Unit, &self)),
        }
    }
}
