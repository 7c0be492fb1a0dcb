//! Twisted's reactor on a current-thread Tokio runtime.
//!
//! ```
//! use reactor_compat::{Address, Connection, Protocol, reactor};
//!
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     fn data_received(&mut self, transport: &Connection<Self>, data: &[u8]) {
//!         transport.write(data);
//!     }
//! }
//!
//! let port = reactor().listen_tcp(("127.0.0.1", 0), |_peer: Address| Echo)?;
//! println!("listening on {}", port.get_host());
//! # reactor().call_when_running(|| reactor().stop());
//! reactor().run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! | here | in Twisted |
//! |---|---|
//! | [`reactor()`], [`Reactor`]: runs everything | `twisted.internet.reactor` |
//! | [`Remote`], [`RemoteObject`]: the reactor and its objects, from other threads | `IReactorFromThreads` |
//! | [`ReactorTime`], [`DelayedCall`], [`ClockHandle`]: `call_later` | `IReactorTime`, `IDelayedCall` |
//! | [`Protocol`]: what a connection's data means | `twisted.internet.protocol.Protocol` |
//! | [`AnyProtocol`]: chosen at run time, or switched in mid-connection | `transport.protocol = ..` |
//! | [`Factory`], [`ClientFactory`]: who makes protocols | `Factory`, `ClientFactory` |
//! | [`ReconnectingClientFactory`]: connects again | `ReconnectingClientFactory` |
//! | [`Transport`]: the handle to a connection | `ITransport` |
//! | [`Connection`]: a transport, and the way back to its protocol | `self` |
//! | [`Producer`], [`WaterMarks`]: who is told to wait | `IPushProducer`, `bufferSize` |
//! | [`DatagramProtocol`], [`DatagramTransport`]: UDP, multicast, UNIX datagrams | `DatagramProtocol`, `IUDPTransport` |
//! | [`ReadDescriptor`], [`WriteDescriptor`]: any file descriptor | `IReadDescriptor`, `IWriteDescriptor` |
//! | [`task`]: loops, cooperation, `react` | `twisted.internet.task` |
//! | [`event`]: what happens before, during and after | `_ThreePhaseEvent` |
//! | [`lockfile`]: one process at a time | `twisted.python.lockfile` |
//! | [`ConnectionStream`], [`async_factory`]: protocol code as an `async fn` | |
//! | [`Port`], [`Connector`]: listening and connecting | `IListeningPort`, `IConnector` |
//! | [`resolver`]: the addresses of a name | `IHostnameResolver` |
//! | [`endpoint`]: where, said in a string | `twisted.internet.endpoints` |
//! | [`log`]: Twisted's log lines, observers, log files | `twisted.python.log`, `.logfile` |
//! | [`blocking`]: the reactor for code that blocks | crochet |
//! | `greenlet` (a feature): code that is suspended | the gevent reactor |
//! | [`prelude`]: all that most programs begin with | |
//! | [`testing`]: doubles | `twisted.internet.testing` |
//! | [`Address`], the errors | `twisted.internet.address`, `.error` |
//!
//! Everything of a reactor stays on its thread. What it does about re-entrancy
//! is said at [`Reactor`], [`Transport`] and [`Protocol`], and comes to this:
//! no borrow is held while user code runs, and what a callback asks for is
//! done when it returns.

#![forbid(unsafe_code)]

mod address;
#[cfg(unix)]
mod adopt;
mod any_protocol;
mod byte_queue;
mod call_result;
mod clock_handle;
mod connection;
mod connection_event;
mod connector;
mod datagram;
#[cfg(unix)]
mod descriptor;
mod error;
mod factory;
mod guard;
mod layer;
mod panics;
#[cfg(feature = "tower")]
mod persistent;
mod port;
mod producer;
mod protocol;
mod reactor;
mod reconnecting;
mod serve;
mod shared_factory;
mod socket;
mod stream;
mod sync;
mod tcp;
mod threads;
mod transport;
#[cfg(unix)]
mod unix;
mod waiters;

pub mod blocking;
pub mod endpoint;
pub mod event;
#[cfg(feature = "greenlet")]
pub mod greenlet;
pub mod lockfile;
pub mod log;
pub mod network;
pub mod prelude;
pub mod resolver;
pub mod task;
pub mod testing;
#[cfg(feature = "tls")]
pub mod tls;

pub use address::{
    Address, Destination, Interface, Target, UnixAddress, is_ip_address, is_ipv6_address,
};
#[cfg(unix)]
pub use adopt::AdoptError;
pub use any_protocol::{AnyProtocol, NotChosen, ProtocolSwitch, ProtocolSwitched, SwitchError};
pub use call_result::CallResult;
#[doc(hidden)]
pub use call_result::FunctionResult;
pub use clock_handle::ClockHandle;
pub use connection::{BringHome, Connection, IfGone};
pub use connection_event::ConnectionEvent;
pub use connector::Connector;
pub use datagram::{
    ConnectedDatagramStream, DatagramAddress, DatagramConnection, DatagramError, DatagramOptions,
    DatagramProtocol, DatagramStream, DatagramTransport, MulticastInterface, MulticastJoinError,
    StreamDatagramProtocol,
};
pub use deferred::time::{DelayedCall, DelayedCallError, ReactorTime};
#[cfg(unix)]
pub use descriptor::{FileDescriptor, ReadDescriptor, WriteDescriptor};
pub use error::*;
pub use factory::{Built, ClientFactory, Factory, factory};
pub use layer::{Layer, LayerIo, Layered};
pub use network::{Certificate, Network, Security, SharedStream, Stream, StreamEnd};
#[cfg(feature = "tower")]
pub use persistent::{ConnectionSource, PersistentCall, PersistentService};
pub use port::Port;
pub use producer::{Producer, ProducerKind};
pub use protocol::{Protocol, short_name};
pub use reactor::{
    HostedReactor, Inventory, OpenConnection, OpenDescriptor, OpenPort, PendingCall, Reactor,
    Remote, RemoteObject, RemoteResult, RunOptions, Signal, SignalError, SystemEventTrigger,
    blocking_call_from_thread, reactor,
};
pub use reconnecting::{ReconnectHandle, ReconnectingClientFactory};
pub use shared_factory::{SharedFactory, WeakFactory};
pub use socket::SocketError;
pub use stream::{AsyncFactory, ConnectionStream, StreamProtocol, StreamTaken, async_factory};
pub use tcp::{ConnectOptions, ListenOptions, happy_eyeballs};
pub use threads::{
    ReactorThread, ThreadPool, ThreadPoolError, call_multiple_in_thread, defer_to_thread,
    defer_to_thread_pool,
};
pub use transport::{ReadAhead, Transport, WaterMarks};
#[cfg(unix)]
pub use unix::{UnixConnectOptions, UnixOptions};
