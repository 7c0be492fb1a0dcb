//! [`Connection`]: a protocol's transport, and the way back to the protocol.
//!
//! Tested in `tests/network/protocol.rs` and `tests/network/early_calls.rs`.

mod cell;
mod close;
mod driver;
mod first_layer;
mod if_gone;
mod protocol_callbacks;
mod read;
mod wait;

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::{Deferred, Failure, Outcome};

use cell::Call;
pub(crate) use cell::{CellState, Projection, ProtocolAccess, ProtocolCell};
pub(crate) use driver::{ConnectionObserver, Driver, Setup};
pub(crate) use first_layer::FirstLayer;
pub use if_gone::IfGone;
pub use protocol_callbacks::ProtocolCallbacks;

use crate::error::ConnectionGone;
use crate::guard;
use crate::transport::Transport;

/// A protocol's transport, and the way back to the protocol.
///
/// Every callback of a [`Protocol`](crate::Protocol) gets one. It derefs to
/// the [`Transport`], so `transport.write(..)` is said to it; and it is how
/// what happens later gets back to the protocol. Half of all Twisted code says
/// `d.addCallback(self.gotUser)` in a protocol's method; here that is
///
/// ```
/// # use deferred::{Deferred, Trigger};
/// # use reactor_compat::{Connection, Protocol, testing::StringTransport};
/// # use std::{cell::RefCell, rc::Rc};
/// # struct User { name: String }
/// # type Database = Rc<RefCell<Vec<Trigger<User>>>>;
/// struct Login {
///     database: Database,
///     user: Option<User>,
/// }
///
/// impl Protocol for Login {
///     fn data_received(&mut self, transport: &Connection<Self>, name: &[u8]) {
///         get_user(&self.database, name).add_callback(transport.wrap(Self::got_user));
///     }
/// }
///
/// impl Login {
///     fn got_user(&mut self, transport: &Connection<Self>, user: User) {
///         transport.write(format!("hello, {}", user.name));
///         self.user = Some(user);
///     }
/// }
/// # fn get_user(database: &Database, _: &[u8]) -> Deferred<User> {
/// #     let (user, trigger) = Deferred::new();
/// #     database.borrow_mut().push(trigger);
/// #     user
/// # }
/// # let database = Database::default();
/// # let login = StringTransport::new(Login { database: database.clone(), user: None });
/// # login.data_received(b"ada");
/// # database.take().remove(0).callback(User { name: "Ada".to_owned() })?;
/// # assert_eq!(login.take_value(), b"hello, Ada");
/// # Ok::<(), deferred::AlreadyCalledError>(())
/// ```
///
/// or, with a closure, [`d.add_callback_at(transport, |this, transport,
/// user| ..)`](ProtocolCallbacks::add_callback_at).
///
/// Such a callback gets `&mut` the protocol, and the connection:
///
/// - at once, if the protocol is free;
/// - as soon as its running callback returns, if it is busy; after `connection_made`, if
///   that is still to come, as it is when [`serve`](crate::Reactor::serve) returns;
/// - not at all, once `connection_lost` has been called. [`IfGone`] says what
///   its result is then.
///
/// It is cheap to clone, and keeps the protocol alive no longer than the
/// connection lives: a protocol may keep its own, or that of another protocol,
/// in itself.
///
/// `T` is the transport: a [`Transport`] where nothing else is said; that of a
/// [`DatagramConnection`](crate::DatagramConnection) is another.
pub struct Connection<P, T = Transport> {
    access: Rc<dyn ProtocolAccess<P, T>>,
}

impl<P: 'static, T: 'static> Connection<P, T> {
    pub(crate) fn new(access: Rc<dyn ProtocolAccess<P, T>>) -> Self {
        Self { access }
    }

