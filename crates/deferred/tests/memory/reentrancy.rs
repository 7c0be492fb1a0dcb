//! Re-entrancy: whatever runs inside a Deferred may do anything to any Deferred
//! it can reach, its own included.
//!
//! - What Twisted does is a table, line by line made by Twisted 26.10: what
//!   callbacks and cancellers do to their own Deferred, the one that waits for
//!   it, and the one it waits for.
//! - Everything else that runs user code does every kind of action to each of
//!   the three: nothing panics, everything ends, nothing is left.
//! - Trees of actions made at random do what a model of a few lines does.
//!
//! `docs/re-entrancy.md` states the rules that are tested here.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what helpers of a test do fails the test")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use crate::support::{Counter, ignore_unhandled_errors};
use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::time::Clock;
use deferred::{
    AlreadyCalledError, CancelHandle, CancelledError, Deferred, DeferredList, DeferredLock,
    DeferredQueue, Failure, Panic, Trigger, ensure_deferred, unhandled,
};
use proptest::prelude::*;

type Log = Rc<RefCell<Vec<String>>>;

fn name(result: &Result<u32, Failure>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(failure) if failure.is::<CancelledError>() => "Cancelled".to_owned(),
        Err(failure) if failure.is::<AlreadyCalledError>() => "AlreadyCalled".to_owned(),
        Err(_) => "Error".to_owned(),
    }
}

// ===== what Twisted does =====

/// K waits for O, which waits for S. Inside a callback of one of them, or
/// inside the canceller of S when one of them is cancelled, something is done
/// to one of them; the parentheses are around what happens meanwhile. Then, at
/// the bar, K is unpaused, and S is fired once more.
const TWISTED: &str = "\
callback of S, fire S: ( already ) S=1 O=1 K=1 | already K:1
callback of S, fail S: ( already ) S=1 O=1 K=1 | already K:1
callback of S, cancel S: ( ) S=1 O=1 K=1 | already K:1
callback of S, fire O: ( already ) S=1 O=1 K=1 | already K:1
callback of S, fail O: ( already ) S=1 O=1 K=1 | already K:1
callback of S, cancel O: ( ) S=1 O=1 K=1 | already K:1
callback of S, fire K: ( already ) S=1 O=1 K=1 | already K:1
callback of S, fail K: ( already ) S=1 O=1 K=1 | already K:1
callback of S, cancel K: ( ) S=1 O=1 K=1 | already K:1
callback of S, pause K: ( ) S=1 O=1 | K=1 already K:1
callback of S, add K: ( ) S=1 O=1 K=1 K+=1 | already K:1
callback of O, fire S: S=1 ( already ) O=1 K=1 | already K:1
callback of O, fail S: S=1 ( already ) O=1 K=1 | already K:1
callback of O, cancel S: S=1 ( ) O=1 K=1 | already K:1
callback of O, fire O: S=1 ( already ) O=1 K=1 | already K:1
callback of O, fail O: S=1 ( already ) O=1 K=1 | already K:1
callback of O, cancel O: S=1 ( ) O=1 K=1 | already K:1
callback of O, fire K: S=1 ( already ) O=1 K=1 | already K:1
callback of O, fail K: S=1 ( already ) O=1 K=1 | already K:1
callback of O, cancel K: S=1 ( ) O=1 K=1 | already K:1
callback of O, pause K: S=1 ( ) O=1 | K=1 already K:1
callback of O, add K: S=1 ( ) O=1 K=1 K+=1 | already K:1
callback of K, fire S: S=1 O=1 ( already ) K=1 | already K:1
callback of K, fail S: S=1 O=1 ( already ) K=1 | already K:1
callback of K, cancel S: S=1 O=1 ( ) K=1 | already K:1
callback of K, fire O: S=1 O=1 ( already ) K=1 | already K:1
callback of K, fail O: S=1 O=1 ( already ) K=1 | already K:1
callback of K, cancel O: S=1 O=1 ( ) K=1 | already K:1
callback of K, fire K: S=1 O=1 ( already ) K=1 | already K:1
callback of K, fail K: S=1 O=1 ( already ) K=1 | already K:1
callback of K, cancel K: S=1 O=1 ( ) K=1 | already K:1
callback of K, pause K: S=1 O=1 ( ) K=1 | already K:1
callback of K, add K: S=1 O=1 ( ) K=1 K+=1 | already K:1
canceller of S, fire S: ( S=7 O=7 K=7 ok ) | already K:7
canceller of S, fail S: ( S=Error O=Error K=Error ok ) | already K:Error
canceller of S, cancel S: ( S=Cancelled O=Cancelled K=Cancelled ) | already K:Cancelled
canceller of S, fire O: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of S, fail O: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of S, cancel O: ( S=Cancelled O=Cancelled K=Cancelled ) | already K:Cancelled
canceller of S, fire K: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of S, fail K: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of S, cancel K: ( S=Cancelled O=Cancelled K=Cancelled ) | already K:Cancelled
canceller of S, pause K: ( ) S=Cancelled O=Cancelled | K=Cancelled already K:Cancelled
canceller of S, add K: ( ) S=Cancelled O=Cancelled K=Cancelled K+=Cancelled | already K:Cancelled
canceller of O, fire S: ( S=7 O=7 K=7 ok ) | already K:7
canceller of O, fail S: ( S=Error O=Error K=Error ok ) | already K:Error
canceller of O, cancel S: ( S=Cancelled O=Cancelled K=Cancelled ) | already K:Cancelled
canceller of O, fire O: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of O, fail O: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of O, cancel O: ( S=Cancelled O=Cancelled K=Cancelled ) | already K:Cancelled
canceller of O, fire K: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of O, fail K: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of O, cancel K: ( S=Cancelled O=Cancelled K=Cancelled ) | already K:Cancelled
canceller of O, pause K: ( ) S=Cancelled O=Cancelled | K=Cancelled already K:Cancelled
canceller of O, add K: ( ) S=Cancelled O=Cancelled K=Cancelled K+=Cancelled | already K:Cancelled
canceller of K, fire S: ( S=7 O=7 K=7 ok ) | already K:7
canceller of K, fail S: ( S=Error O=Error K=Error ok ) | already K:Error
canceller of K, cancel S: ( S=Cancelled O=Cancelled K=Cancelled ) | already K:Cancelled
canceller of K, fire O: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of K, fail O: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of K, cancel O: ( S=Cancelled O=Cancelled K=Cancelled ) | already K:Cancelled
canceller of K, fire K: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of K, fail K: ( already ) S=Cancelled O=Cancelled K=Cancelled | already K:Cancelled
canceller of K, cancel K: ( S=Cancelled O=Cancelled K=Cancelled ) | already K:Cancelled
canceller of K, pause K: ( ) S=Cancelled O=Cancelled | K=Cancelled already K:Cancelled
canceller of K, add K: ( ) S=Cancelled O=Cancelled K=Cancelled K+=Cancelled | already K:Cancelled
";

