//! Families `deferred`, `pause`, `sync`, `clock` and `triggers`: ops against a
//! registry.
//!
//! # Layout
//!
//! * `registry`: the Deferreds of a program, by number, and who holds them
//! * `lifetime`: when what a program drops goes away
//! * `deferreds`: making, firing, cancelling, pausing, chaining, dropping
//! * `callbacks`: what is added to them
//! * `coroutines`, `lists`, `sync`: what makes Deferreds out of Deferreds
//! * `time`, `loops`, `cooperate`: what goes by the clock
//! * `triggers`: system events; `frames`: what a failed one keeps in Twisted
//!
//! Nothing is borrowed while the library runs: any call into it may run
//! callbacks, and these run ops.

mod callbacks;
mod cooperate;
mod coroutines;
mod deferreds;
mod frames;
mod lifetime;
mod lists;
mod loops;
mod registry;
mod sync;
mod time;
mod triggers;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use deferred::{Failure, unhandled};
use serde_json::{Value as Json, json};

use crate::error::ProgramError;
use crate::names::{UserError, error_name};
use crate::ops::{Op, Ops};
use crate::program::{Reply, Trace};
use crate::value::show;
use cooperate::Tasks;
use lifetime::Keeper;
use loops::Loops;
use registry::Registry;
use sync::Object;
use time::Time;
use triggers::Events;

/// Runs one program.
pub(crate) fn run(family: &str, body: Json) -> Result<Reply, ProgramError> {
    let has_drops = lifetime::has_drops(&body);
    let program: Ops = serde_json::from_value(body).map_err(ProgramError::Malformed)?;
    let machine =
        Machine(Rc::new(State { has_drops, shows_time: family == "clock", ..State::default() }));
    let errors = Rc::downgrade(&machine.0);
    let _observing = unhandled::observe(move |error| {
        if let Some(state) = errors.upgrade() {
            state.unhandled.borrow_mut().push(error_name(error.failure()));
            state.events.frames.report(error.failure());
        }
    });

    let _collecting = triggers::collect_logged(&machine.0.unhandled);

    let ran = machine.run(&program.ops);
    if ran.is_ok() {
        machine.finish();
    }
    machine.release();
    machine.0.events.frames.settle(&mut machine.0.unhandled.borrow_mut(), error_name);
    let last = json!(["unhandled", machine.unhandled_since(0)]);
    machine.0.trace.borrow_mut().push(last);

    if let Some(error) = machine.0.wrong.take() {
        return Err(error);
    }
    match ran {
        Ok(()) => Ok(Reply::Trace(machine.0.trace.take())),
        Err(Interrupt::Skip) => Ok(Reply::Skipped),
        Err(Interrupt::Wrong(error)) => Err(error),
    }
}

/// Why ops stopped before their end.
#[derive(Debug)]
enum Interrupt {
    /// The next op leans on an accident of Twisted's.
    Skip,
    /// The next op cannot be run.
    Wrong(ProgramError),
}

impl From<ProgramError> for Interrupt {
    fn from(error: ProgramError) -> Self {
        Self::Wrong(error)
    }
}

/// How ops end.
type Ran = Result<(), Interrupt>;

/// The state of one program; a clone is another handle to it.
#[derive(Clone)]
struct Machine(Rc<State>);

#[derive(Default)]
struct State {
    trace: RefCell<Trace>,
    registry: Registry,
    objects: RefCell<HashMap<String, Object>>,
    time: Time,
    loops: Loops,
    tasks: Tasks,
    events: Events,
    /// The names of the errors that were reported as unhandled.
    unhandled: Rc<RefCell<Vec<String>>>,
    /// Whether the program drops Deferreds.
    has_drops: bool,
    /// Whether events end with the time.
    shows_time: bool,
    /// Whether a call on the clock met what is to be skipped.
    skip: Cell<bool>,
    /// What was wrong with an op that a callback ran.
    wrong: Cell<Option<ProgramError>>,
}

impl Machine {
    /// Adds an event to the trace.
    fn emit(&self, mut event: Json) {
        if let (true, Json::Array(parts)) = (self.0.shows_time, &mut event) {
            parts.push(json!(self.0.time.seconds()));
        }
        self.0.trace.borrow_mut().push(event);
    }

    /// The sorted names of the errors that were reported as unhandled after
    /// the first `known`.
    fn unhandled_since(&self, known: usize) -> Vec<String> {
        let mut names = self.0.unhandled.borrow()[known..].to_vec();
        names.sort();
        names
    }