    /// A clone, under the name that says what it is for.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Counter(u32);
    /// # impl Protocol for Counter {}
    /// let transport = StringTransport::new(Counter(0));
    /// let me = transport.connection().me();
    /// me.call(|this, _| this.0 += 1);
    /// assert_eq!(transport.inspect(|counter| counter.0), Some(1));
    /// ```
    #[must_use]
    pub fn me(&self) -> Self {
        self.clone()
    }

    /// The transport alone, to be kept where it does not matter what the
    /// protocol is.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, Transport, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// let everybody: Vec<Transport> = vec![transport.connection().transport().clone()];
    /// everybody[0].write("hello");
    /// assert_eq!(transport.take_value(), b"hello");
    /// ```
    pub fn transport(&self) -> &T {
        self.access.transport()
    }

    /// Whether the protocol is no more. One that has not been told of its connection is not
    /// gone.
    ///
    /// ```
    /// # use reactor_compat::{ConnectionDone, Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// assert!(!transport.connection().gone());
    /// transport.connection_lost(ConnectionDone);
    /// assert!(transport.connection().gone());
    /// ```
    pub fn gone(&self) -> bool {
        self.access.cell_state() == CellState::Gone
    }

    /// Runs `visit` with the protocol and this connection: now, when the
    /// protocol is free, or never. Before `connection_made` it waits for that. Calls
    /// that wait are made in their order; each is kept until then, so who makes them
    /// bounds how many they are.
    ///
    /// The Deferred has what it returned; a panic in it becomes a failure, and
    /// the connection goes on.
    ///
    /// # Cancellation
    ///
    /// Cancelling the Deferred of a call that waits for the protocol lets
    /// its result go; the call itself is still made.
    ///
    /// ```
    /// # use deferred::testing::{failure_result_of, success_result_of};
    /// # use reactor_compat::{ConnectionDone, ConnectionGone, Protocol, testing::StringTransport};
    /// struct Counter(u32);
    /// # impl Protocol for Counter {}
    ///
    /// let transport = StringTransport::new(Counter(7));
    /// let me = transport.connection().me();
    /// assert_eq!(success_result_of(me.call(|this, _| Ok(this.0))), 7);
    ///
    /// transport.connection_lost(ConnectionDone);
    /// assert!(failure_result_of(me.call(|this, _| Ok(this.0))).is::<ConnectionGone>());
    /// ```
    pub fn call<R: IfGone>(
        &self,
        visit: impl FnOnce(&mut P, &Self) -> R + 'static,
    ) -> Deferred<R::Value> {
        match self.call_when_free(visit) {
            Outcome::Done(Ok(value)) => Deferred::succeed(value),
            Outcome::Done(Err(failure)) => Deferred::fail(failure),
            Outcome::Wait(deferred) => deferred,
        }
    }