/// The three of the table.
struct Trio {
    log: Log,
    triggers: RefCell<Vec<Trigger<u32>>>,
    handles: Vec<CancelHandle>,
    last: RefCell<Option<Deferred<u32>>>,
    acted: Cell<bool>,
}

fn position(name: &str) -> usize {
    "SOK".find(name).expect("one of the three")
}

impl Trio {
    fn say(&self, what: impl Into<String>) {
        self.log.borrow_mut().push(what.into());
    }

    fn attempt(&self, result: Result<(), AlreadyCalledError>) {
        self.say(if result.is_ok() { "ok" } else { "already" });
    }

    fn trigger(&self, target: usize) -> Trigger<u32> {
        self.triggers.borrow()[target].clone()
    }

    fn act(&self, action: &str, target: usize) {
        if self.acted.replace(true) {
            return;
        }
        self.say("(");
        match action {
            "fire" => self.attempt(self.trigger(target).callback(7)),
            "fail" => self.attempt(self.trigger(target).errback(std::fmt::Error)),
            "cancel" => self.handles[target].cancel(),
            "pause" => {
                // Not borrowed while it works.
                let last = self.last.take().expect("K");
                last.pause();
                self.last.replace(Some(last));
            }
            "add" => {
                let last = self.last.take().expect("K");
                let log = Rc::clone(&self.log);
                self.last.replace(Some(last.add_both(move |result| {
                    log.borrow_mut().push(format!("K+={}", name(&result)));
                    result
                })));
            }
            _ => unreachable!("{action}"),
        }
        self.say(")");
    }
}

/// Adds a callback of this kind that calls `act` and changes nothing.
fn call_in(kind: &str, d: Deferred<u32>, act: Rc<dyn Fn()>) -> Deferred<u32> {
    match kind {
        "none" => d,
        "callback" => d.add_callback(move |n| {
            act();
            Ok(n)
        }),
        "errback" => d.add_errback(move |failure| {
            act();
            Err(failure)
        }),
        _ => d.add_both(move |result| {
            act();
            result
        }),
    }
}

/// Does what a line of the table says, in Rust.
fn perform(line: &str, kind: &'static str) -> String {
    let (what, _expected) = line.split_once(": ").expect("a colon");
    let words: Vec<_> = what.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let &[inside, "of", at, action, target] = words.as_slice() else { panic!("{what}") };
    let (at, action, target) = (position(at), action.to_owned(), position(target));
    let inside_canceller = inside == "canceller";

    let log = Log::default();
    let trio: Rc<Cell<Option<Rc<Trio>>>> = Rc::default();
    let with_trio = Rc::clone(&trio);
    let act: Rc<dyn Fn()> = Rc::new(move || {
        let trio = with_trio.take().expect("the trio");
        with_trio.set(Some(Rc::clone(&trio)));
        trio.act(&action, target);
    });
    let finish = |d: Deferred<u32>, index: usize| {
        let kind = if inside_canceller || index != at { "none" } else { kind };
        let d = call_in(kind, d, Rc::clone(&act));
        let log = Rc::clone(&log);
        d.add_both(move |result| {
            let letter = &"SOK"[index..=index];
            log.borrow_mut().push(format!("{letter}={}", name(&result)));
            result
        })
    };

    let act_in_canceller = Rc::clone(&act);
    let (s, s_trigger) = if inside_canceller {
        Deferred::with_canceller(move |_trigger| act_in_canceller())
    } else {
        Deferred::new()
    };
    let (o, o_trigger) = Deferred::new();
    let (k, k_trigger) = Deferred::new();
    let handles = vec![s.cancel_handle(), o.cancel_handle(), k.cancel_handle()];
    let s = finish(s, 0);
    let o = finish(o.add_callback(|_| s), 1);
    let k = finish(k.add_callback(|_| o), 2);
    let this = Rc::new(Trio {
        log: Rc::clone(&log),
        triggers: RefCell::new(vec![s_trigger, o_trigger, k_trigger]),
        handles,
        last: RefCell::new(Some(k)),
        acted: Cell::new(false),
    });
    trio.set(Some(Rc::clone(&this)));
    this.trigger(2).callback(0).unwrap();
    this.trigger(1).callback(0).unwrap();
    match kind {
        _ if inside_canceller => this.handles[at].cancel(),
        "errback" => this.trigger(0).errback(std::fmt::Error).unwrap(),
        _ => this.trigger(0).callback(1).unwrap(),
    }
    assert!(this.acted.get(), "the action was not reached");
    this.say("|");
    let k = this.last.take().expect("K");
    k.unpause();
    this.attempt(this.trigger(0).callback(9));
    let end = k.take_result();
    this.say(format!("K:{}", end.as_ref().map_or("none".to_owned(), name)));
    trio.take();
    log.take().join(" ")
}

