//! [`Inventory`]: all that a reactor has to do, for those who debug.
//!
//! Mirrors what one looks up in Twisted with `getDelayedCalls`, `getReaders`
//! and `getWriters`. Tested in `tests/runtime/inventory.rs`.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use deferred::DebugInfo;
use deferred::time::DelayedCall;

use super::{Core, Reactor};
use crate::address::{Address, Target};

/// All that a reactor has to do: its delayed calls, ports and connections, and
/// what is waited for on its thread, as they are when it is asked.
///
/// Its `Display` is a text of a line each.
///
/// ```
/// use reactor_compat::{Reactor, ReactorTime};
/// use std::time::Duration;
///
/// let reactor = Reactor::new();
/// reactor.call_later(Duration::from_secs(60), || ());
/// let inventory = reactor.inventory();
/// assert_eq!(inventory.delayed_calls.len(), 1);
/// assert!(inventory.to_string().starts_with("1 delayed call, 0 ports, 0 connections"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inventory {
    /// The calls that are pending, the next one first.
    pub delayed_calls: Vec<PendingCall>,
    /// The ports that are open.
    pub ports: Vec<OpenPort>,
    /// The connections that there are.
    pub connections: Vec<OpenConnection>,
    /// The file descriptors that were added.
    pub descriptors: Vec<OpenDescriptor>,
    /// Where connections are being made to.
    pub connecting: Vec<Target>,
    /// How many functions run in the reactor's thread pool.
    pub threads_working: usize,
    /// How many functions wait for a thread of it.
    pub threads_waiting: usize,
    /// The Deferreds of the thread that have not been fired, as far as they
    /// were made while [debugging](deferred::set_debugging) was on.
    pub unfired_deferreds: Vec<DebugInfo>,
}

/// A delayed call that is pending.
///
/// ```
/// use reactor_compat::{Reactor, ReactorTime};
/// use std::time::Duration;
///
/// deferred::set_debugging(true);
/// let reactor = Reactor::new();
/// reactor.call_later(Duration::from_secs(60), || ()); let here = line!();
/// let call = &reactor.inventory().delayed_calls[0];
/// assert!(call.due_in <= Duration::from_secs(60));
/// assert!(call.made_at.is_some_and(|place| place.line() == here));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingCall {
    /// In how long it is due; zero if it should have been made.
    pub due_in: Duration,
    /// Where it was scheduled; known if [debugging] was on then, and
    /// `call_later` was called on the reactor itself.
    ///
    /// [debugging]: deferred::set_debugging
    pub made_at: Option<&'static Location<'static>>,
}

/// A port that is open.
///
/// ```
/// # use reactor_compat::{Address, Protocol, Reactor};
/// # struct Silent;
/// # impl Protocol for Silent {}
/// let reactor = Reactor::new();
/// let port = reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Silent)?; let here = line!();
/// let open = &reactor.inventory().ports[0];
/// assert_eq!(&open.host, port.get_host());
/// assert_eq!(open.made_at.line(), here);
/// # Ok::<(), reactor_compat::CannotListenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenPort {
    /// Its address.
    pub host: Address,
    /// Where it was opened, or adopted.
    pub made_at: &'static Location<'static>,
}

/// A connection that there is.
///
/// See the example of [`Inventory`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenConnection {
    /// Our end.
    pub host: Address,
    /// The other end.
    pub peer: Address,
    /// How many bytes were written that have not been sent.
    pub unsent: usize,
}

/// A file descriptor that was added, by
/// [`add_reader`](Reactor::add_reader) or [`add_writer`](Reactor::add_writer).
///
/// See the example of [`Inventory`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenDescriptor {
    /// Its name in the log.
    pub name: String,
    /// Whether it is waited for to be readable.
    pub reading: bool,
    /// Whether it is waited for to be writable.
    pub writing: bool,
}

/// Where delayed calls were made, while debugging is on.
#[derive(Default)]
pub(super) struct CallSites {
    sites: RefCell<Vec<(DelayedCall, &'static Location<'static>)>>,
}

impl CallSites {
    /// Notes where `call` was made, and forgets those that are over once they
    /// are many.
    pub(super) fn note(
        &self,
        call: &DelayedCall,
        site: &'static Location<'static>,
        pending: usize,
    ) {
        let mut sites = self.sites.borrow_mut();
        if sites.len() > 2 * pending + 64 {
            sites.retain(|(call, _)| call.active());
        }
        sites.push((call.clone(), site));
    }

    fn find(&self, call: &DelayedCall) -> Option<&'static Location<'static>> {
        let sites = self.sites.borrow();
        sites.iter().find(|(noted, _)| noted == call).map(|(_, site)| *site)
    }
}

impl Reactor {
    /// All that it has to do.
    ///
    /// See the example of [`Inventory`].
    #[doc(alias = "getReaders")]
    #[doc(alias = "getWriters")]
    pub fn inventory(&self) -> Inventory {
        self.core.inventory(self.get_delayed_calls())
    }
}

impl Core {
    fn inventory(&self, calls: Vec<DelayedCall>) -> Inventory {
        let now = self.epoch.seconds();
        let pending = |call: DelayedCall| PendingCall {
            due_in: call.get_time().saturating_sub(now),
            made_at: self.call_sites.find(&call),
        };
        let mut inventory = Inventory {
            delayed_calls: calls.into_iter().map(pending).collect(),
            unfired_deferreds: deferred::unfired(),
            ..Inventory::default()
        };
        self.shared.registry.describe(&mut inventory);
        self.extensions.for_each(|extension| extension.describe(&mut inventory));
        inventory
    }
}

/// `1 port`, `2 ports`.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", count(self.delayed_calls.len(), "delayed call"))?;
        write!(f, ", {}", count(self.ports.len(), "port"))?;
        write!(f, ", {}", count(self.connections.len(), "connection"))?;
        write!(f, ", {}", count(self.connecting.len(), "attempt"))?;
        writeln!(f, ", {} in threads, {} waiting", self.threads_working, self.threads_waiting)?;
        for call in &self.delayed_calls {
            write!(f, "delayed call in {:?}", call.due_in)?;
            match call.made_at {
                Some(place) => writeln!(f, ", made at {place}")?,
                None => writeln!(f)?,
            }
        }
        for OpenPort { host, made_at } in &self.ports {
            writeln!(f, "port {host}, made at {made_at}")?;
        }
        for OpenConnection { host, peer, unsent } in &self.connections {
            writeln!(f, "connection {host} to {peer}, {unsent} bytes unsent")?;
        }
        for OpenDescriptor { name, reading, writing } in &self.descriptors {
            writeln!(f, "descriptor {name}, reading: {reading}, writing: {writing}")?;
        }
        for destination in &self.connecting {
            writeln!(f, "connecting to {destination}")?;
        }
        for deferred in &self.unfired_deferreds {
            writeln!(f, "unfired Deferred, {deferred}")?;
        }
        Ok(())
    }
}