    /// A callback that runs `visit` at the protocol, as [`call`](Self::call)
    /// would, with what it is given.
    ///
    /// A method of the protocol does well here. A closure may have to name the
    /// type of its last argument; [`ProtocolCallbacks`] has methods where it need not.
    ///
    /// ```
    /// # use deferred::Deferred;
    /// # use reactor_compat::{Connection, Protocol, testing::StringTransport};
    /// struct Sum(u32);
    /// # impl Protocol for Sum {}
    ///
    /// impl Sum {
    ///     fn add(&mut self, _: &Connection<Self>, n: u32) {
    ///         self.0 += n;
    ///     }
    /// }
    ///
    /// let transport = StringTransport::new(Sum(0));
    /// let me = transport.connection();
    /// Deferred::succeed(3).add_callback(me.wrap(Sum::add));
    /// Deferred::succeed(4).add_callback(me.wrap(|this, _, n: u32| this.0 += n));
    /// assert_eq!(transport.inspect(|sum| sum.0), Some(7));
    /// ```
    pub fn wrap<A: 'static, R: IfGone>(
        &self,
        visit: impl FnOnce(&mut P, &Self, A) -> R + 'static,
    ) -> impl FnOnce(A) -> Outcome<R::Value> + 'static {
        let me = self.clone();
        move |argument| me.call_when_free(move |this, transport| visit(this, transport, argument))
    }

    /// A function that runs `visit` at the protocol each time it is called, for
    /// what calls more than once.
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// let ping = transport.connection().wrap_fn(|_, transport| transport.write("ping "));
    /// ping();
    /// ping();
    /// assert_eq!(transport.take_value(), b"ping ping ");
    /// ```
    pub fn wrap_fn<R: IfGone>(
        &self,
        visit: impl Fn(&mut P, &Self) -> R + 'static,
    ) -> impl Fn() -> Deferred<R::Value> + 'static {
        let me = self.clone();
        let visit = Rc::new(visit);
        move || {
            let visit = visit.clone();
            me.call(move |this, transport| visit(this, transport))
        }
    }

    /// The same for a part of the protocol, to which `part` leads: a protocol
    /// that runs a handler gives it this.
    ///
    /// It costs an allocation; a protocol makes it once, when its connection
    /// is made, and keeps it.
    ///
    /// ```
    /// # use reactor_compat::{Connection, Protocol, testing::StringTransport};
    /// #[derive(Default)]
    /// struct Shouter {
    ///     shouted: usize,
    /// }
    ///
    /// struct Shell {
    ///     handler: Shouter,
    /// }
    /// # impl Protocol for Shell {}
    ///
    /// let transport = StringTransport::new(Shell { handler: Shouter::default() });
    /// let me: Connection<Shouter> = transport.connection().project(|shell| &mut shell.handler);
    /// me.call(|handler, transport| {
    ///     handler.shouted += 1;
    ///     transport.write("HEY");
    /// });
    /// assert_eq!(transport.inspect(|shell| shell.handler.shouted), Some(1));
    /// ```
    pub fn project<H: 'static>(
        &self,
        part: impl Fn(&mut P) -> &mut H + 'static,
    ) -> Connection<H, T> {
        self.project_if(move |whole| Some(part(whole)))
    }

    /// The same for a part that is there only sometimes, such as that of a
    /// variant of an enum: while it is not, it is as if the protocol were
    /// [gone](IfGone).
    ///
    /// ```
    /// # use reactor_compat::{Protocol, testing::StringTransport};
    /// struct Shell {
    ///     editor: Option<String>,
    /// }
    /// # impl Protocol for Shell {}
    ///
    /// let transport = StringTransport::new(Shell { editor: None });
    /// let editor = transport.connection().project_if(|shell| shell.editor.as_mut());
    /// editor.call(|text, _| text.push_str("lost"));
    /// transport.connection().call(|shell, _| shell.editor = Some(String::new()));
    /// editor.call(|text, _| text.push_str("kept"));
    /// let text = transport.inspect(|shell| shell.editor.clone()).flatten();
    /// assert_eq!(text.as_deref(), Some("kept"));
    /// ```
    pub fn project_if<H: 'static>(
        &self,
        part: impl Fn(&mut P) -> Option<&mut H> + 'static,
    ) -> Connection<H, T> {
        Connection::new(Rc::new(Projection::new(self.access.clone(), part)))
    }

    /// The same with another transport, such as one that sends lines: a
    /// protocol that runs a handler for its lines gives it this.
    ///
    /// It costs an allocation, as [`project`](Self::project) does.
    ///
    /// ```
    /// use std::ops::Deref;
    /// # use reactor_compat::{Connection, Protocol, Transport, testing::StringTransport};
    ///
    /// /// Sends words, with a blank behind each.
    /// struct Words(Transport);
    ///
    /// impl Words {
    ///     fn send_word(&self, word: &str) {
    ///         self.0.write_sequence([word, " "]);
    ///     }
    /// }
    ///
    /// impl Deref for Words {
    ///     type Target = Transport;
    ///     fn deref(&self) -> &Transport {
    ///         &self.0
    ///     }
    /// }
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    ///
    /// let transport = StringTransport::new(Silent);
    /// let words = Words(transport.transport().clone());
    /// let me: Connection<Silent, Words> = transport.connection().with_transport(words);
    /// me.send_word("hello");
    /// assert!(me.connected());
    /// assert_eq!(transport.take_value(), b"hello ");
    /// ```
    #[must_use]
    pub fn with_transport<U: 'static>(&self, transport: U) -> Connection<P, U> {
        Connection::new(Rc::new(WithTransport { protocol: self.access.clone(), transport }))
    }

    /// Runs `visit` now, later or never, as [`call`](Self::call) says.
    fn call_when_free<R: IfGone>(
        &self,
        visit: impl FnOnce(&mut P, &Self) -> R + 'static,
    ) -> Outcome<R::Value> {
        match self.access.cell_state() {
            CellState::Free => self.visit_now(visit),
            CellState::New | CellState::Busy => self.visit_later(visit),
            CellState::Gone => Outcome::Done(R::if_gone()),
        }
    }

    fn visit_now<R: IfGone>(&self, visit: impl FnOnce(&mut P, &Self) -> R) -> Outcome<R::Value> {
        let outcome = self.visit(|this| outcome_of(|| visit(this, self)));
        outcome.unwrap_or_else(|| Outcome::Done(R::if_gone()))
    }

    /// Runs `visit` at the protocol, if that is there, and free.
    pub(crate) fn visit<R>(&self, visit: impl FnOnce(&mut P) -> R) -> Option<R> {
        let mut visit = Some(visit);
        let mut result = None;
        self.access.visit(&mut |this| result = visit.take().map(|visit| visit(this)));
        result
    }

    fn visit_later<R: IfGone>(
        &self,
        visit: impl FnOnce(&mut P, &Self) -> R + 'static,
    ) -> Outcome<R::Value> {
        let (deferred, trigger) = Deferred::new();
        let me = self.clone();
        self.access.wait(Box::new(move |this| {
            let outcome = match this {
                Some(this) => outcome_of(|| visit(this, &me)),
                None => Outcome::Done(R::if_gone()),
            };
            // Whoever cancelled it does not want to know.
            let _ = match outcome {
                Outcome::Done(result) => trigger.fire(result),
                Outcome::Wait(deferred) => {
                    drop(deferred.chain_deferred(trigger));
                    Ok(())
                }
            };
        }));
        Outcome::Wait(deferred)
    }
}

