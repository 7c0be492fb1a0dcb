//! Family `client_service`: a client that connects again and again.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use deferred::time::{Clock, ReactorTime};
use deferred::{Deferred, Failure, Trigger};
use reactor_compat::endpoint::StreamClientEndpoint;
use reactor_compat::service::{ClientService, Delays};
use reactor_compat::testing::MemoryReactor;
use reactor_compat::{Address, Connection, Protocol, Reactor, SharedStream, Stream};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::ProgramError;
use crate::names::{ErrorName, UserError, error_name};
use crate::program::{Reply, Trace};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Program {
    delays: Vec<f64>,
    prepare: Option<Prepare>,
    ops: Vec<Op>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Prepare {
    Ok,
    Fail,
    Wait,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Start,
    Stop { d: u64 },
    WhenConnected { d: u64, fail_after: Option<u32> },
    Accept,
    Refuse { error: ErrorName },
    Lose,
    Prepared,
    Unprepared { error: ErrorName },
    Advance { by: f64 },
}

impl Op {
    fn name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop { .. } => "stop",
            Self::WhenConnected { .. } => "when_connected",
            Self::Accept => "accept",
            Self::Refuse { .. } => "refuse",
            Self::Lose => "lose",
            Self::Prepared => "prepared",
            Self::Unprepared { .. } => "unprepared",
            Self::Advance { .. } => "advance",
        }
    }
}

/// What happened, and what the program can still do about it.
#[derive(Default)]
struct World {
    trace: RefCell<Trace>,
    attempts: Cell<u16>,
    pending: RefCell<Option<(u16, Trigger<SharedStream>)>>,
    open: RefCell<Vec<Rc<Wire>>>,
    preparing: RefCell<Vec<Trigger<()>>>,
}

impl World {
    fn note(&self, event: Json) {
        self.trace.borrow_mut().push(event);
    }
}

/// Connects when the program says so, or fails.
struct Scripted(Rc<World>, Reactor);

impl StreamClientEndpoint for Scripted {
    fn reactor(&self) -> Reactor {
        self.1.clone()
    }

    fn dial(&self) -> Deferred<SharedStream> {
        let number = self.0.attempts.get() + 1;
        self.0.attempts.set(number);
        self.0.note(json!(["connect", number]));
        let world = self.0.clone();
        let (dialled, trigger) = Deferred::with_canceller(move |_| {
            world.note(json!(["cancel", number]));
            let pending = world.pending.take();
            drop(pending);
        });
        self.0.pending.replace(Some((number, trigger)));
        dialled
    }

    fn description(&self) -> String {
        "scripted".to_owned()
    }
}

/// A connection, which lasts until the program says that it is lost.
struct Wire {
    number: u16,
    world: Rc<World>,
    lost: Cell<bool>,
    closing: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl Wire {
    fn lose(&self) {
        self.lost.set(true);
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }

    fn poll_lost(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if self.lost.get() {
            return Poll::Ready(Ok(()));
        }
        self.task.replace(Some(cx.waker().clone()));
        Poll::Pending
    }

    fn address(&self) -> Address {
        Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, self.number)))
    }
}

struct End(Rc<Wire>);

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_lost(cx)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.0.lost.get() && !self.0.closing.replace(true) {
            self.0.world.note(json!(["lose_connection", self.0.number]));
        }
        self.0.poll_lost(cx)
    }
}

impl Stream for End {
    fn get_host(&self) -> Address {
        self.0.address()
    }

    fn get_peer(&self) -> Address {
        self.0.address()
    }
}

struct Numbered(Rc<World>);

fn number(connection: &Connection<Numbered>) -> Option<u16> {
    connection.get_peer().port()
}

impl Protocol for Numbered {
    fn connection_made(&mut self, transport: &Connection<Self>) {
        self.0.note(json!(["made", number(transport)]));
    }

    fn connection_lost(&mut self, transport: &Connection<Self>, _: Failure) {
        self.0.note(json!(["lost", number(transport)]));
    }
}

