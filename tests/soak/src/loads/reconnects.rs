//! A reconnecting client whose server drops it, again and again.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure, Trigger};
use reactor_compat::{
    Address, Connection, Protocol, Reactor, ReconnectHandle, ReconnectingClientFactory,
};

use crate::load::soon;
use crate::servers::Servers;

const CONNECTIONS: u32 = 5;

/// Has the server drop it.
struct Dropped {
    count: Rc<Cell<u32>>,
    handle: ReconnectHandle,
    done: Rc<Cell<Option<Trigger<()>>>>,
}

impl Protocol for Dropped {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.handle.reset_delay();
        transport.write("QUIT\r\n");
    }

    fn connection_lost(&mut self, _: &Connection<Self>, _: Failure) {
        self.count.set(self.count.get() + 1);
        if self.count.get() == CONNECTIONS {
            self.handle.stop_trying();
            if let Some(done) = self.done.take() {
                let _ = done.callback(());
            }
        }
    }
}

pub(crate) async fn round(reactor: Reactor, servers: Rc<Servers>) -> Result<(), Failure> {
    let (finished, done) = Deferred::new();
    let (count, done) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(Some(done))));
    let factory = ReconnectingClientFactory::with_handle(move |handle| {
        move |_: Address| Dropped {
            count: count.clone(),
            handle: handle.clone(),
            done: done.clone(),
        }
    });
    reactor.connect_tcp(servers.lines, factory.initial_delay(Duration::from_millis(1)));
    soon(finished).await
}
