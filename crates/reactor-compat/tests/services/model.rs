//! All orders of events for a tree of two services: starts, stops, and what becomes of
//! what they began, each against each. What each service sees, and what those who wait
//! are told, has to be right in every state.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deferred::time::Clock;
use deferred::{Deferred, Failure, Trigger};
use reactor_compat::service::{MultiService, Service, ServiceError};

/// What a service is asked to do, until the model says what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Bind,
    Start,
    Stop,
}

/// A service whose every step waits for the model.
struct Part {
    asked: Cell<Asked>,
    answer: RefCell<Option<Trigger<()>>>,
    /// Whether a start came that no stop followed.
    touched: Cell<bool>,
    bound: Cell<bool>,
    up: Cell<bool>,
    /// Whether a start that is cancelled fails then, or is done just in time.
    heeds: bool,
}

impl Part {
    fn new(heeds: bool) -> Rc<Self> {
        Rc::new(Self {
            asked: Cell::new(Asked::Nothing),
            answer: RefCell::default(),
            touched: Cell::new(false),
            bound: Cell::new(false),
            up: Cell::new(false),
            heeds,
        })
    }

    fn ask(self: &Rc<Self>, asked: Asked) -> Deferred<()> {
        assert_eq!(self.asked.replace(asked), Asked::Nothing, "asked twice at once");
        match asked {
            Asked::Bind => assert!(!self.touched.replace(true) && !self.bound.get()),
            Asked::Start => assert!(self.bound.get() && !self.up.get()),
            Asked::Stop => {
                assert!(self.touched.replace(false), "stopped, and nothing was started");
                self.bound.set(false);
                self.up.set(false);
            }
            Asked::Nothing => unreachable!("nobody asks for nothing"),
        }
        let me = self.clone();
        let (answered, answer) = Deferred::with_canceller(move |trigger: &Trigger<()>| {
            let asked = me.asked.replace(Asked::Nothing);
            assert_ne!(asked, Asked::Stop, "a stop is not given up");
            me.answer.take();
            let _ = if me.heeds {
                trigger.errback(deferred::CancelledError)
            } else {
                me.done(asked);
                trigger.callback(())
            };
        });
        *self.answer.borrow_mut() = Some(answer);
        answered
    }

    /// Answers what was asked; whether something was.
    fn answers(&self, success: bool) -> bool {
        let asked = self.asked.replace(Asked::Nothing);
        if asked == Asked::Nothing {
            return false;
        }
        if success {
            self.done(asked);
        }
        let answer = self.answer.take().unwrap();
        let answered = if success {
            answer.callback(())
        } else {
            answer.errback(std::io::Error::other("broken"))
        };
        answered.unwrap();
        true
    }

    fn done(&self, asked: Asked) {
        match asked {
            Asked::Bind => self.bound.set(true),
            Asked::Start => self.up.set(true),
            Asked::Stop | Asked::Nothing => {}
        }
    }
}

struct Handle(Rc<Part>);

impl Service for Handle {
    fn privileged_start_service(&self) -> Deferred<()> {
        self.0.ask(Asked::Bind)
    }

    fn start_service(&self) -> Deferred<()> {
        self.0.ask(Asked::Start)
    }

    fn stop_service(&self) -> Deferred<()> {
        self.0.ask(Asked::Stop)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Start,
    Stop,
    CancelStart,
    FirstAnswers,
    FirstFails,
    SecondAnswers,
    SecondFails,
    Add,
    Disown,
}

const EVENTS: [Event; 9] = [
    Event::Start,
    Event::Stop,
    Event::CancelStart,
    Event::FirstAnswers,
    Event::FirstFails,
    Event::SecondAnswers,
    Event::SecondFails,
    Event::Add,
    Event::Disown,
];

/// What one who waits was told.
type Told = Rc<RefCell<Option<Result<(), Failure>>>>;

struct World {
    services: MultiService,
    parts: [Rc<Part>; 2],
    second: Option<reactor_compat::service::ServiceHandle>,
    /// Those that were disowned.
    gone: Vec<Rc<Part>>,
    starts: Vec<(Deferred<()>, Told)>,
    told: Vec<Told>,
}

impl World {
    fn new(heeds: bool) -> Self {
        let services = MultiService::new(&Clock::new());
        let parts = [Part::new(heeds), Part::new(heeds)];
        services.add_named_service("first", Handle(parts[0].clone())).unwrap();
        Self {
            services,
            parts,
            second: None,
            gone: Vec::new(),
            starts: Vec::new(),
            told: Vec::new(),
        }
    }

    fn hears(&mut self, waiting: Deferred<()>) -> (Deferred<()>, Told) {
        let told = Told::default();
        let tell = told.clone();
        let waiting = waiting.add_both(move |result| {
            assert!(tell.borrow_mut().replace(result).is_none(), "told twice");
            Ok(())
        });
        self.told.push(told.clone());
        (waiting, told)
    }

