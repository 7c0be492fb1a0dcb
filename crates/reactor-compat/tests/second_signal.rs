//! A program that is told to stop twice stops now. The signal is the whole process's, so
//! this test has one of its own.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::RefCell;
use std::time::Duration;

use deferred::Deferred;
use reactor_compat::Reactor;
use reactor_compat::service::{Application, Service};

/// Stops only when it is told to hurry.
struct Lingering {
    fire: RefCell<Option<deferred::Trigger<()>>>,
}

impl Service for Lingering {
    fn start_service(&self) -> Deferred<()> {
        Deferred::succeed(())
    }

    fn stop_service(&self) -> Deferred<()> {
        let (wait, fire) = Deferred::new();
        *self.fire.borrow_mut() = Some(fire);
        wait
    }

    fn stop_now(&self) {
        if let Some(fire) = self.fire.take() {
            fire.callback(()).unwrap();
        }
    }
}

#[test]
fn a_second_signal_means_now() {
    let reactor = Reactor::new();
    let application = Application::new(&reactor, "test");
    application.add_service(Lingering { fire: RefCell::default() });
    let stop = reactor.clone();
    reactor.call_when_running(move || stop.stop());
    let pid = std::process::id().to_string();
    // Until it is heard; SIGTERM alone is not the default's any more here.
    let kill = move || {
        std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    };
    let again = reactor.clone();
    reactor.call_later(Duration::from_millis(20), move || {
        kill();
        drop(again);
    });
    application.run().unwrap();
}
