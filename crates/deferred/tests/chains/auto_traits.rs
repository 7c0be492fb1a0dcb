//! Which types may leave their thread, and which futures may be moved: a table
//! that the compiler checks.

use std::cell::Cell;
use std::rc::Rc;

use deferred::testing::LoggedErrors;
use deferred::time::{Clock, DelayedCall, DelayedCallError, TimerQueue};
use deferred::unhandled::{UnhandledError, UnhandledObserver};
use deferred::{
    AlreadyCalledError, CancelHandle, CancelledError, ChainCycleError, DebugInfo, Deferred,
    DeferredList, DeferredLock, DeferredLockGuard, DeferredQueue, DeferredSemaphore,
    DeferredSemaphoreGuard, Failure, FailureGroup, FirstCallback, FirstError, ListOutcome,
    NoTokensError, Outcome, Panic, QueueClosed, QueueOverflow, QueueSink, QueueSinkError,
    QueueStream, QueueUnderflow, ReleaseError, ResultTakenError, SendFuture, TimeoutError, Trigger,
    Waiters,
};

/// Neither `Send`, `Sync` nor `Unpin`.
type Fixed = (Rc<Cell<u8>>, std::marker::PhantomPinned);

/// Whether a type has a trait, where the answer may be no: the inherent
/// constant is there only with the trait, and else the one of `Not` is found.
struct Is<T>(std::marker::PhantomData<T>);

trait Not {
    const SEND: bool = false;
    const SYNC: bool = false;
    const UNPIN: bool = false;
    const CLONE: bool = false;
    const ERROR: bool = false;
}

impl<T> Not for Is<T> {}

impl<T: Send> Is<T> {
    const SEND: bool = true;
}

impl<T: Sync> Is<T> {
    const SYNC: bool = true;
}

impl<T: Unpin> Is<T> {
    const UNPIN: bool = true;
}

impl<T: Clone> Is<T> {
    const CLONE: bool = true;
}

impl<T: std::error::Error> Is<T> {
    const ERROR: bool = true;
}

macro_rules! table {
    ($($type:ty: $send:literal $sync:literal $unpin:literal $clone:literal;)*) => {
        $(
            assert_eq!(
                (Is::<$type>::SEND, Is::<$type>::SYNC, Is::<$type>::UNPIN, Is::<$type>::CLONE),
                ($send, $sync, $unpin, $clone),
                stringify!($type),
            );
        )*
    };
}

/// The table can tell yes from no.
#[test]
fn the_table_tells_yes_from_no() {
    table! {
        //                          Send  Sync  Unpin Clone
        u8:                         true  true  true  true;
        Cell<u8>:                   true  false true  true;
        Fixed:                      false false false true;
        std::sync::Mutex<u8>:       true  true  true  false;
    }
}

/// What belongs to a chain stays on its thread, and can be moved though what
/// it will give cannot.
#[test]
fn what_stays_on_its_thread() {
    table! {
        //                          Send  Sync  Unpin Clone
        Deferred<u8>:               false false true  false;
        Deferred<Fixed>:            false false true  false;
        Trigger<u8>:                false false true  true;
        Trigger<Fixed>:             false false true  true;
        CancelHandle:               false false true  true;
        DeferredList<u8>:           false false true  false;
        FirstCallback<u8>:          false false true  false;
        DeferredLock:               false false true  true;
        DeferredLockGuard:          false false true  false;
        DeferredSemaphore:          false false true  true;
        DeferredSemaphoreGuard:     false false true  false;
        DeferredQueue<u8>:          false false true  true;
        DeferredQueue<Fixed>:       false false true  true;
        QueueStream<Fixed>:         false false true  false;
        QueueSink<Fixed>:           false false true  false;
        Waiters<Fixed>:             false false true  true;
        Clock:                      false false true  true;
        TimerQueue:                 false false true  true;
        DelayedCall:                false false true  true;
        LoggedErrors:               false false true  false;
        UnhandledObserver:              false false true  false;
        Outcome<u8>:                false false true  false;
    }
}

/// Failures and all errors cross threads.
#[test]
fn what_crosses_threads() {
    table! {
        //                          Send  Sync  Unpin Clone
        Failure:                    true  true  true  true;
        Panic:                      true  true  true  true;
        AlreadyCalledError:         true  true  true  true;
        CancelledError:             true  true  true  true;
        ChainCycleError:            true  true  true  true;
        ResultTakenError:           true  true  true  true;
        TimeoutError:               true  true  true  true;
        FirstError:                 true  true  true  true;
        FailureGroup:               true  true  true  true;
        ReleaseError:               true  true  true  true;
        NoTokensError:              true  true  true  true;
        QueueUnderflow:             true  true  true  true;
        QueueClosed:                true  true  true  true;
        QueueSinkError:             true  true  true  true;
        QueueOverflow<u8>:          true  true  true  true;
        QueueOverflow<Rc<u8>>:      false false true  true;
        DelayedCallError:           true  true  true  true;
        DebugInfo:                  true  true  true  true;
        UnhandledError:             true  true  true  true;
        ListOutcome<u8>:            true  true  true  false;
    }
}

/// The future that is made to travel does, with what it carries.
#[test]
fn what_is_made_to_travel() {
    table! {
        //                          Send  Sync  Unpin Clone
        SendFuture<u8>:             true  true  true  false;
        SendFuture<Cell<u8>>:       true  true  true  false;
        SendFuture<Rc<u8>>:         false false true  false;
    }
}

/// Each error is an error, and none but errors is: a Failure is none, or it
/// could not be made of every one.
#[test]
fn what_is_an_error() {
    fn is_error<E: std::error::Error + Send + Sync + 'static>() {}
    is_error::<AlreadyCalledError>();
    is_error::<CancelledError>();
    is_error::<ChainCycleError>();
    is_error::<DelayedCallError>();
    is_error::<FailureGroup>();
    is_error::<FirstError>();
    is_error::<NoTokensError>();
    is_error::<Panic>();
    is_error::<QueueClosed>();
    is_error::<QueueOverflow<u8>>();
    is_error::<QueueSinkError>();
    is_error::<QueueUnderflow>();
    is_error::<ReleaseError>();
    is_error::<ResultTakenError>();
    is_error::<TimeoutError>();
    assert_eq!((Is::<CancelledError>::ERROR, Is::<Failure>::ERROR), (true, false));
}

/// The handles are small: a Deferred and its trigger are a word each.
#[test]
fn handles_are_a_word() {
    assert_eq!(size_of::<Deferred<[u8; 100]>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Deferred<u8>>>(), size_of::<usize>());
    assert_eq!(size_of::<Trigger<[u8; 100]>>(), size_of::<usize>());
    assert_eq!(size_of::<CancelHandle>(), size_of::<usize>());
}
