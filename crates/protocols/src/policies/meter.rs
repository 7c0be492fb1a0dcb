//! Measures what some connections read and write, and holds them up when it is
//! too much.
//!
//! Mirrors the `check*Bandwidth` and `throttle*` of Twisted's
//! `ThrottlingFactory`. Tested in `tests/policies/policies.rs`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use reactor_compat::{DelayedCall, ReactorTime, Transport, log};

/// How often is looked at what was counted.
const SECOND: Duration = Duration::from_secs(1);

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::In => "reads",
            Self::Out => "writes",
        }
    }
}

/// A limit, in bytes a second, and what has been counted.
struct MeteredWay {
    way: Way,
    limit: Option<u64>,
    count: Cell<u64>,
    state: RefCell<State>,
}

/// ```text
///        first connection            too much was counted
///  Idle ─────────────────▶ Measuring ────────────────────▶ Throttled
///   ▲                          │ ▲────────time is up───────────┘ │
///   └────last connection gone──┴─────────────────────────────────┘
/// ```
enum State {
    Idle,
    Measuring { check: DelayedCall },
    Throttled { check: DelayedCall, release: DelayedCall },
}

impl MeteredWay {
    fn new(way: Way, limit: Option<u64>) -> Self {
        let limit = limit.map(|limit| limit.max(1));
        Self { way, limit, count: Cell::new(0), state: RefCell::new(State::Idle) }
    }

    fn count(&self, more: u64) {
        self.count.set(self.count.get().saturating_add(more));
    }

    fn throttled(&self) -> bool {
        matches!(*self.state.borrow(), State::Throttled { .. })
    }

    fn stop(&self) {
        self.count.set(0);
        // Those that were made cannot be taken back, and need not be.
        match self.state.replace(State::Idle) {
            State::Idle => {}
            State::Measuring { check } => {
                let _ = check.cancel();
            }
            State::Throttled { check, release } => {
                let _ = check.cancel();
                let _ = release.cancel();
            }
        }
    }
}

/// One of the connections.
struct Member {
    transport: Transport,
    /// How much of what it wrote has been counted.
    counted: u64,
    /// Whether reading was paused here.
    paused: bool,
}

impl Member {
    /// How much it wrote since this was last asked.
    fn wrote(&mut self) -> u64 {
        let written = self.transport.written();
        written - std::mem::replace(&mut self.counted, written)
    }
}

/// Measures what some connections read and write, and holds them up when it is
/// too much.
pub(super) struct Meter {
    clock: Rc<dyn ReactorTime>,
    members: RefCell<BTreeMap<u64, Member>>,
    next: Cell<u64>,
    reads: MeteredWay,
    writes: MeteredWay,
}

impl Meter {
    pub(super) fn new(clock: Rc<dyn ReactorTime>, reads: Option<u64>, writes: Option<u64>) -> Self {
        Self {
            clock,
            members: RefCell::default(),
            next: Cell::new(0),
            reads: MeteredWay::new(Way::In, reads),
            writes: MeteredWay::new(Way::Out, writes),
        }
    }

    /// Measures a connection as well; says by which number it leaves.
    pub(super) fn join(self: &Rc<Self>, transport: &Transport) -> u64 {
        let number = self.next.get();
        self.next.set(number + 1);
        let first = self.members.borrow().is_empty();
        let mut member =
            Member { transport: transport.clone(), counted: transport.written(), paused: false };
        for metered in [&self.reads, &self.writes] {
            if first {
                self.check_later(metered.way);
            } else if metered.throttled() {
                hold(&mut member, metered.way);
            }
        }
        self.members.borrow_mut().insert(number, member);
        number
    }

    /// Measures it no more.
    pub(super) fn leave(&self, number: u64) {
        let member = self.members.borrow_mut().remove(&number);
        let Some(mut member) = member else { return };
        self.writes.count(member.wrote());
        for metered in [&self.reads, &self.writes] {
            // What it wrote last is still to be sent.
            if metered.throttled() {
                let_go(&mut member, metered.way);
            }
            if self.members.borrow().is_empty() {
                metered.stop();
            }
        }
    }

