//! [`ProtocolCallbacks`]: callbacks of a Deferred that are called at a protocol.
//!
//! Tested in `tests/network/protocol.rs`.

use deferred::{Deferred, Failure};

use super::{Connection, IfGone};

/// Methods of [`Deferred`] that add callbacks to be called at a protocol, with
/// the types of all arguments known.
///
/// ```
/// use deferred::Deferred;
/// use reactor_compat::{ProtocolCallbacks, Protocol, testing::StringTransport};
///
/// struct Pager;
/// impl Protocol for Pager {}
///
/// let transport = StringTransport::new(Pager);
/// let me = transport.connection();
/// Deferred::succeed("page")
///     .add_callback_at(me, |_this, transport, page| transport.write(page.to_uppercase()))
///     .add_errback_at(me, |_this, transport, _failure| transport.lose_connection());
/// assert_eq!(transport.take_value(), b"PAGE");
/// ```
pub trait ProtocolCallbacks<T> {
    /// [`add_callback`](Deferred::add_callback), called at the
    /// protocol of `connection`.
    ///
    /// ```
    /// # use deferred::{Deferred, testing::success_result_of};
    /// # use reactor_compat::{ProtocolCallbacks, Protocol, testing::StringTransport};
    /// struct Offset(u32);
    /// # impl Protocol for Offset {}
    ///
    /// let transport = StringTransport::new(Offset(40));
    /// let sum = Deferred::succeed(2).add_callback_at(transport.connection(), |this, _, n| Ok(this.0 + n));
    /// assert_eq!(success_result_of(sum), 42);
    /// ```
    #[doc(alias = "addCallback")]
    fn add_callback_at<P: 'static, X: 'static, R: IfGone>(
        self,
        connection: &Connection<P, X>,
        callback: impl FnOnce(&mut P, &Connection<P, X>, T) -> R + 'static,
    ) -> Deferred<R::Value>;

    /// [`add_errback`](Deferred::add_errback), called at the
    /// protocol of `connection`.
    ///
    /// ```
    /// # use deferred::Deferred;
    /// # use reactor_compat::{ProtocolCallbacks, Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// Deferred::<()>::fail(std::fmt::Error)
    ///     .add_errback_at(transport.connection(), |_, transport, failure| {
    ///         transport.write(failure.get_error_message());
    ///     });
    /// assert!(!transport.take_value().is_empty());
    /// ```
    #[doc(alias = "addErrback")]
    fn add_errback_at<P: 'static, X: 'static, R: IfGone<Value = T>>(
        self,
        connection: &Connection<P, X>,
        errback: impl FnOnce(&mut P, &Connection<P, X>, Failure) -> R + 'static,
    ) -> Deferred<T>;

    /// [`add_both`](Deferred::add_both), called at the
    /// protocol of `connection`.
    ///
    /// ```
    /// # use deferred::Deferred;
    /// # use reactor_compat::{ProtocolCallbacks, Protocol, testing::StringTransport};
    /// # struct Silent;
    /// # impl Protocol for Silent {}
    /// let transport = StringTransport::new(Silent);
    /// Deferred::succeed(1).add_both_at(transport.connection(), |_, transport, result| {
    ///     transport.write(if result.is_ok() { "yes" } else { "no" });
    /// });
    /// assert_eq!(transport.take_value(), b"yes");
    /// ```
    #[doc(alias = "addBoth")]
    fn add_both_at<P: 'static, X: 'static, R: IfGone>(
        self,
        connection: &Connection<P, X>,
        callback: impl FnOnce(&mut P, &Connection<P, X>, Result<T, Failure>) -> R + 'static,
    ) -> Deferred<R::Value>;
}

impl<T: 'static> ProtocolCallbacks<T> for Deferred<T> {
    fn add_callback_at<P: 'static, X: 'static, R: IfGone>(
        self,
        connection: &Connection<P, X>,
        callback: impl FnOnce(&mut P, &Connection<P, X>, T) -> R + 'static,
    ) -> Deferred<R::Value> {
        self.add_callback(connection.wrap(callback))
    }

    fn add_errback_at<P: 'static, X: 'static, R: IfGone<Value = T>>(
        self,
        connection: &Connection<P, X>,
        errback: impl FnOnce(&mut P, &Connection<P, X>, Failure) -> R + 'static,
    ) -> Self {
        self.add_errback(connection.wrap(errback))
    }

    fn add_both_at<P: 'static, X: 'static, R: IfGone>(
        self,
        connection: &Connection<P, X>,
        callback: impl FnOnce(&mut P, &Connection<P, X>, Result<T, Failure>) -> R + 'static,
    ) -> Deferred<R::Value> {
        self.add_both(connection.wrap(callback))
    }
}
