//! [`TimeoutMixin`]: a protocol that closes its own connection when nothing
//! has come for a while.
//!
//! Mirrors `twisted.protocols.policies.TimeoutMixin`. Tested in
//! `tests/policies/policies.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

use reactor_compat::{Connection, DelayedCall, ReactorTime, Transport};

/// A protocol with one time limit, which starts anew whenever the protocol
/// says so.
///
/// The protocol holds a [`Timeout`], and says where. When the time is up,
/// [`timeout_connection`](Self::timeout_connection) is called, which closes
/// the connection unless the protocol does something else there. `T` is its
/// transport: a `LineReceiver` is a `TimeoutMixin<LineTransport>`.
///
/// ```
/// use deferred::time::Clock;
/// use protocols::policies::{Timeout, TimeoutMixin};
/// use reactor_compat::testing::StringTransport;
/// use reactor_compat::{Connection, Protocol};
/// use std::time::Duration;
///
/// struct Impatient {
///     timeout: Timeout,
/// }
///
/// impl TimeoutMixin for Impatient {
///     fn timeout(&mut self) -> &mut Timeout {
///         &mut self.timeout
///     }
/// }
///
/// impl Protocol for Impatient {
///     fn connection_made(&mut self, transport: &Connection<Self>) {
///         self.set_timeout(transport, Duration::from_secs(3));
///     }
///
///     fn data_received(&mut self, _: &Connection<Self>, _: &[u8]) {
///         self.reset_timeout();
///     }
/// }
///
/// let clock = Clock::new();
/// let transport = StringTransport::new(Impatient { timeout: Timeout::new(&clock) });
/// clock.advance(Duration::from_secs(2));
/// transport.data_received(b"still here");
/// clock.advance(Duration::from_secs(2));
/// assert!(transport.connected());
/// clock.advance(Duration::from_secs(1));
/// assert!(transport.disconnecting());
/// ```
pub trait TimeoutMixin<T: AsRef<Transport> + 'static = Transport>: Sized + 'static {
    /// Where the protocol keeps its timeout.
    fn timeout(&mut self) -> &mut Timeout;

    /// The time is up. Closes the connection, unless the protocol knows
    /// something better.
    #[doc(alias = "timeoutConnection")]
    fn timeout_connection(&mut self, transport: &Connection<Self, T>) {
        transport.transport().as_ref().lose_connection();
    }

    /// Sets the time limit, counted from now, or with `None` does away with
    /// it. Returns the one there was.
    ///
    /// If the protocol is busy when the time is up, it hears of it when it is
    /// free.
    #[doc(alias = "setTimeout")]
    fn set_timeout(
        &mut self,
        transport: &Connection<Self, T>,
        period: impl Into<Option<Duration>>,
    ) -> Option<Duration> {
        let me = transport.me();
        self.timeout().set(period.into(), move || {
            drop(me.call(|this, transport| this.timeout_connection(transport)));
        })
    }

    /// Does away with the time limit, as `set_timeout` does with `None`; it needs no
    /// transport, and so can be called when there is none yet, or no more. Returns the
    /// limit that there was.
    ///
    /// ```
    /// use deferred::time::{Clock, ReactorTime};
    /// use protocols::policies::{Timeout, TimeoutMixin};
    /// use reactor_compat::testing::StringTransport;
    /// use reactor_compat::{Connection, Protocol};
    /// use std::time::Duration;
    ///
    /// struct Greeted(Timeout);
    ///
    /// impl TimeoutMixin for Greeted {
    ///     fn timeout(&mut self) -> &mut Timeout {
    ///         &mut self.0
    ///     }
    /// }
    ///
    /// impl Protocol for Greeted {
    ///     fn connection_made(&mut self, transport: &Connection<Self>) {
    ///         self.set_timeout(transport, Duration::from_secs(3));
    ///     }
    ///
    ///     fn data_received(&mut self, _: &Connection<Self>, _: &[u8]) {
    ///         assert_eq!(self.clear_timeout(), Some(Duration::from_secs(3)));
    ///         assert_eq!(self.clear_timeout(), None);
    ///     }
    /// }
    ///
    /// let clock = Clock::new();
    /// let transport = StringTransport::new(Greeted(Timeout::new(&clock)));
    /// transport.data_received(b"hello");
    /// assert!(clock.get_delayed_calls().is_empty());
    /// ```
    #[doc(alias = "setTimeout")]
    fn clear_timeout(&mut self) -> Option<Duration> {
        self.timeout().clear()
    }