    /// Counts what was read.
    pub(super) fn read(&self, count: usize) {
        self.reads.count(count as u64);
    }

    fn metered(&self, way: Way) -> &MeteredWay {
        match way {
            Way::In => &self.reads,
            Way::Out => &self.writes,
        }
    }

    /// Looks at what was counted in a second from now, for the first time.
    fn check_later(self: &Rc<Self>, way: Way) {
        if self.metered(way).limit.is_some() {
            let check = self.later(SECOND, move |meter| meter.check(way));
            self.metered(way).state.replace(State::Measuring { check });
        }
    }

    fn later(
        self: &Rc<Self>,
        delay: Duration,
        call: impl FnOnce(&Rc<Self>) + 'static,
    ) -> DelayedCall {
        let meter = Rc::downgrade(self);
        let call = move || {
            if let Some(meter) = meter.upgrade() {
                call(&meter);
            }
        };
        self.clock.call_later_boxed(delay, Box::new(call))
    }

    /// Looks at what was counted in the last second.
    fn check(self: &Rc<Self>, way: Way) {
        let metered = self.metered(way);
        let Some(limit) = metered.limit else { return };
        if way == Way::Out {
            let wrote = self.members.borrow_mut().values_mut().map(Member::wrote).sum();
            metered.count(wrote);
        }
        self.let_go_closing(way);
        let count = metered.count.replace(0);
        let check = self.later(SECOND, move |meter| meter.check(way));
        let before = metered.state.replace(State::Idle);
        let begins = count > limit && !matches!(before, State::Throttled { .. });
        metered.state.replace(match before {
            // What is written meanwhile makes it take longer.
            State::Throttled { release, .. } => {
                let _ = release.delay(seconds_for(count, limit));
                State::Throttled { check, release }
            }
            State::Idle | State::Measuring { .. } if begins => {
                let pause = seconds_for(count, limit).saturating_sub(SECOND);
                let release = self.later(pause, move |meter| meter.release(way));
                State::Throttled { check, release }
            }
            State::Idle | State::Measuring { .. } => State::Measuring { check },
        });
        if begins {
            self.throttle(way);
        }
    }

    /// Who closes writes no more, and must not wait longer than its grace.
    fn let_go_closing(&self, way: Way) {
        if way == Way::Out {
            let members = self.members.borrow();
            let closing = members.values().filter(|member| member.transport.disconnecting());
            closing.for_each(|member| member.transport.resume_sending());
        }
    }

    fn throttle(&self, way: Way) {
        log::msg(format_args!("Throttling {}", way.name()));
        self.members.borrow_mut().values_mut().for_each(|member| hold(member, way));
    }

    fn release(&self, way: Way) {
        let metered = self.metered(way);
        let before = metered.state.replace(State::Idle);
        metered.state.replace(match before {
            State::Throttled { check, .. } => State::Measuring { check },
            other => other,
        });
        log::msg(format_args!("Stopped throttling {}", way.name()));
        self.members.borrow_mut().values_mut().for_each(|member| let_go(member, way));
    }
}

/// How long `count` bytes take at `limit` bytes a second.
fn seconds_for(count: u64, limit: u64) -> Duration {
    Duration::try_from_secs_f64(count as f64 / limit as f64).unwrap_or(Duration::MAX)
}

fn hold(member: &mut Member, way: Way) {
    match way {
        Way::In if member.transport.reading() => {
            member.paused = true;
            member.transport.pause_producing();
        }
        Way::In => {}
        Way::Out if member.transport.disconnecting() => {}
        Way::Out => member.transport.pause_sending(),
    }
}

fn let_go(member: &mut Member, way: Way) {
    match way {
        Way::In if std::mem::take(&mut member.paused) => member.transport.resume_producing(),
        Way::In => {}
        Way::Out => member.transport.resume_sending(),
    }
}