/// The table, for callbacks, errbacks and `add_both`, and for cancellers.
#[test]
fn callbacks_and_cancellers_do_as_in_twisted() {
    let mut wrong = Vec::new();
    let mut lines = 0;
    for line in TWISTED.lines().filter(|line| !line.is_empty()) {
        for kind in ["callback", "errback", "both"] {
            if line.starts_with("canceller") && kind != "callback" {
                continue;
            }
            let (_what, expected) = line.split_once(": ").unwrap();
            // With a failure the same happens to it.
            let expected = match kind {
                "errback" => expected.replace("=1", "=Error").replace("K:1", "K:Error"),
                _ => expected.to_owned(),
            };
            let got = perform(line, kind);
            lines += 1;
            if got != expected {
                wrong.push(format!("{kind}: {line}\n  expected {expected}\n  got      {got}"));
            }
        }
    }
    assert!(lines > 100, "only {lines}");
    assert!(wrong.is_empty(), "{} of {lines} differ:\n{}", wrong.len(), wrong.join("\n"));
}

// ===== everything does everything =====

/// Three Deferreds, each of which waits for the one before, and all there is
/// to do something to them.
#[derive(Default)]
struct World {
    counter: Counter,
    triggers: RefCell<[Option<Trigger<u32>>; 3]>,
    handles: RefCell<[Option<CancelHandle>; 3]>,
    deferreds: RefCell<[Option<Deferred<u32>>; 3]>,
    /// What is to be done, once, inside whatever is tested.
    hook: RefCell<Option<(Action, usize)>>,
    hooked: Cell<usize>,
    /// What was added later has run so often.
    added: Rc<Cell<usize>>,
    /// Keeps a future that was polled.
    polled: RefCell<Option<Deferred<()>>>,
    ended: Rc<Cell<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Fire,
    Fail,
    Cancel,
    Pause,
    Unpause,
    PauseAndUnpause,
    Add,
    AddAndCancel,
    Await,
    DropDeferred,
    DropTrigger,
    DropHandle,
    DropAll,
    TakeResult,
    Panic,
}

const ACTIONS: [Action; 15] = [
    Action::Fire,
    Action::Fail,
    Action::Cancel,
    Action::Pause,
    Action::Unpause,
    Action::PauseAndUnpause,
    Action::Add,
    Action::AddAndCancel,
    Action::Await,
    Action::DropDeferred,
    Action::DropTrigger,
    Action::DropHandle,
    Action::DropAll,
    Action::TakeResult,
    Action::Panic,
];

impl World {
    fn put(&self, index: usize, d: Deferred<u32>) {
        self.handles.borrow_mut()[index] = Some(d.cancel_handle());
        self.deferreds.borrow_mut()[index] = Some(d);
    }

    fn take(&self, index: usize) -> Option<Deferred<u32>> {
        self.deferreds.borrow_mut()[index].take()
    }

    fn trigger(&self, index: usize) -> Option<Trigger<u32>> {
        self.triggers.borrow()[index].clone()
    }

    fn cancel(&self, index: usize) {
        let handle = self.handles.borrow()[index].clone();
        if let Some(handle) = handle {
            handle.cancel();
        }
    }

    /// What everything that is tested calls.
    fn hook(self: &Rc<Self>) {
        let hook = self.hook.take();
        if let Some((action, target)) = hook {
            self.hooked.set(self.hooked.get() + 1);
            self.act(action, target);
        }
    }

    /// The same as a value: when it is dropped, the hook is called.
    fn bomb(self: &Rc<Self>) -> Bomb {
        Bomb(Rc::clone(self))
    }

    fn add(&self, index: usize) {
        if let Some(d) = self.take(index) {
            let (added, counted) = (Rc::clone(&self.added), self.counter.value());
            let d = d.add_both(move |result| {
                counted.touch();
                added.set(added.get() + 1);
                result
            });
            self.deferreds.borrow_mut()[index] = Some(d);
        }
    }

    fn pause(&self, index: usize, and_unpause: bool) {
        if let Some(d) = self.take(index) {
            d.pause();
            if and_unpause {
                d.unpause();
            }
            self.deferreds.borrow_mut()[index] = Some(d);
        }
    }

    fn act(self: &Rc<Self>, action: Action, target: usize) {
        match action {
            Action::Fire => {
                let _ = self.trigger(target).map(|trigger| trigger.callback(7));
            }
            Action::Fail => {
                let _ = self.trigger(target).map(|trigger| trigger.errback(std::fmt::Error));
            }
            Action::Cancel => self.cancel(target),
            Action::Pause => self.pause(target, false),
            Action::PauseAndUnpause => self.pause(target, true),
            Action::Unpause => {
                if let Some(d) = self.take(target) {
                    d.unpause();
                    self.deferreds.borrow_mut()[target] = Some(d);
                }
            }
            Action::Add => self.add(target),
            Action::AddAndCancel => {
                self.add(target);
                self.cancel(target);
            }
            Action::Await => {
                if let Some(d) = self.take(target) {
                    let counted = self.counter.value();
                    let d = ensure_deferred(async move {
                        let result = d.await;
                        counted.touch();
                        result
                    });
                    self.deferreds.borrow_mut()[target] = Some(d);
                }
            }
            Action::DropDeferred => drop(self.take(target)),
            Action::DropTrigger => {
                let trigger = self.triggers.borrow_mut()[target].take();
                drop(trigger);
            }
            Action::DropHandle => {
                let handle = self.handles.borrow_mut()[target].take();
                drop(handle);
            }
            Action::DropAll => self.clear(),
            Action::TakeResult => {
                if let Some(d) = self.take(target) {
                    let left = d.take_result().err();
                    self.deferreds.borrow_mut()[target] = left;
                }
            }
            // Not `panic!`, which would be printed each time.
            Action::Panic => std::panic::resume_unwind(Box::new("inside the hook")),
        }
    }

