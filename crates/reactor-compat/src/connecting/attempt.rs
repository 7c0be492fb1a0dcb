//! One attempt of a connector.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use deferred::{CancelHandle, Failure};
use tokio::sync::Notify;

use crate::address::Target;
use crate::connector::GiveUp;
use crate::error::ConnectError;
use crate::guard;
use crate::network::SharedStream;
use crate::reactor::{Inventory, Registered};

/// How far an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Connecting,
    /// There is a stream, of which the factory hears.
    Connected,
}

/// An attempt, which can be given up.
pub(super) struct Attempt {
    target: Target,
    progress: Cell<Progress>,
    given_up: RefCell<Option<ConnectError>>,
    /// What an endpoint is doing for it.
    dialling: RefCell<Option<CancelHandle>>,
    notify: Notify,
}

impl Attempt {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            progress: Cell::new(Progress::Connecting),
            given_up: RefCell::default(),
            dialling: RefCell::default(),
            notify: Notify::new(),
        }
    }

    /// Has it end, with `why`: at once where an endpoint can be cancelled, which runs
    /// a user's canceller.
    pub(super) fn give_up(&self, why: ConnectError) {
        self.given_up.borrow_mut().get_or_insert(why);
        self.notify.notify_one();
        let dialling = self.dialling.take();
        if let Some(dialling) = dialling {
            dialling.cancel();
        }
    }

    /// Notes how to cancel what an endpoint is doing for it, if it is doing anything.
    pub(super) fn set_dialling(&self, dialling: Option<CancelHandle>) {
        let before = self.dialling.replace(dialling);
        drop(before);
    }

    /// Notes that there is a stream.
    pub(super) fn connected(&self) {
        self.progress.set(Progress::Connected);
    }

    /// Why it has been given up, if it has.
    pub(super) fn verdict(&self) -> Option<ConnectError> {
        self.given_up.borrow().clone()
    }

    /// Ends when it is given up, with why.
    async fn given_up(&self) -> ConnectError {
        loop {
            if let Some(why) = self.verdict() {
                return why;
            }
            self.notify.notified().await;
        }
    }
}

impl Registered for Attempt {
    fn describe(&self, inventory: &mut Inventory) {
        inventory.connecting.push(self.target.clone());
    }

    fn shut_down(&self) {
        self.give_up(ConnectError::ReactorStopped);
    }
}

impl GiveUp for Attempt {
    fn give_up(&self) {
        if self.progress.get() == Progress::Connecting {
            self.give_up(ConnectError::UserAborted);
        }
    }
}

/// Runs code of a user's network, endpoint or stream; a panic in it is logged, and
/// the failure of the attempt.
pub(super) fn caught<R>(code: impl FnOnce() -> R) -> Result<R, Failure> {
    guard::catch(code).inspect_err(|failure| guard::log("an attempt to connect", failure))
}

/// Connects, unless the attempt is given up before.
pub(super) async fn unless_given_up<F>(
    attempt: &Attempt,
    connect: F,
) -> Result<SharedStream, Failure>
where
    F: Future<Output = Result<SharedStream, Failure>>,
{
    let mut given_up = pin!(attempt.given_up());
    let mut connected = pin!(connect);
    poll_fn(|cx| match given_up.as_mut().poll(cx) {
        Poll::Ready(why) => Poll::Ready(Err(why.into())),
        Poll::Pending => {
            caught(|| connected.as_mut().poll(cx)).unwrap_or_else(|e| Poll::Ready(Err(e)))
        }
    })
    .await
}
