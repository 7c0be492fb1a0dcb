//! [`RemoteObject`]: an object that lives on a reactor's thread, from others.
//!
//! Mirrors nothing of Twisted's, whose threads share their objects. Tested in
//! `tests/runtime/remote.rs`.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::sync::Arc;

use deferred::{CallbackResult, Failure, maybe_deferred};

use super::{Remote, RemoteCall, RemoteResult};
use crate::error::{ReactorStopped, RemoteObjectBusy};
use crate::guard;
use crate::reactor::{Extension, Reactor};

/// An object that lives on a reactor's thread: a handle that any thread may
/// keep, clone and use, whatever the object is.
///
/// [`Remote::keep`] makes one. The object is dropped, on its own thread, when the
/// last handle goes, or at the end of the reactor's run; from then on all calls
/// fail with [`ReactorStopped`].
///
/// ```
/// use deferred::Failure;
/// use reactor_compat::Reactor;
/// use std::{cell::RefCell, rc::Rc};
///
/// // Nothing that another thread could touch.
/// struct Counter(Rc<RefCell<u32>>);
///
/// #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
/// async fn main() -> Result<(), Failure> {
///     let background = Reactor::spawn_thread()?;
///     let counter = background.remote().keep(|| Ok(Counter(Rc::default()))).await?;
///     for _ in 0..2 {
///         let counter = counter.clone();
///         tokio::spawn(async move {
///             counter.call(|counter| *counter.0.borrow_mut() += 1).await
///         })
///         .await??;
///     }
///     assert_eq!(counter.call(|counter| Ok(*counter.0.borrow())).await?, 2);
///     Ok(())
/// }
/// ```
pub struct RemoteObject<T> {
    key: Arc<Key>,
    _of: PhantomData<fn() -> T>,
}

/// Where the object is; dropping it drops the object.
struct Key {
    remote: Remote,
    number: u64,
}

/// The objects of a reactor, by number.
#[derive(Default)]
struct Objects {
    /// One is out while it is being called.
    objects: RefCell<BTreeMap<u64, Option<Box<dyn Any>>>>,
    next: Cell<u64>,
}

impl Objects {
    fn insert(&self, object: Box<dyn Any>) -> u64 {
        let number = self.next.get();
        self.next.set(number + 1);
        self.objects.borrow_mut().insert(number, Some(object));
        number
    }

    fn remove(&self, number: u64) {
        let removed = self.objects.borrow_mut().remove(&number);
        guard::run("an object that was kept", || drop(removed));
    }

    /// Takes an object out, to be called.
    fn take<T: 'static>(&self, number: u64) -> Result<Box<T>, Failure> {
        let mut objects = self.objects.borrow_mut();
        let object = objects.get_mut(&number).ok_or(ReactorStopped)?;
        let object = object.take().ok_or(RemoteObjectBusy)?;
        // Its handle knows its type.
        object.downcast().map_err(|_| RemoteObjectBusy.into())
    }

    /// Puts an object back, unless it was given up meanwhile.
    fn put_back<T: 'static>(&self, number: u64, object: Box<T>) {
        let mut objects = self.objects.borrow_mut();
        let left = match objects.get_mut(&number) {
            Some(place) => place.replace(object),
            None => Some(object as Box<dyn Any>),
        };
        drop(objects);
        guard::run("an object that was kept", || drop(left));
    }
}

impl Extension for Objects {
    fn run_ended(&self) {
        let objects = mem::take(&mut *self.objects.borrow_mut());
        for object in objects.into_values() {
            guard::run("an object that was kept", || drop(object));
        }
    }
}

impl Remote {
    /// Makes an object on the reactor's thread that stays there, and gives a
    /// handle to it that goes anywhere.
    ///
    /// `make` may return what a callback may: a `Result`, or a `Deferred` of the
    /// object, such as a client that is connecting.
    ///
    /// It fails as [`run`](Self::run) does. See the example of [`RemoteObject`].
    pub fn keep<R>(
        &self,
        make: impl FnOnce() -> R + Send + 'static,
    ) -> RemoteResult<RemoteObject<R::Value>>
    where
        R: CallbackResult,
    {
        let remote = self.clone();
        self.run_in(move |reactor| {
            let its = reactor.downgrade();
            maybe_deferred(make).add_callback(move |object| {
                let reactor = its.upgrade().ok_or(ReactorStopped)?;
                let number = reactor.extension::<Objects>().insert(Box::new(object));
                Ok(RemoteObject::new(Key { remote, number }))
            })
        })
    }
}

impl<T: 'static> RemoteObject<T> {
    fn new(key: Key) -> Self {
        Self { key: Arc::new(key), _of: PhantomData }
    }

    /// Calls `function` with the object, on its thread, soon, and gives the
    /// result as a future.
    ///
    /// `function` may return what a callback may, such as the Deferred that a
    /// method of the object gives. Calls are made in the order in which they are
    /// asked for; one that waits for a Deferred does not hold up the next.
    ///
    /// It fails as [`Remote::run`] does; and with [`RemoteObjectBusy`] if the
    /// reactor takes a turn inside another call of the same object, as only a
    /// [hosted](Reactor::hosted) one can.
    ///
    /// See the [type's example](Self).
    pub fn call<R>(
        &self,
        function: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> RemoteResult<R::Value>
    where
        R: CallbackResult<Value: Send>,
    {
        // The object is there until the call has been made.
        let key = self.key.clone();
        self.key.remote.run_in(move |reactor| {
            let objects = reactor.extension::<Objects>();
            let result = maybe_deferred(|| {
                let mut object = objects.take::<T>(key.number)?;
                let outcome = guard::catch(|| function(&mut object).into_outcome());
                objects.put_back(key.number, object);
                outcome
            });
            result.add_callback(|outcome| outcome)
        })
    }

    /// The reactor that it lives in.
    ///
    /// ```
    /// use reactor_compat::Reactor;
    ///
    /// let background = Reactor::spawn_thread()?;
    /// let kept = background.remote().keep(|| Ok(7));
    /// let kept = futures::executor::block_on(kept).unwrap();
    /// assert!(*kept.remote() == background.remote());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn remote(&self) -> &Remote {
        &self.key.remote
    }
}

impl<T> Clone for RemoteObject<T> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), _of: PhantomData }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let number = self.number;
        let remove = move |reactor: &Reactor| reactor.extension::<Objects>().remove(number);
        // One whose reactor has stopped is gone.
        let _ = self.remote.post(RemoteCall::Run(Box::new(remove)));
    }
}

impl<T> fmt::Debug for RemoteObject<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteObject").field("remote", &self.key.remote).finish_non_exhaustive()
    }
}
