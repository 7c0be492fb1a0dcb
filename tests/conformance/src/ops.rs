//! What an op may say, as `FORMAT.md` has it.

use std::collections::HashMap;
use std::time::{Duration, TryFromFloatSecsError};

use serde::Deserialize;

use crate::names::ErrorName;
use crate::value::Value;

/// The number by which a program knows a Deferred.
pub(crate) type Number = u64;

/// The number of a callback, for the trace.
pub(crate) type Ident = i64;

/// A program of the families that are made of ops.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ops {
    /// They are run one after the other.
    pub(crate) ops: Vec<Op>,
}

/// One op. Fields are called what they are called in the program.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Op {
    New {
        d: Number,
        #[serde(default)]
        canceller: Option<Canceller>,
    },
    Succeed {
        d: Number,
        value: Value,
    },
    Fail {
        d: Number,
        error: ErrorName,
    },
    Callback {
        d: Number,
        value: Value,
    },
    Errback {
        d: Number,
        error: ErrorName,
    },
    Add(Add),
    Cancel {
        d: Number,
    },
    Pause {
        d: Number,
    },
    Unpause {
        d: Number,
    },
    Chain {
        d: Number,
        to: Number,
    },
    Drop {
        d: Number,
    },
    List(List),
    Gather {
        d: Number,
        of: Vec<Number>,
        #[serde(default)]
        consume_errors: bool,
    },
    Race {
        d: Number,
        of: Vec<Number>,
    },
    Coroutine {
        d: Number,
        body: Vec<Step>,
    },
    Lock {
        o: String,
    },
    Semaphore {
        o: String,
        tokens: usize,
    },
    Queue {
        o: String,
        #[serde(default)]
        size: Option<usize>,
        #[serde(default)]
        backlog: Option<usize>,
    },
    Acquire {
        o: String,
        d: Number,
    },
    Release {
        o: String,
    },
    Run {
        o: String,
        d: Number,
        with: Number,
    },
    Put {
        o: String,
        value: Value,
    },
    Get {
        o: String,
        d: Number,
    },
    CallLater {
        id: Ident,
        delay: Seconds,
        #[serde(default, rename = "do")]
        ops: Vec<Self>,
    },
    CallCancel {
        id: Ident,
    },
    CallReset {
        id: Ident,
        seconds: Seconds,
    },
    CallDelay {
        id: Ident,
        seconds: Seconds,
    },
    CallActive {
        id: Ident,
    },
    Pending {},
    Advance {
        seconds: Seconds,
    },
    Pump {
        seconds: Vec<Seconds>,
    },
    DeferLater(DeferLater),
    Timeout {
        d: Number,
        delay: Seconds,
    },
    Loop(Loop),
    LoopStop {
        l: String,
    },
    LoopReset {
        l: String,
    },
    Cooperate(Cooperate),
    TaskPause {
        t: String,
    },
    TaskResume {
        t: String,
    },
    TaskStop {
        t: String,
    },
    Trigger(Trigger),
    RemoveTrigger {
        id: Ident,
    },
    FireEvent {
        event: String,
    },
}

/// A time, which programs write in seconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Seconds(pub(crate) Duration);

impl TryFrom<f64> for Seconds {
    type Error = TryFromFloatSecsError;

    fn try_from(seconds: f64) -> Result<Self, TryFromFloatSecsError> {
        Duration::try_from_secs_f64(seconds).map(Self)
    }
}

/// What a canceller does after it has traced that it runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Canceller {
    /// It fires the Deferred with a value.
    Callback { callback: Value },
    /// It fires the Deferred with an error.
    Errback { errback: ErrorName },
    /// Nothing, which leaves the Deferred to fail with a `CancelledError`.
    Nothing {},
}

/// A callback, an errback, both in one, or a pair.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Add {
    pub(crate) d: Number,
    pub(crate) id: Ident,
    pub(crate) on: On,
    #[serde(rename = "do")]
    pub(crate) action: Action,
    #[serde(default, rename = "do_err")]
    pub(crate) error_action: Action,
}

impl Add {
    /// Whether what is added may return a Deferred.
    pub(crate) fn may_wait(&self) -> bool {
        [&self.action, &self.error_action].iter().any(|a| matches!(a.ret, Ret::Deferred(_)))
    }
}

/// Which results a callback is for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum On {
    Callback,
    Errback,
    Both,
    /// A pair: `do` for values, `do_err` for failures.
    Callbacks,
}

/// What a callback does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    /// Ops that it runs first.
    #[serde(default)]
    pub(crate) before: Vec<Op>,
    #[serde(default)]
    pub(crate) ret: Ret,
}

/// How a callback ends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ret {
    /// It returns its argument.
    #[default]
    Same,
    Value(Value),
    /// It raises.
    Fail(ErrorName),
    /// It hands a Deferred over.
    Deferred(Number),
}

/// A DeferredList.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    pub(crate) d: Number,
    pub(crate) of: Vec<Number>,
    #[serde(default)]
    pub(crate) fire_on_one_callback: bool,
    #[serde(default)]
    pub(crate) fire_on_one_errback: bool,
    #[serde(default)]
    pub(crate) consume_errors: bool,
}

/// A step of a coroutine's body.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Step {
    Emit {
        emit: i64,
    },
    Await {
        #[serde(rename = "await")]
        awaited: Number,
        #[serde(default)]
        catch: bool,
    },
    Do {
        #[serde(rename = "do")]
        ops: Vec<Op>,
    },
    Raise {
        raise: ErrorName,
    },
    Return {
        #[serde(rename = "return")]
        value: Value,
    },
}

/// A function that is called later.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeferLater {
    pub(crate) d: Number,
    pub(crate) delay: Seconds,
    #[serde(default)]
    pub(crate) value: Value,
    #[serde(default)]
    pub(crate) fail: Option<ErrorName>,
}

/// A LoopingCall.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Loop {
    pub(crate) l: String,
    pub(crate) d: Number,
    pub(crate) interval: Seconds,
    #[serde(default = "yes")]
    pub(crate) now: bool,
    #[serde(default)]
    pub(crate) with_count: bool,
    /// What the nth call does, from 1.
    #[serde(default)]
    pub(crate) plan: HashMap<String, LoopStep>,
}

fn yes() -> bool {
    true
}

/// What a call of a loop does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoopStep {
    #[serde(default)]
    pub(crate) before: Vec<Op>,
    #[serde(default)]
    pub(crate) fail: Option<ErrorName>,
    #[serde(default)]
    pub(crate) deferred: Option<Number>,
}

/// A cooperative task.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cooperate {
    pub(crate) t: String,
    pub(crate) d: Number,
    pub(crate) steps: Vec<TaskStep>,
    /// How it ends, if not well.
    #[serde(default)]
    pub(crate) fail: Option<ErrorName>,
}

/// What a step of a task yields.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskStep {
    #[serde(default)]
    pub(crate) deferred: Option<Number>,
}

/// A system event trigger.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trigger {
    pub(crate) event: String,
    pub(crate) phase: Phase,
    pub(crate) id: Ident,
    #[serde(default, rename = "do")]
    pub(crate) ops: Vec<Op>,
    #[serde(default)]
    pub(crate) fail: Option<ErrorName>,
    #[serde(default)]
    pub(crate) deferred: Option<Number>,
}

/// A phase of a system event.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Before,
    During,
    After,
}
