//! Events in three phases: order, waiting, failing, and changes under way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deferred::testing::{LoggedErrors, assert_no_result, success_result_of};
use deferred::{Deferred, Failure};
use reactor_compat::event::{
    EventPhase::{After, Before, During},
    EventTrigger, NoSuchTrigger, ThreePhaseEvent,
};

#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<&'static str>>>);

impl Log {
    fn note(&self, what: &'static str) -> impl FnOnce() + 'static {
        let log = self.0.clone();
        move || log.borrow_mut().push(what)
    }

    fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }
}

fn never() {
    unreachable!()
}

#[expect(clippy::panic, reason = "it is what is tested")]
fn panicking() {
    panic!("this panic is part of the test")
}

#[test]
fn phases_are_in_order_and_so_are_triggers() {
    let (event, log) = (ThreePhaseEvent::new(), Log::default());
    for (phase, what) in [(After, "d"), (Before, "a"), (During, "c"), (Before, "b"), (After, "e")] {
        event.add_trigger(phase, log.note(what));
    }
    success_result_of(event.fire_event());
    assert_eq!(log.take(), ["a", "b", "c", "d", "e"]);
}

#[test]
fn triggers_are_called_once() {
    let (event, log) = (ThreePhaseEvent::new(), Log::default());
    event.add_trigger(Before, log.note("before"));
    event.fire_event();
    event.add_trigger(During, log.note("during"));
    event.fire_event();
    assert_eq!(log.take(), ["before", "during"]);
}

#[test]
fn before_holds_the_rest_up_until_all_have_results() {
    let (event, log) = (ThreePhaseEvent::new(), Log::default());
    let (a, first) = Deferred::<u8>::new();
    let (b, second) = Deferred::<()>::new();
    event.add_trigger(Before, move || a);
    event.add_trigger(Before, move || b);
    event.add_trigger(Before, log.note("before"));
    event.add_trigger(During, log.note("during"));
    let done = event.fire_event();
    second.callback(()).unwrap();
    assert_eq!(log.take(), ["before"]);
    assert_no_result(&done);
    first.callback(1).unwrap();
    assert_eq!(log.take(), ["during"]);
    success_result_of(done);
}

#[test]
fn a_deferred_that_fails_lets_the_rest_go_on_and_is_reported() {
    let errors = LoggedErrors::collect();
    let (event, log) = (ThreePhaseEvent::new(), Log::default());
    let (a, trigger) = Deferred::<()>::new();
    event.add_trigger(Before, move || a);
    event.add_trigger(During, log.note("during"));
    event.fire_event();
    trigger.errback(std::fmt::Error).unwrap();
    assert_eq!(log.take(), ["during"]);
    assert_eq!(errors.flush_logged_errors::<std::fmt::Error>().len(), 1);
}

#[test]
fn deferreds_of_the_other_phases_are_not_waited_for() {
    let (event, log) = (ThreePhaseEvent::new(), Log::default());
    let (a, _trigger) = Deferred::<()>::new();
    event.add_trigger(During, move || a);
    event.add_trigger(After, log.note("after"));
    success_result_of(event.fire_event());
    assert_eq!(log.take(), ["after"]);
}

#[test]
fn what_fails_or_panics_is_logged_and_the_others_are_called() {
    let (event, log) = (ThreePhaseEvent::new(), Log::default());
    for phase in [Before, During, After] {
        event.add_trigger(phase, || Err::<(), Failure>(std::fmt::Error.into()));
        event.add_trigger(phase, panicking);
        event.add_trigger(phase, log.note("called"));
    }
    let (written, guard) = capture();
    success_result_of(event.fire_event());
    drop(guard);
    assert_eq!(log.take().len(), 3);
    let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    assert_eq!(
        written.matches("While calling system event trigger handler").count(),
        6,
        "{written}"
    );
    assert_eq!(written.matches("this panic is part of the test").count(), 3, "{written}");
}

type Written = std::sync::Arc<std::sync::Mutex<Vec<u8>>>;

/// What is logged on this thread until the guard is dropped.
fn capture() -> (Written, tracing::subscriber::DefaultGuard) {
    let written = Written::default();
    let writer = tracing_subscriber::fmt::writer::BoxMakeWriter::new(Writer(written.clone()));
    let subscriber = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).finish();
    (written, tracing::subscriber::set_default(subscriber))
}