/// Access to a protocol, with another transport.
struct WithTransport<P, T, U> {
    protocol: Rc<dyn ProtocolAccess<P, T>>,
    transport: U,
}

impl<P: 'static, T: 'static, U> ProtocolAccess<P, U> for WithTransport<P, T, U> {
    fn cell_state(&self) -> CellState {
        self.protocol.cell_state()
    }

    fn visit(&self, visit: &mut dyn FnMut(&mut P)) {
        self.protocol.visit(visit);
    }

    fn wait(&self, call: Call<P>) {
        self.protocol.wait(call);
    }

    fn transport(&self) -> &U {
        &self.transport
    }
}

fn outcome_of<R: IfGone>(visit: impl FnOnce() -> R) -> Outcome<R::Value> {
    match guard::catch(visit) {
        Ok(result) => result.into_outcome(),
        Err(failure) => Outcome::Done(Err(failure)),
    }
}

/// The failure of a call to a protocol that is gone.
pub(crate) fn gone() -> Failure {
    Failure::new(ConnectionGone)
}

impl<P, T> Clone for Connection<P, T> {
    fn clone(&self) -> Self {
        Self { access: self.access.clone() }
    }
}

impl<P, T> Deref for Connection<P, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.access.transport()
    }
}

impl<P, T: fmt::Debug> fmt::Debug for Connection<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("protocol", &self.access.cell_state())
            .field("transport", self.access.transport())
            .finish()
    }
}