/// Runs one program.
pub(crate) fn run(body: Json) -> Result<Reply, ProgramError> {
    let program: Program = serde_json::from_value(body).map_err(ProgramError::Malformed)?;
    Ok(Reply::Trace(trace(program)))
}

fn trace(program: Program) -> Trace {
    let (reactor, clock) = (MemoryReactor::new(), Clock::new());
    let world = Rc::new(World::default());
    let service = service(&world, &reactor, &program).clock(&clock);
    for op in program.ops {
        world.note(json!(["op", op.name()]));
        reactor.inside(|| act(&world, &service, &clock, op));
        // What goes on for ever would be seen in the trace.
        let _ = reactor.settle();
    }
    let left = |call: &deferred::time::DelayedCall| {
        let time = call.get_time().saturating_sub(clock.seconds()).as_secs_f64();
        (time * 1e6).round() / 1e6
    };
    world.note(json!(["waiting", clock.get_delayed_calls().iter().map(left).collect::<Vec<_>>()]));
    world.trace.take()
}

fn service(
    world: &Rc<World>,
    reactor: &MemoryReactor,
    program: &Program,
) -> ClientService<Numbered> {
    let delays: Vec<_> = program.delays.iter().map(|by| Duration::from_secs_f64(*by)).collect();
    let its = world.clone();
    let service = ClientService::new(Scripted(world.clone(), (**reactor).clone()), move |_| {
        Numbered(its.clone())
    });
    let service = service.retry_policy(Delays::new(delays));
    let Some(how) = program.prepare else { return service };
    let world = world.clone();
    service.prepare_connection(move |connection: &Connection<Numbered>| {
        world.note(json!(["prepare", number(connection)]));
        match how {
            Prepare::Ok => Deferred::succeed(()),
            Prepare::Fail => Deferred::fail(UserError::named("E9")),
            Prepare::Wait => {
                let (waiting, trigger) = Deferred::new();
                world.preparing.borrow_mut().push(trigger);
                waiting
            }
        }
    })
}

fn act(world: &Rc<World>, service: &ClientService<Numbered>, clock: &Clock, op: Op) {
    match op {
        Op::Start => service.start_service(),
        Op::Stop { d } => tell(world, "stopped", d, service.stop_service(), |()| None),
        Op::WhenConnected { d, fail_after } => {
            let connected = service.when_connected(fail_after);
            tell(world, "connected", d, connected, |connection| number(&connection));
        }
        Op::Accept => {
            let pending = world.pending.take();
            let Some((number, trigger)) = pending else { return };
            let wire = Rc::new(Wire {
                number,
                world: world.clone(),
                lost: Cell::new(false),
                closing: Cell::new(false),
                task: RefCell::default(),
            });
            world.open.borrow_mut().push(wire.clone());
            let _ = trigger.callback(SharedStream::new(End(wire)));
        }
        Op::Refuse { error } => {
            let pending = world.pending.take();
            if let Some((_, trigger)) = pending {
                let _ = trigger.errback(error.user_error());
            }
        }
        Op::Lose => {
            let newest = world.open.borrow_mut().pop();
            if let Some(wire) = newest {
                wire.lose();
            }
        }
        Op::Prepared => {
            let newest = world.preparing.borrow_mut().pop();
            let _ = newest.map(|trigger| trigger.callback(()));
        }
        Op::Unprepared { error } => {
            let newest = world.preparing.borrow_mut().pop();
            let _ = newest.map(|trigger| trigger.errback(error.user_error()));
        }
        Op::Advance { by } => clock.advance(Duration::from_secs_f64(by)),
    }
}

/// Has the trace tell what becomes of a Deferred.
fn tell<T: 'static>(
    world: &Rc<World>,
    kind: &'static str,
    d: u64,
    waiting: Deferred<T>,
    number: fn(T) -> Option<u16>,
) {
    let world = world.clone();
    drop(waiting.add_both(move |result| {
        let told = match result {
            Ok(value) => json!(number(value)),
            Err(failure) => json!({ "fail": error_name(&failure) }),
        };
        world.note(json!([kind, d, told]));
        Ok(())
    }));
}