#[derive(Clone)]
struct Writer(Written);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Writer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn what_was_removed_is_not_called() {
    let (event, log) = (ThreePhaseEvent::new(), Log::default());
    for phase in [Before, During, After] {
        let trigger = event.add_trigger(phase, log.note("never"));
        assert_eq!(event.remove_trigger(&trigger), Ok(()));
        assert_eq!(event.remove_trigger(&trigger), Err(NoSuchTrigger));
    }
    success_result_of(event.fire_event());
    assert!(log.take().is_empty());
}

#[test]
fn what_was_called_cannot_be_removed() {
    let event = ThreePhaseEvent::new();
    let triggers = [Before, During, After].map(|phase| event.add_trigger(phase, || ()));
    event.fire_event();
    for trigger in &triggers {
        assert_eq!(event.remove_trigger(trigger), Err(NoSuchTrigger));
    }
}

#[test]
fn removing_from_another_event_is_an_error() {
    let (event, other) = (ThreePhaseEvent::new(), ThreePhaseEvent::new());
    let trigger = event.add_trigger(Before, || ());
    other.add_trigger(Before, || ());
    assert_eq!(other.remove_trigger(&trigger), Err(NoSuchTrigger));
    assert_eq!(event.remove_trigger(&trigger), Ok(()));
}

/// As long as the phase lasts, it makes no difference that a `before` trigger
/// was called already.
#[test]
fn while_before_lasts_one_of_it_can_be_removed_in_vain() {
    let event = ThreePhaseEvent::new();
    let called = event.add_trigger(Before, || ());
    let (wait, trigger) = Deferred::<()>::new();
    event.add_trigger(Before, move || wait);
    let later = event.add_trigger(During, never);
    event.fire_event();
    assert_eq!(event.remove_trigger(&called), Ok(()));
    assert_eq!(event.remove_trigger(&called), Ok(()));
    assert_eq!(event.remove_trigger(&later), Ok(()));
    assert_eq!(event.remove_trigger(&later), Err(NoSuchTrigger));
    trigger.callback(()).unwrap();
    assert_eq!(event.remove_trigger(&called), Err(NoSuchTrigger));
}

#[test]
fn a_trigger_can_remove_those_after_it() {
    let event = ThreePhaseEvent::new();
    for (phase, next) in [(Before, Before), (Before, During), (During, During), (During, After)] {
        let victim: Rc<RefCell<Option<EventTrigger>>> = Rc::default();
        let (inner, found) = (event.clone(), victim.clone());
        let removed = Rc::new(Cell::new(false));
        let see = removed.clone();
        event.add_trigger(phase, move || {
            see.set(inner.remove_trigger(&found.take().unwrap()).is_ok());
        });
        victim.replace(Some(event.add_trigger(next, never)));
        success_result_of(event.fire_event());
        assert!(removed.get(), "{phase:?} {next:?}");
    }
}

#[test]
fn what_is_added_to_this_phase_or_a_later_one_is_called() {
    let (event, log) = (ThreePhaseEvent::new(), Log::default());
    let (inner, again) = (event.clone(), log.clone());
    event.add_trigger(During, move || {
        inner.add_trigger(Before, again.note("next time"));
        inner.add_trigger(During, again.note("during"));
        inner.add_trigger(After, again.note("after"));
    });
    event.fire_event();
    assert_eq!(log.take(), ["during", "after"]);
    event.fire_event();
    assert_eq!(log.take(), ["next time"]);
}

#[test]
fn firing_it_from_inside_calls_what_is_left_first() {
    let (event, log) = (ThreePhaseEvent::new(), Log::default());
    let (inner, start) = (event.clone(), log.note("start"));
    let end = log.note("end");
    event.add_trigger(Before, move || {
        start();
        success_result_of(inner.fire_event());
        end();
    });
    event.add_trigger(Before, log.note("before"));
    event.add_trigger(During, log.note("during"));
    success_result_of(event.fire_event());
    assert_eq!(log.take(), ["start", "before", "during", "end"]);
}

#[test]
fn what_a_removed_trigger_held_may_use_the_event() {
    struct Remove(ThreePhaseEvent, Rc<Cell<usize>>);
    impl Drop for Remove {
        fn drop(&mut self) {
            self.0.add_trigger(During, || ());
            self.1.set(self.1.get() + 1);
        }
    }

    let (event, dropped) = (ThreePhaseEvent::new(), Rc::new(Cell::new(0)));
    let held = Remove(event.clone(), dropped.clone());
    let trigger = event.add_trigger(During, move || drop(held));
    event.remove_trigger(&trigger).unwrap();
    assert_eq!(dropped.get(), 1);
    event.fire_event();
}