    /// Drops every handle there is.
    fn clear(&self) {
        drop(self.triggers.take());
        drop(self.handles.take());
        drop(self.deferreds.take());
        drop(self.polled.take());
    }

    /// The end of a chain; see that it comes, and that it is let go.
    fn last_callback(&self) -> impl FnOnce(Result<u32, Failure>) -> Result<u32, Failure> + use<> {
        let (ended, counted) = (Rc::clone(&self.ended), self.counter.value());
        move |result| {
            counted.touch();
            ended.set(ended.get() + 1);
            result
        }
    }
}

struct Bomb(Rc<World>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.hook();
    }
}

/// Calls the hook when it is woken. A waker is `Send`, so it finds its world
/// by way of the thread.
struct Alarm;

thread_local! {
    static ALARMED: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let world = ALARMED.with_borrow(Clone::clone);
        world.expect("a world").hook();
    }
}

/// Something that runs user code: makes the second Deferred, which waits for
/// the first, so that the hook is called on the way.
type Place = (&'static str, fn(&Rc<World>, Deferred<u32>) -> Deferred<u32>);

const PLACES: [Place; 16] = [
    ("a callback", |world, source| {
        let world = Rc::clone(world);
        source.add_callback(move |n| {
            world.hook();
            Ok(n)
        })
    }),
    ("an errback", |world, source| {
        let world = Rc::clone(world);
        source.add_callback(|_| Err(std::fmt::Error.into())).add_errback(move |_failure| {
            world.hook();
            Ok(0)
        })
    }),
    ("add_both", |world, source| {
        let world = Rc::clone(world);
        source.add_both(move |result| {
            world.hook();
            result
        })
    }),
    ("a callback that waits", |world, source| {
        let (here, there) = (Rc::clone(world), Rc::clone(world));
        Deferred::succeed(()).add_callback(|()| source).add_callback(move |n| {
            here.hook();
            Deferred::succeed(n).add_callback(move |n| {
                there.hook();
                Ok(n)
            })
        })
    }),
    ("a canceller", |world, source| {
        let with_canceller = Rc::clone(world);
        let (d, trigger) = Deferred::with_canceller(move |_| with_canceller.hook());
        let cancel = d.cancel_handle();
        drop(source.add_both(move |result| {
            cancel.cancel();
            drop(trigger);
            result
        }));
        d
    }),
    ("a coroutine", |world, source| {
        let world = Rc::clone(world);
        ensure_deferred(async move {
            let result = source.await;
            world.hook();
            result
        })
    }),
    ("the member of a list", |world, source| {
        let world = Rc::clone(world);
        let member = source.add_both(move |result| {
            world.hook();
            result
        });
        DeferredList::new([member, Deferred::succeed(1)])
            .consume_errors()
            .into_deferred()
            .add_callback(|mut results| results.swap_remove(0))
    }),
    ("the call at a timeout", |world, source| {
        let world = Rc::clone(world);
        let clock = Clock::new();
        let (d, trigger) = Deferred::new();
        let d = d.add_timeout_with(Duration::from_secs(1), &clock, move |result, _| {
            world.hook();
            result
        });
        drop(source.add_both(move |result| {
            clock.advance(Duration::from_secs(1));
            drop(trigger);
            result
        }));
        d
    }),
    ("work under a lock", |world, source| {
        let world = Rc::clone(world);
        let lock = DeferredLock::new();
        let first = lock.run(move || source);
        let second = lock.run(move || {
            world.hook();
            Ok(2)
        });
        drop(first);
        second
    }),
    ("the getter at a put", |world, source| {
        let world = Rc::clone(world);
        let queue = DeferredQueue::new();
        let got = queue.get().unwrap().add_both(move |result| {
            world.hook();
            result
        });
        drop(source.add_both(move |result| {
            queue.put(3).unwrap();
            result
        }));
        got
    }),
    ("an observer of unhandled errors", |world, source| {
        let observing = Rc::clone(world);
        source.add_both(move |result| {
            let _guard = unhandled::observe(move |_error| observing.hook());
            drop(Deferred::<()>::fail(std::fmt::Error));
            result
        })
    }),
    ("the drop of what a callback holds", |world, source| {
        let bomb = world.bomb();
        source.add_both(move |result| {
            let _held = &bomb;
            result
        })
    }),
    ("the drop of what an unused errback holds", |world, source| {
        let bomb = world.bomb();
        source.add_both(|_| Ok(0)).add_errback(move |failure| {
            let _held = &bomb;
            Err(failure)
        })
    }),
    ("the drop of what a canceller holds", |world, source| {
        let bomb = world.bomb();
        let (d, trigger) = Deferred::with_canceller(move |_| drop(bomb));
        drop(source.add_both(move |result| {
            let _ = trigger.fire(result);
            Ok(())
        }));
        d
    }),
    ("the drop of a result", |world, source| {
        let bomb = world.bomb();
        source.add_both(move |_| Ok(bomb)).add_callback(|_bomb| Ok(4)).add_callback(Ok)
    }),
    ("a waker", |world, source| {
        ALARMED.replace(Some(Rc::clone(world)));
        let (d, trigger) = Deferred::new();
        let mut polled = source.chain_deferred(trigger);
        let waker = Waker::from(Arc::new(Alarm));
        assert!(Pin::new(&mut polled).poll(&mut Context::from_waker(&waker)).is_pending());
        *world.polled.borrow_mut() = Some(polled);
        d
    }),
];

/// Has `action` done to `target` in `place`, and then everything brought to
/// its end.
fn re_enter((_, place): Place, action: Action, target: usize, linked: bool) -> Result<(), String> {
    let _ignore = ignore_unhandled_errors();
    let world = Rc::new(World::default());
    let (source, trigger) = Deferred::new();
    let fire = trigger.clone();
    world.triggers.borrow_mut()[0] = Some(trigger);
    world.handles.borrow_mut()[0] = Some(source.cancel_handle());
    let middle = place(&world, source);
    world.put(1, middle.add_both(world.last_callback()));
    if linked {
        let middle = world.take(1).unwrap();
        let (last, trigger) = Deferred::new();
        trigger.callback(0).unwrap();
        world.triggers.borrow_mut()[2] = Some(trigger);
        world.put(2, last.add_callback(|_| middle).add_both(world.last_callback()));
    }
    *world.hook.borrow_mut() = Some((action, target));

    let fired = catch_unwind(AssertUnwindSafe(|| fire.callback(1)));
    let mut complaints = Vec::new();
    if fired.is_err() {
        complaints.push("it panicked".to_owned());
    }
    if world.hooked.get() != 1 {
        complaints.push(format!("the hook was called {} times", world.hooked.get()));
    }
    for index in 0..3 {
        let d = world.take(index);
        d.iter().for_each(Deferred::unpause);
        drop(d);
    }
    if world.ended.get() != 1 + usize::from(linked) {
        complaints.push(format!("{} ends", world.ended.get()));
    }
    if world.counter.made() != world.counter.alive() + world.ended.get() + world.added.get() {
        // What `Await` counts goes as well.
        let awaited = usize::from(action == Action::Await);
        let gone = world.counter.made() - world.counter.alive();
        if gone > world.ended.get() + world.added.get() + awaited {
            complaints.push("something was dropped and has not run".to_owned());
        }
    }
    drop(fire);
    world.clear();
    ALARMED.take();
    if world.counter.alive() > 0 {
        complaints.push(format!("{} left over", world.counter.alive()));
    }
    if Rc::strong_count(&world) > 1 {
        complaints.push("the world is held".to_owned());
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join(", ")) }
}

