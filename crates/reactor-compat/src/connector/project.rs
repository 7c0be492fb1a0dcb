//! A connector as the factory of a part of its protocol sees it.

use std::rc::{Rc, Weak};

use deferred::Deferred;

use super::{Connector, ConnectorId, Control, GiveUp, Next};
use crate::address::Target;
use crate::connection::Connection;
use crate::error::{ConnectorBusy, NotConnectingError};
use crate::protocol::Protocol;

/// The connector of a `Q`, in which something else is to be found.
pub(super) struct Projected<Q: Protocol, F> {
    whole: Connector<Q>,
    part: Rc<F>,
}

impl<Q: Protocol, F> Projected<Q, F> {
    pub(super) fn new(whole: Connector<Q>, part: F) -> Self {
        Self { whole, part: Rc::new(part) }
    }
}

impl<Q, P, F> Control<P> for Projected<Q, F>
where
    Q: Protocol,
    P: Protocol,
    F: Fn(&mut Q) -> &mut P + 'static,
{
    fn connect(self: Rc<Self>) -> Result<(), ConnectorBusy> {
        self.whole.connect()
    }

    fn stop_connecting(&self) -> Result<(), NotConnectingError> {
        self.whole.stop_connecting()
    }

    fn disconnect(&self) {
        self.whole.disconnect();
    }

    fn when_connected(self: Rc<Self>) -> Deferred<Connection<P>> {
        let part = self.part.clone();
        self.whole
            .when_connected()
            .add_callback(move |connection| Ok(connection.project(move |whole| part(whole))))
    }

    fn connections(self: Rc<Self>) -> Next<P> {
        let next = self.whole.control.clone().connections();
        let part = self.part.clone();
        Box::new(move || {
            let part = part.clone();
            next().add_callback(move |connection| {
                Ok(connection.map(|connection| connection.project(move |whole| part(whole))))
            })
        })
    }

    fn gave_up(&self) {
        self.whole.control.gave_up();
    }

    fn keeps_trying(&self) -> bool {
        self.whole.keeps_trying()
    }

    fn target(&self) -> &Target {
        self.whole.get_destination()
    }

    fn id(&self) -> ConnectorId {
        self.whole.id()
    }

    fn attempt(&self) -> Option<Weak<dyn GiveUp>> {
        self.whole.attempt()
    }

    fn state(&self) -> &'static str {
        self.whole.control.state()
    }
}
