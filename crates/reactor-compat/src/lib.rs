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
//! | [`Protocol`]: the meaning of a connection's data | `twisted.internet.protocol.Protocol` |
//! | [`AnyProtocol`]: chosen at run time, or switched in mid-connection | `transport.protocol = ..` |
//! | [`Factory`], [`ClientFactory`]: make protocols | `Factory`, `ClientFactory` |
//! | [`ReconnectingClientFactory`]: connects again | `ReconnectingClientFactory` |
//! | [`Transport`]: the handle to a connection | `ITransport` |
//! | [`Connection`]: a transport, and the way back to its protocol | `self` |
//! | [`Producer`], [`WaterMarks`]: wait while too much is unsent | `IPushProducer`, `bufferSize` |
//! | [`DatagramProtocol`], [`DatagramTransport`]: UDP, multicast, UNIX datagrams | `DatagramProtocol`, `IUDPTransport` |
//! | [`ReadDescriptor`], [`WriteDescriptor`]: any file descriptor | `IReadDescriptor`, `IWriteDescriptor` |
//! | [`task`]: loops, cooperation, `react` | `twisted.internet.task` |
//! | [`event`]: before, during and after | `_ThreePhaseEvent` |
//! | [`lockfile`]: one process at a time | `twisted.python.lockfile` |
//! | [`ConnectionStream`], [`async_factory`]: protocol code as an `async fn` | |
//! | [`Port`], [`Connector`]: listening and connecting | `IListeningPort`, `IConnector` |
//! | [`resolver`]: the addresses of a name | `IHostnameResolver` |
//! | [`endpoint`]: where, as a value or in a string | `twisted.internet.endpoints` |
//! | [`service`]: what is started and stopped | `twisted.application` |
//! | `process` (on UNIX): child processes | `IReactorProcess`, `twisted.internet.utils`, `twisted.runner.procmon` |
//! | [`log`]: Twisted's log lines, observers, log files | `twisted.python.log`, `.logfile` |
//! | [`blocking`]: the reactor for code that blocks | crochet |
//! | `greenlet` (a feature): code that is suspended | the gevent reactor |
//! | `tls` (a feature): certificates, names, trust | `twisted.internet.ssl` |
//! | [`prelude`]: all that most programs begin with | |
//! | [`testing`]: doubles | `twisted.internet.testing` |
//! | [`Address`], the errors | `twisted.internet.address`, `.error` |
//!
//! # Features
//!
//! - `logging` (on by default): Twisted's log lines, observers and log files.
//! - `log-records`: records of the `log` crate in them.
//! - `greenlet`: functions that wait where they stand, on stacks of their own.
//! - `hickory`: names looked up without threads.
//! - `tls`: TLS, by rustls.
//! - `tower`: a service of `tower` that outlives its connections.
//! - `testing`: a reactor and a network in memory, and simulated ones; for
//!   `[dev-dependencies]`.
//!
//! # One thread
//!
//! Everything of a reactor stays on its thread. What it does about re-entrancy
//! is said at [`Reactor`], [`Transport`] and [`Protocol`], and comes to this:
//! no borrow is held while user code runs, and what a callback asks for is
//! done when it returns.

#![forbid(unsafe_code)]

// The modules, by floor, the lowest first: each imports only from those above it
// here. `docs/architecture.md` draws and explains them.

mod address;
mod byte_queue;
mod call_result;
mod clock_handle;
mod filesystem_lock;
mod happy_eyeballs;
#[cfg(unix)]
mod line_cutter;
mod panics;
mod producer;
mod shared_io_error;
mod sync;
mod waiters;

mod options;

mod error;
mod io_driver;
pub mod log;

mod guard;
pub mod resolver;

pub mod event;
#[cfg(feature = "greenlet")]
pub mod greenlet;
pub mod network;

mod layer;
#[cfg(feature = "tls")]
pub mod tls;

mod reactor;

#[cfg(unix)]
mod descriptor;
pub mod lockfile;
mod lookup;
#[cfg(unix)]
mod start_process;
pub mod task;
mod threads;

pub mod blocking;
mod transport;

mod connection;
mod protocol;

mod connector;

mod any_protocol;
mod factory;
mod serve;

mod connecting;
mod datagram;
mod port;

#[cfg(unix)]
mod adopt;
#[cfg(feature = "tower")]
mod persistent;
mod reconnecting;
#[cfg(feature = "tls")]
mod ssl;
mod stdio;
mod stream;
mod tcp;
#[cfg(unix)]
mod unix;

pub mod endpoint;

pub mod service;

#[cfg(unix)]
pub mod process;

pub mod prelude;
pub mod testing;

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
pub use connection::{Connection, IfGone, ProtocolCallbacks};
pub use connector::{Connections, Connector};
pub use datagram::{
    ConnectedDatagramStream, DatagramAddress, DatagramConnection, DatagramError, DatagramProtocol,
    DatagramStream, DatagramTransport, MulticastInterface, MulticastJoinError,
    StreamDatagramProtocol,
};
pub use deferred::time::{DelayedCall, DelayedCallError, ReactorTime};
#[cfg(unix)]
pub use descriptor::{FileDescriptor, ReadDescriptor, WriteDescriptor};
pub use error::*;
pub use factory::{Built, ClientFactory, Factory, SharedFactory, WeakFactory, factory};
pub use happy_eyeballs::happy_eyeballs;
pub use layer::{Layer, LayerIo, Layered};
pub use network::{Certificate, Network, Security, SharedStream, Stream, StreamEnd};
pub use options::{ConnectOptions, DatagramOptions, ListenOptions};
#[cfg(unix)]
pub use options::{UnixConnectOptions, UnixOptions};
#[cfg(feature = "tower")]
pub use persistent::{ConnectionSource, PersistentCall, PersistentService};
pub use port::Port;
pub use producer::{Producer, ProducerKind};
pub use protocol::{ConnectionEvent, Protocol, short_name};
pub use reactor::{
    HostedReactor, Inventory, OpenConnection, OpenDescriptor, OpenPort, PendingCall, Reactor,
    Remote, RemoteObject, RemoteResult, RunOptions, Signal, SignalError, SystemEventTrigger,
    blocking_call_from_thread, reactor,
};
pub use reconnecting::{ReconnectHandle, ReconnectingClientFactory};
pub use shared_io_error::SharedIoError;
pub use stream::{AsyncFactory, ConnectionStream, StreamProtocol, StreamTaken, async_factory};
pub use threads::{
    ReactorThread, ThreadPool, ThreadPoolError, call_multiple_in_thread, defer_to_thread,
    defer_to_thread_pool,
};
pub use transport::{ReadAhead, SocketError, Transport, WaterMarks};