    /// Starts the time anew; without a limit, and once the time was up,
    /// nothing happens.
    #[doc(alias = "resetTimeout")]
    fn reset_timeout(&mut self) {
        self.timeout().reset();
    }
}

/// The timeout that a protocol with a [`TimeoutMixin`] holds: a clock, and a call that is
/// to be made.
///
/// Dropping it takes the call back.
///
/// ```
/// use deferred::time::{Clock, ReactorTime};
/// use protocols::policies::Timeout;
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let timeout = Timeout::new(&clock);
/// assert_eq!(timeout.set(Duration::from_secs(3).into(), || ()), None);
/// assert_eq!(timeout.period(), Some(Duration::from_secs(3)));
/// assert_eq!(clock.get_delayed_calls().len(), 1);
/// drop(timeout);
/// assert!(clock.get_delayed_calls().is_empty());
/// ```
pub struct Timeout {
    state: Rc<State>,
}

struct State {
    clock: Box<dyn ReactorTime>,
    period: Cell<Option<Duration>>,
    call: RefCell<Option<DelayedCall>>,
}

impl State {
    fn reset(&self) {
        if let (Some(call), Some(period)) = (&*self.call.borrow(), self.period.get()) {
            // One that was made, or taken back by others, stays as it is.
            let _ = call.reset(period);
        }
    }

    fn cancel(&self) {
        if let Some(call) = self.call.take() {
            let _ = call.cancel();
        }
    }
}

impl Timeout {
    /// One without a limit, for as long as none is set.
    ///
    /// See the [type's example](Self).
    pub fn new<C: ReactorTime + Clone + 'static>(clock: &C) -> Self {
        let state = State {
            clock: Box::new(clock.clone()),
            period: Cell::new(None),
            call: RefCell::default(),
        };
        Self { state: Rc::new(state) }
    }

    /// Sets the limit, counted from now, or with `None` does away with it.
    /// Returns the one there was.
    ///
    /// `time_is_up` is kept until the limit is set anew.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "setTimeout")]
    pub fn set(
        &self,
        period: Option<Duration>,
        time_is_up: impl FnOnce() + 'static,
    ) -> Option<Duration> {
        self.state.cancel();
        if let Some(period) = period {
            let state: Weak<State> = Rc::downgrade(&self.state);
            let call = self.state.clock.call_later_boxed(
                period,
                Box::new(move || {
                    if let Some(state) = state.upgrade() {
                        state.call.take();
                    }
                    time_is_up();
                }),
            );
            self.state.call.replace(Some(call));
        }
        self.state.period.replace(period)
    }

    /// Does away with the limit. Returns the one there was.
    ///
    /// ```
    /// # use deferred::time::{Clock, ReactorTime};
    /// # use protocols::policies::Timeout;
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let timeout = Timeout::new(&clock);
    /// timeout.set(Duration::from_secs(3).into(), || ());
    /// assert_eq!(timeout.clear(), Some(Duration::from_secs(3)));
    /// assert!(clock.get_delayed_calls().is_empty());
    /// ```
    #[doc(alias = "setTimeout")]
    pub fn clear(&self) -> Option<Duration> {
        self.set(None, || ())
    }

    /// Starts the time anew; without a limit, and once the time was up,
    /// nothing happens.
    ///
    /// ```
    /// # use deferred::time::{Clock, ReactorTime};
    /// # use protocols::policies::Timeout;
    /// # use std::time::Duration;
    /// let clock = Clock::new();
    /// let timeout = Timeout::new(&clock);
    /// timeout.set(Duration::from_secs(3).into(), || ());
    /// clock.advance(Duration::from_secs(2));
    /// timeout.reset();
    /// assert_eq!(clock.get_delayed_calls()[0].get_time(), Duration::from_secs(5));
    /// ```
    #[doc(alias = "resetTimeout")]
    pub fn reset(&self) {
        self.state.reset();
    }

    /// The limit in force.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "timeOut")]
    pub fn period(&self) -> Option<Duration> {
        self.state.period.get()
    }

    /// A function that starts the time anew, for as long as this lives.
    pub(super) fn resetter(&self) -> impl Fn() + use<> + 'static {
        let state = Rc::downgrade(&self.state);
        move || {
            if let Some(state) = state.upgrade() {
                state.reset();
            }
        }
    }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        self.state.cancel();
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("period", &self.state.period.get())
            .field("call", &self.state.call.borrow())
            .finish()
    }
}