    /// What will count who refers to a Deferred.
    fn keeper(&self) -> Keeper {
        Keeper::new(self.0.has_drops)
    }

    /// Runs ops until one of them cannot be run.
    fn run(&self, ops: &[Op]) -> Ran {
        ops.iter().try_for_each(|op| self.step(op))
    }

    fn step(&self, op: &Op) -> Ran {
        match op {
            Op::New { d, canceller } => self.new_deferred(*d, canceller.as_ref()),
            Op::Succeed { d, value } => self.succeed(*d, value),
            Op::Fail { d, error } => self.fail(*d, error),
            Op::Callback { d, value } => self.callback(*d, value)?,
            Op::Errback { d, error } => self.errback(*d, error)?,
            Op::Add(add) => self.add(add)?,
            Op::Cancel { d } => self.cancel(*d)?,
            Op::Pause { d } => self.pause(*d)?,
            Op::Unpause { d } => self.unpause(*d)?,
            Op::Chain { d, to } => self.chain(*d, *to)?,
            Op::Drop { d } => self.forget(*d)?,
            Op::List(list) => self.list(list)?,
            Op::Gather { d, of, consume_errors } => self.gather(*d, of, *consume_errors)?,
            Op::Race { d, of } => self.race(*d, of)?,
            Op::Coroutine { d, body } => self.coroutine(*d, body)?,
            Op::Lock { o } => self.lock(o),
            Op::Semaphore { o, tokens } => self.semaphore(o, *tokens)?,
            Op::Queue { o, size, backlog } => self.queue(o, *size, *backlog),
            Op::Acquire { o, d } => self.acquire(o, *d)?,
            Op::Release { o } => self.release_object(o)?,
            Op::Run { o, d, with } => self.run_with(o, *d, *with)?,
            Op::Put { o, value } => self.put(o, value)?,
            Op::Get { o, d } => self.get(o, *d)?,
            Op::CallLater { id, delay, ops } => self.call_later(*id, delay.0, ops),
            Op::CallCancel { id } => self.call_cancel(*id),
            Op::CallReset { id, seconds } => self.call_reset(*id, seconds.0),
            Op::CallDelay { id, seconds } => self.call_delay(*id, seconds.0),
            Op::CallActive { id } => self.call_active(*id),
            Op::Pending {} => self.pending(),
            Op::Advance { seconds } => self.advance(&[*seconds])?,
            Op::Pump { seconds } => self.advance(seconds)?,
            Op::DeferLater(later) => self.defer_later(later),
            Op::Timeout { d, delay } => self.timeout(*d, delay.0)?,
            Op::Loop(op) => self.start_loop(op),
            Op::LoopStop { l } => self.loop_stop(l)?,
            Op::LoopReset { l } => self.loop_reset(l)?,
            Op::Cooperate(op) => self.cooperate(op),
            Op::TaskPause { t } => self.task_pause(t)?,
            Op::TaskResume { t } => self.task_resume(t)?,
            Op::TaskStop { t } => self.task_stop(t)?,
            Op::Trigger(trigger) => self.trigger(trigger),
            Op::RemoveTrigger { id } => self.remove_trigger(*id)?,
            Op::FireEvent { event } => self.fire_event(event),
        }
        Ok(())
    }

    /// The failure of a callback that could not run one of its ops.
    ///
    /// In the oracle too the exception that skips a program is caught when a
    /// callback raised it, and becomes the callback's failure.
    fn interrupted(&self, why: Interrupt) -> Failure {
        match why {
            Interrupt::Skip => UserError::named("Skip").into(),
            Interrupt::Wrong(error) => {
                let first = self.0.wrong.take().unwrap_or(error);
                self.0.wrong.set(Some(first));
                UserError::named("not a program").into()
            }
        }
    }

    /// Reads the result of each Deferred still in hand, in order of number.
    fn finish(&self) {
        // All are looked at before any goes away.
        let mut read = Vec::new();
        for number in self.0.registry.in_hand() {
            let Ok(deferred) = self.0.registry.hand_over(number) else {
                continue;
            };
            let seen = Rc::new(Cell::new(json!("pending")));
            let see = seen.clone();
            read.push(deferred.add_both(move |result| see.set(show(&result))));
            self.emit(json!(["end", number, seen.take()]));
        }
    }

    /// Lets go of everything, which also undoes the cycles that callbacks make
    /// by holding the machine.
    fn release(&self) {
        drop((self.0.objects.take(), self.0.loops.take()));
        self.0.tasks.release();
        self.0.events.release();
        self.0.time.release();
        self.0.registry.release();
    }
}
