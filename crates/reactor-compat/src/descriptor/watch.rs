//! [`Watch`]: the task of a descriptor that is watched.
//!
//! Tested in `tests/network/descriptor.rs`.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use deferred::Failure;
use tracing::Span;

use super::FileDescriptor;
use super::entry::{Entry, State};
use super::source::Events;
use super::table::{Descriptors, address};
use crate::error::{ConnectionDone, ConnectionLost};
use crate::guard;
use crate::reactor::{Reactor, Registered, Registration};

/// The entry of `object`: the one that there is, or a new one.
pub(super) fn entry(reactor: &Reactor, object: &Rc<dyn FileDescriptor>) -> Rc<Entry> {
    let descriptors = reactor.extension::<Descriptors>();
    let address = address(&**object);
    if let Some(entry) = descriptors.get(address) {
        return entry;
    }
    let entry = Rc::new(Entry::new(object.log_prefix()));
    let live: Rc<dyn Registered> = entry.clone();
    let registration = Registration::new(reactor.shared(), Rc::downgrade(&live));
    descriptors.insert(address, entry.clone());
    reactor.spawn(Watch {
        span: tracing::debug_span!("descriptor", system = entry.name),
        entry: entry.clone(),
        address,
        descriptors,
        begun: false,
        _registration: registration,
    });
    entry
}

/// The task of a descriptor that is watched.
struct Watch {
    entry: Rc<Entry>,
    address: usize,
    descriptors: Rc<Descriptors>,
    span: Span,
    /// Whether the runtime has ever come to it.
    begun: bool,
    _registration: Registration,
}

impl Watch {
    /// Calls who waits for `events`: once each, reading first.
    fn dispatch(&self, events: Events) {
        let reader = self.entry.reader.borrow().clone();
        if events.hung_up && !events.read {
            return match reader {
                Some(_) => self.lose(ConnectionDone.into()),
                None => self.lose(ConnectionLost::default().into()),
            };
        }
        if let Some(reader) = reader.filter(|_| events.read)
            && let Err(reason) = self.callback(|| reader.do_read())
        {
            return self.lose_object(Some(reader), reason);
        }
        let writer = self.entry.writer.borrow().clone();
        if let Some(writer) = writer.filter(|_| events.write)
            && let Err(reason) = self.callback(|| writer.do_write())
        {
            self.lose_object(Some(writer), reason);
        }
    }

    /// Runs a callback; a panic in it is logged, and is why it failed.
    fn callback(&self, callback: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        self.span.in_scope(|| match guard::catch(callback) {
            Ok(result) => result,
            Err(failure) => {
                crate::log::err(failure.clone(), "");
                Err(failure)
            }
        })
    }

    fn lose(&self, reason: Failure) {
        self.lose_object(self.entry.object(), reason);
    }

    /// Removes the descriptor, and tells its object why.
    fn lose_object(&self, object: Option<Rc<dyn FileDescriptor>>, reason: Failure) {
        self.descriptors.remove(self.address, &self.entry);
        let Some(object) = object else { return };
        self.span.in_scope(|| {
            if let Err(failure) = guard::catch(|| object.connection_lost(reason)) {
                crate::log::err(failure, "");
            }
        });
    }
}

impl Future for Watch {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.begun = true;
        this.entry.set_waker(cx.waker());
        match this.entry.state() {
            State::Watched => {}
            State::Stopping => {
                this.lose(ConnectionLost::because("the reactor stopped").into());
                return Poll::Ready(());
            }
            State::Removed => return Poll::Ready(()),
        }
        match this.entry.poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(events)) => this.dispatch(events),
            Poll::Ready(Err(error)) => this.lose(ConnectionLost::from(error).into()),
        }
        // Others have their turn, and then it is looked at again.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A descriptor whose runtime is dropped: its object hears of it, unless the
/// runtime has never come to it.
impl Drop for Watch {
    fn drop(&mut self) {
        if self.entry.state() == State::Removed {
            return;
        }
        if self.begun {
            self.lose(ConnectionLost::because("its runtime was dropped").into());
        } else {
            self.descriptors.remove(self.address, &self.entry);
        }
    }
}