/// Every kind of place, every kind of action, every target.
#[test]
fn everything_does_everything_to_everything() {
    let mut wrong = Vec::new();
    for place in PLACES {
        for action in ACTIONS {
            for (target, linked) in [(0, true), (1, true), (2, true), (0, false), (1, false)] {
                if let Err(complaint) = re_enter(place, action, target, linked) {
                    let at = ["the source", "itself", "what waits for it"][target];
                    wrong.push(format!("{}: {action:?} {at} ({linked}): {complaint}", place.0));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

// ===== at once, or later =====

fn log_to(log: &Log) -> impl Fn(&str) + Clone + 'static + use<> {
    let log = Rc::clone(log);
    move |what| log.borrow_mut().push(what.to_owned())
}

/// Firing another Deferred runs it before the call returns.
#[test]
fn another_is_fired_at_once() {
    let log = Log::default();
    let say = log_to(&log);
    let (other, other_trigger) = Deferred::new();
    let in_other = say.clone();
    drop(other.add_callback(move |()| in_other("other")));
    success_result_of(Deferred::succeed(()).add_callback(move |()| {
        say("before");
        other_trigger.callback(()).unwrap();
        say("after");
    }));
    assert_eq!(log.take(), ["before", "other", "after"]);
}

/// What a callback adds to its own Deferred runs when the callback has
/// returned, after what was there.
#[test]
fn what_is_added_to_ones_own_runs_later() {
    let log = Log::default();
    let say = log_to(&log);
    let own: Rc<Cell<Option<Deferred<()>>>> = Rc::default();
    let (d, trigger) = Deferred::new();
    let (here, own_too) = (say.clone(), Rc::clone(&own));
    let d = d.add_callback(move |()| {
        let (d, then) = (own_too.take().unwrap(), here.clone());
        own_too.set(Some(d.add_callback(move |()| then("added"))));
        here("returns");
    });
    own.set(Some(d.add_callback(move |()| say("was there"))));
    trigger.callback(()).unwrap();
    assert_eq!(log.take(), ["returns", "was there", "added"]);
    success_result_of(own.take().unwrap());
}

/// What a callback that fails inside a nested firing does stays there.
#[test]
fn a_panic_in_a_nested_firing_stays_in_its_deferred() {
    let (inner, inner_trigger) = Deferred::<()>::new();
    let inner = inner.add_callback(|()| -> Result<(), Failure> { panic!("inside") });
    let (outer, trigger) = Deferred::new();
    let outer = outer.add_callback(move |n: u32| {
        inner_trigger.callback(()).unwrap();
        Ok(n + 1)
    });
    trigger.callback(1).unwrap();
    assert_eq!(success_result_of(outer), 2);
    assert_eq!(failure_result_of(inner).check::<Panic>().unwrap().message(), "inside");
}

/// A callback that panics after it has fired another.
#[test]
fn a_panic_after_a_nested_firing_undoes_nothing() {
    let (inner, inner_trigger) = Deferred::new();
    let (outer, trigger) = Deferred::new();
    let outer = outer.add_callback(move |()| -> Result<(), Failure> {
        inner_trigger.callback(3).unwrap();
        panic!("after");
    });
    trigger.callback(()).unwrap();
    assert_eq!(success_result_of(inner), 3);
    assert!(failure_result_of(outer).is::<Panic>());
}

/// A canceller that panics is one that did nothing.
#[test]
fn a_canceller_that_panics_cancels() {
    let (d, trigger) = Deferred::<()>::with_canceller(|_| panic!("no"));
    d.cancel();
    assert!(failure_result_of(d).is::<CancelledError>());
    assert!(trigger.callback(()).is_err());
}

/// A cancellation passed on while one is under way reaches its end only once.
#[test]
fn a_canceller_that_cancels_is_called_once() {
    let calls = Rc::new(Cell::new(0));
    let handle: Rc<Cell<Option<CancelHandle>>> = Rc::default();
    let (called, itself) = (Rc::clone(&calls), Rc::clone(&handle));
    let (d, _trigger) = Deferred::<()>::with_canceller(move |_| {
        called.set(called.get() + 1);
        itself.take().unwrap().cancel();
    });
    handle.set(Some(d.cancel_handle()));
    d.cancel();
    assert_eq!(calls.get(), 1);
    assert!(failure_result_of(d).is::<CancelledError>());
}

/// A value that fires a Deferred when it is dropped.
struct FiresOnDrop(Trigger<u32>);

impl Drop for FiresOnDrop {
    fn drop(&mut self) {
        let _ = self.0.callback(8);
    }
}

#[test]
fn a_destructor_fires_another() {
    // Of a result that nobody takes.
    let (d, trigger) = Deferred::new();
    drop(Deferred::succeed(FiresOnDrop(trigger)));
    assert_eq!(success_result_of(d), 8);

    // Of what a callback holds that never runs.
    let (d, trigger) = Deferred::new();
    let held = FiresOnDrop(trigger);
    let (never, never_trigger) = Deferred::<()>::new();
    drop(never.add_callback(move |()| drop(held)));
    assert_no_result(&d);
    drop(never_trigger);
    assert_eq!(success_result_of(d), 8);

    // Of a coroutine that is not finished.
    let (d, trigger) = Deferred::new();
    let (never, never_trigger) = Deferred::<()>::new();
    let held = FiresOnDrop(trigger);
    drop(ensure_deferred(async move {
        let _held = held;
        never.await
    }));
    assert_no_result(&d);
    drop(never_trigger);
    assert_eq!(success_result_of(d), 8);
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

/// A destructor that panics inside a callback is a callback that panics.
#[test]
fn a_destructor_that_panics_in_a_callback_fails_its_deferred() {
    let (d, trigger) = Deferred::new();
    let held = PanicsOnDrop;
    let d = d.add_callback(move |n: u32| {
        let _held = &held;
        Ok(n)
    });
    trigger.callback(1).unwrap();
    assert!(failure_result_of(d).is::<Panic>());

    let d = Deferred::succeed(PanicsOnDrop).add_callback(|_dropped| Ok(2));
    assert!(failure_result_of(d).is::<Panic>());
}

/// A chain that has come to wait goes on waiting, whatever panics as what it
/// waits for is let go: its next callback has nothing to be called with.
#[test]
fn a_destructor_that_panics_as_a_chain_begins_to_wait_does_not_wake_it() {
    let (stuck, stuck_trigger) = Deferred::<()>::new();
    let held = PanicsOnDrop;
    let stuck = stuck.add_callback(move |()| {
        let _held = &held;
    });
    drop(stuck_trigger);
    let ran = Rc::new(Cell::new(false));
    let run = Rc::clone(&ran);
    let (d, trigger) = Deferred::new();
    drop(d.add_callback(move |()| stuck).add_both(move |_| run.set(true)));
    trigger.callback(()).unwrap();
    assert!(trigger.called());
    assert!(!ran.get());
}

/// Where there is no callback it goes to whoever dropped; the rest is let go.
#[test]
fn a_destructor_that_panics_where_nothing_runs_goes_through() {
    let counter = Counter::new();
    let d = Deferred::succeed(PanicsOnDrop);
    d.pause();
    let counted = counter.value();
    let d = d.add_callback(move |kept| {
        counted.touch();
        std::mem::forget(kept);
    });
    assert!(catch_unwind(AssertUnwindSafe(|| drop(d))).is_err());
    // And the thread goes on as if nothing had been.
    let (d, trigger) = Deferred::new();
    let counted = counter.value();
    let d = d.add_callback(move |()| counted.touch());
    drop(trigger);
    drop(d);
    assert_eq!(counter.alive(), 0);
}

/// A canceller that is let go because its Deferred was fired keeps nothing
/// from running.
#[test]
fn a_canceller_whose_destructor_panics_does_not_stop_its_deferred() {
    let held = PanicsOnDrop;
    let (d, trigger) = Deferred::with_canceller(move |_| std::mem::forget(held));
    let d = d.add_callback(|n: u32| Ok(n + 1));
    let _ = catch_unwind(AssertUnwindSafe(|| trigger.callback(1)));
    assert_eq!(success_result_of(d), 2);
}

/// An observer that panics during a firing does not end it.
#[test]
fn an_observer_that_panics_stops_nothing() {
    let _guard = unhandled::observe(|_error| panic!("seen"));
    let (d, trigger) = Deferred::<u32>::new();
    let (other, other_trigger) = Deferred::new();
    drop(d.add_both(move |result| {
        other_trigger.callback(1).unwrap();
        result
    }));
    let _ = catch_unwind(AssertUnwindSafe(|| trigger.errback(std::fmt::Error)));
    assert_eq!(success_result_of(other), 1);
}

/// Dropping a Deferred inside the observer tells the observer again.
#[test]
fn an_observer_is_told_of_what_it_drops() {
    let errors = LoggedErrors::collect();
    let told = Rc::new(Cell::new(0));
    let counted = Rc::clone(&told);
    let guard = unhandled::observe(move |_error| {
        counted.set(counted.get() + 1);
        if counted.get() < 3 {
            drop(Deferred::<()>::fail(CancelledError));
        }
    });
    drop(Deferred::<()>::fail(CancelledError));
    drop(guard);
    assert_eq!(told.get(), 3);
    assert!(errors.flush_all().is_empty());
}

// ===== random trees of actions =====

const DEFERREDS: usize = 4;

#[derive(Clone, Debug)]
enum Deed {
    Fire(usize, u32),
    Fail(usize),
    Cancel(usize),
    Pause(usize),
    Unpause(usize),
    Add(usize, Rc<Body>),
    Drop(usize),
}

/// What a callback does: deeds, and then it returns.
#[derive(Debug)]
struct Body {
    deeds: Vec<Deed>,
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Pass,
    Value(u32),
    Raise,
    Panic,
    Return(usize),
}

/// A result without its types.
type Plain = Result<u32, &'static str>;

fn plain(result: &Result<u32, Failure>) -> Plain {
    result.as_ref().copied().map_err(|failure| {
        if failure.is::<CancelledError>() {
            "cancelled"
        } else if failure.is::<Panic>() {
            "panicked"
        } else if failure.is::<deferred::ChainCycleError>() {
            "cycle"
        } else {
            "raised"
        }
    })
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Ran(usize, Plain),
    Fired(usize, bool),
    End(usize, Option<Plain>),
}

/// The library.
#[derive(Default)]
struct Real {
    triggers: Vec<Trigger<u32>>,
    handles: Vec<CancelHandle>,
    held: RefCell<Vec<Option<Deferred<u32>>>>,
    events: RefCell<Vec<Event>>,
    counter: Counter,
}

impl Real {
    fn check_all_orders(deeds: &[Deed]) -> Vec<Event> {
        let _ignore = ignore_unhandled_errors();
        let mut this = Self::default();
        for _ in 0..DEFERREDS {
            let (d, trigger) = Deferred::new();
            this.triggers.push(trigger);
            this.handles.push(d.cancel_handle());
            this.held.get_mut().push(Some(d));
        }
        let this = Rc::new(this);
        deeds.iter().for_each(|deed| this.act(deed));
        for index in 0..DEFERREDS {
            let result = this.take(index).and_then(|d| d.take_result().ok());
            this.events.borrow_mut().push(Event::End(index, result.as_ref().map(plain)));
        }
        let events = this.events.take();
        let counter = this.counter.clone();
        drop(this);
        assert_eq!(counter.alive(), 0, "left over of {}", counter.made());
        events
    }

    fn take(&self, index: usize) -> Option<Deferred<u32>> {
        self.held.borrow_mut()[index].take()
    }

    fn with(&self, index: usize, work: impl FnOnce(Deferred<u32>) -> Deferred<u32>) {
        if let Some(d) = self.take(index) {
            let d = work(d);
            self.held.borrow_mut()[index] = Some(d);
        }
    }

    fn act(self: &Rc<Self>, deed: &Deed) {
        match *deed {
            Deed::Fire(index, value) => {
                let fired = self.triggers[index].callback(value).is_ok();
                self.events.borrow_mut().push(Event::Fired(index, fired));
            }
            Deed::Fail(index) => {
                let fired = self.triggers[index].errback(std::fmt::Error).is_ok();
                self.events.borrow_mut().push(Event::Fired(index, fired));
            }
            Deed::Cancel(index) => self.handles[index].cancel(),
            Deed::Pause(index) => self.with(index, |d| {
                d.pause();
                d
            }),
            Deed::Unpause(index) => self.with(index, |d| {
                d.unpause();
                d
            }),
            Deed::Add(index, ref body) => {
                // Weak: it has the triggers of them all.
                let (this, body) = (Rc::downgrade(self), Rc::clone(body));
                let counted = self.counter.value();
                self.with(index, |d| {
                    d.add_both(move |result| {
                        counted.touch();
                        match this.upgrade() {
                            Some(this) => this.run(index, &body, result),
                            None => deferred::Outcome::Done(result),
                        }
                    })
                });
            }
            Deed::Drop(index) => drop(self.take(index)),
        }
    }

    fn run(
        self: &Rc<Self>,
        index: usize,
        body: &Body,
        result: Result<u32, Failure>,
    ) -> deferred::Outcome<u32> {
        self.events.borrow_mut().push(Event::Ran(index, plain(&result)));
        body.deeds.iter().for_each(|deed| self.act(deed));
        let done = match body.end {
            End::Pass => result,
            End::Value(value) => Ok(value),
            End::Raise => Err(std::fmt::Error.into()),
            End::Panic => std::panic::resume_unwind(Box::new("on purpose")),
            End::Return(other) => match self.take(other) {
                Some(other) => return deferred::Outcome::Wait(other),
                None => result,
            },
        };
        deferred::Outcome::Done(done)
    }
}

/// The same in a few lines, and with recursion.
struct Model {
    chains: Vec<Chain>,
    events: Vec<Event>,
}

#[derive(Clone, Default)]
struct Chain {
    fired: bool,
    swallow: bool,
    running: bool,
    held: bool,
    paused: u32,
    result: Option<Plain>,
    queue: VecDeque<Rc<Body>>,
    waits_for: Option<usize>,
    waiter: Option<usize>,
}

impl Chain {
    fn may_run(&self) -> bool {
        self.fired && !self.running && self.paused == 0 && self.waits_for.is_none()
    }
}

impl Model {
    fn check_all_orders(deeds: &[Deed]) -> Vec<Event> {
        let chains = vec![Chain { held: true, ..Chain::default() }; DEFERREDS];
        let mut this = Self { chains, events: Vec::new() };
        deeds.iter().for_each(|deed| this.act(deed));
        for (index, chain) in this.chains.iter().enumerate() {
            let there = chain.held && chain.may_run() && chain.queue.is_empty();
            this.events.push(Event::End(index, chain.result.filter(|_| there)));
        }
        this.events
    }

    fn act(&mut self, deed: &Deed) {
        match *deed {
            Deed::Fire(index, value) => self.fire(index, Ok(value)),
            Deed::Fail(index) => self.fire(index, Err("raised")),
            Deed::Cancel(index) => self.cancel(index),
            Deed::Pause(index) if self.chains[index].held => self.chains[index].paused += 1,
            Deed::Unpause(index) if self.chains[index].held => {
                let chain = &mut self.chains[index];
                let last = chain.paused == 1;
                chain.paused = chain.paused.saturating_sub(1);
                if last {
                    self.run_without_handle(index);
                }
            }
            Deed::Add(index, ref body) if self.chains[index].held => {
                self.chains[index].queue.push_back(Rc::clone(body));
                self.run_without_handle(index);
            }
            Deed::Drop(index) => self.chains[index].held = false,
            _ => {}
        }
    }

    /// The handle is not in its place while it is used.
    fn run_without_handle(&mut self, index: usize) {
        self.chains[index].held = false;
        self.run(index);
        self.chains[index].held = true;
    }

    fn fire(&mut self, index: usize, result: Plain) {
        let chain = &mut self.chains[index];
        let mut fired = true;
        if chain.fired {
            fired = std::mem::take(&mut chain.swallow);
        } else {
            chain.fired = true;
            chain.result = Some(result);
            self.run(index);
        }
        self.events.push(Event::Fired(index, fired));
    }

    fn cancel(&mut self, index: usize) {
        let chain = &mut self.chains[index];
        if let Some(other) = chain.waits_for {
            self.cancel(other);
        } else if !chain.fired {
            chain.fired = true;
            chain.swallow = true;
            chain.result = Some(Err("cancelled"));
            self.run(index);
        }
    }

    fn run(&mut self, index: usize) {
        if !self.chains[index].may_run() {
            return;
        }
        // A pause that a callback makes holds back what is added later.
        while self.chains[index].waits_for.is_none() {
            let chain = &mut self.chains[index];
            if let Some(body) = chain.queue.pop_front() {
                chain.running = true;
                let before = chain.result.take().expect("a result");
                self.events.push(Event::Ran(index, before));
                body.deeds.iter().for_each(|deed| self.act(deed));
                let result = self.end(index, body.end, before);
                let chain = &mut self.chains[index];
                chain.running = false;
                chain.result = result;
            } else if let Some(waiter) = chain.waiter.take() {
                let result = chain.result.take();
                self.chains[waiter].result = result;
                self.chains[waiter].waits_for = None;
                return self.run(waiter);
            } else {
                return;
            }
        }
    }

    /// What becomes of a callback; `None` if it waits.
    fn end(&mut self, index: usize, end: End, before: Plain) -> Option<Plain> {
        let other = match end {
            End::Pass => return Some(before),
            End::Value(value) => return Some(Ok(value)),
            End::Raise => return Some(Err("raised")),
            End::Panic => return Some(Err("panicked")),
            End::Return(other) if !self.chains[other].held => return Some(before),
            End::Return(other) => other,
        };
        self.chains[other].held = false;
        let mut at = Some(other);
        while let Some(up) = at {
            if up == index {
                return Some(Err("cycle"));
            }
            at = self.chains[up].waits_for;
        }
        let chain = &mut self.chains[other];
        if chain.may_run() && chain.queue.is_empty() {
            return chain.result.take();
        }
        chain.waiter = Some(index);
        self.chains[index].waits_for = Some(other);
        None
    }
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let which = 0..DEFERREDS;
    let leaf = prop_oneof![
        3 => (which.clone(), 1..9_u32).prop_map(|(index, value)| Deed::Fire(index, value)),
        1 => which.clone().prop_map(Deed::Fail),
        1 => which.clone().prop_map(Deed::Cancel),
        1 => which.clone().prop_map(Deed::Pause),
        2 => which.clone().prop_map(Deed::Unpause),
        1 => which.clone().prop_map(Deed::Drop),
    ];
    let end = prop_oneof![
        2 => Just(End::Pass),
        1 => (1..9_u32).prop_map(End::Value),
        1 => Just(End::Raise),
        1 => Just(End::Panic),
        4 => which.clone().prop_map(End::Return),
    ];
    let deed = leaf.prop_recursive(4, 40, 5, move |inner| {
        let body = (prop::collection::vec(inner.clone(), 0..4), end.clone());
        let body = body.prop_map(|(deeds, end)| Rc::new(Body { deeds, end }));
        prop_oneof![
            1 => inner,
            3 => (which.clone(), body).prop_map(|(index, body)| Deed::Add(index, body)),
        ]
    });
    prop::collection::vec(deed, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 10 } else { 4000 / u32::try_from(crate::support::divisor()).unwrap() },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever callbacks do to one another, it is what the model says.
    #[test]
    fn random_trees_of_actions_do_as_the_model(deeds in deeds()) {
        prop_assert_eq!(Real::check_all_orders(&deeds), Model::check_all_orders(&deeds));
    }
}

/// The random trees reach what they are meant to reach.
#[test]
fn the_model_tells_its_cases_apart() {
    let body = |deeds, end| Rc::new(Body { deeds, end });
    let nested = body(vec![Deed::Fire(1, 5)], End::Return(1));
    let program = [
        Deed::Add(0, nested),
        Deed::Add(0, body(vec![], End::Pass)),
        Deed::Add(1, body(vec![Deed::Cancel(0)], End::Value(6))),
        Deed::Fire(0, 1),
    ];
    let expected = vec![
        Event::Ran(0, Ok(1)),
        Event::Ran(1, Ok(5)),
        Event::Fired(1, true),
        Event::Ran(0, Ok(6)),
        Event::Fired(0, true),
        Event::End(0, Some(Ok(6))),
        Event::End(1, None),
        Event::End(2, None),
        Event::End(3, None),
    ];
    assert_eq!(Model::check_all_orders(&program), expected);
    assert_eq!(Real::check_all_orders(&program), expected);
}
