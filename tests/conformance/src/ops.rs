//! What an op may say, as `FORMAT.md` has it.

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