    /// Does it; whether it is anything in this state.
    fn act(&mut self, event: Event) -> bool {
        match event {
            Event::Start => {
                let start = self.services.start_service();
                let start = self.hears(start);
                self.starts.push(start);
            }
            Event::Stop => {
                let stop = self.services.stop_service();
                let (stop, _) = self.hears(stop);
                drop(stop);
            }
            Event::CancelStart => {
                let Some((start, told)) = self.starts.pop() else { return false };
                if told.borrow().is_some() {
                    return false;
                }
                start.cancel();
                assert!(told.borrow().is_some(), "who cancels is told at once");
            }
            Event::FirstAnswers => return self.parts[0].answers(true),
            Event::FirstFails => return self.parts[0].answers(false),
            Event::SecondAnswers => return self.parts[1].answers(true),
            Event::SecondFails => return self.parts[1].answers(false),
            Event::Add => {
                if self.second.is_some() {
                    return false;
                }
                let second = Handle(self.parts[1].clone());
                self.second = Some(self.services.add_named_service("second", second).unwrap());
            }
            Event::Disown => {
                let Some(second) = self.second.take() else { return false };
                let gone = second.disown_service_parent();
                let (gone, _) = self.hears(gone);
                drop(gone);
                let next = Part::new(self.parts[1].heeds);
                self.gone.push(std::mem::replace(&mut self.parts[1], next));
            }
        }
        true
    }

    fn check(&self) {
        if self.services.running() && self.parts[0].asked.get() == Asked::Nothing {
            assert!(self.parts[0].up.get(), "it runs, and its first does not");
        }
        for part in &self.parts {
            assert!(!part.up.get() || part.bound.get());
        }
    }

    /// Everybody answers, and so all who wait are told; then it stops.
    fn finish(&mut self) {
        self.settle();
        self.act(Event::Stop);
        self.settle();
        assert!(!self.services.running());
        for part in self.parts.iter().chain(&self.gone) {
            assert!(!part.touched.get(), "started, and never stopped");
        }
        for told in &self.told {
            assert!(told.borrow().is_some(), "somebody waits for ever");
        }
        // It can be started again.
        let before = self.told.len();
        self.act(Event::Start);
        self.settle();
        assert!(self.told[before].borrow().as_ref().unwrap().is_ok());
        assert!(self.services.running() && self.parts[0].up.get());
        self.act(Event::Stop);
        self.settle();
    }

    fn settle(&self) {
        while self.parts.iter().chain(&self.gone).any(|part| part.answers(true)) {
            self.check();
        }
    }
}

fn play(heeds: bool, events: &[Event]) -> bool {
    let mut world = World::new(heeds);
    for event in events {
        if !world.act(*event) {
            return false;
        }
        world.check();
    }
    world.finish();
    true
}

/// Goes through all orders of so many events, and says how many there were.
fn explore(heeds: bool, depth: usize) -> usize {
    let (mut orders, mut events) = (0, Vec::new());
    explore_from(heeds, depth, &mut events, &mut orders);
    orders
}

fn explore_from(heeds: bool, depth: usize, events: &mut Vec<Event>, orders: &mut usize) {
    for event in EVENTS {
        events.push(event);
        let outcome = std::panic::catch_unwind(|| play(heeds, events));
        match outcome {
            Ok(true) => {
                *orders += 1;
                if depth > 1 {
                    explore_from(heeds, depth - 1, events, orders);
                }
            }
            // It is nothing in this state, and neither is what would follow.
            Ok(false) => {}
            Err(_) => {
                eprintln!("heeds: {heeds}, {events:?}");
                unreachable!("the orders above are not right");
            }
        }
        events.pop();
    }
}

#[test]
fn every_order_of_six_events_comes_out_right() {
    for heeds in [true, false] {
        let orders = explore(heeds, 6);
        assert!(orders > 3_000, "only {orders}");
    }
}

#[test]
fn who_waited_in_vain_is_told_why() {
    let mut world = World::new(true);
    world.act(Event::Add);
    world.act(Event::Start);
    for event in
        [Event::FirstAnswers, Event::SecondAnswers, Event::FirstAnswers, Event::SecondFails]
    {
        assert!(world.act(event), "{event:?}");
    }
    // The second was stopped, too, for it had been touched; the first since it ran.
    world.settle();
    let told = world.told[0].borrow();
    let failure = told.as_ref().unwrap().as_ref().unwrap_err();
    assert_eq!(failure.to_string(), "`second` did not start: broken");
    assert!(matches!(failure.check(), Some(ServiceError::NotStarted { .. })));
    assert!(!world.parts[0].touched.get() && !world.parts[1].touched.get());
}
