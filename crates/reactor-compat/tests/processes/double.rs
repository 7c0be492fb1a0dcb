//! All orders in which the pipes of a process may end and the process may, with a double:
//! the protocol hears of each once, of the end last.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use deferred::Failure;
use deferred::testing::success_result_of;
use reactor_compat::process::{
    Process, ProcessCommand, ProcessDone, ProcessProtocol, ProcessTerminated, SpawnError,
};
use reactor_compat::testing::{MemoryProcess, MemoryReactor};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Made,
    Data(u32, Vec<u8>),
    Lost(u32),
    Exited,
    Ended,
}

#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Vec<Heard>>>);

impl Recorder {
    fn push(&self, heard: Heard) {
        self.0.borrow_mut().push(heard);
    }
}

impl ProcessProtocol for Recorder {
    fn connection_made(&mut self, _: &Process<Self>) {
        self.push(Heard::Made);
    }

    fn child_data_received(&mut self, _: &Process<Self>, number: u32, data: &[u8]) {
        self.push(Heard::Data(number, data.to_vec()));
    }

    fn child_connection_lost(&mut self, _: &Process<Self>, number: u32) {
        self.push(Heard::Lost(number));
    }

    fn process_exited(&mut self, process: &Process<Self>, _: Failure) {
        assert!(process.exited() && process.reason().is_some());
        self.push(Heard::Exited);
    }

    fn process_ended(&mut self, process: &Process<Self>, _: Failure) {
        assert!(process.ended());
        self.push(Heard::Ended);
    }
}

/// What may happen to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    EndOut,
    EndErr,
    WriteOut,
    CloseStdin,
    CloseStdout,
    LoseConnection,
    Exit,
    Settle,
}

const EVENTS: [Event; 8] = [
    Event::EndOut,
    Event::EndErr,
    Event::WriteOut,
    Event::CloseStdin,
    Event::CloseStdout,
    Event::LoseConnection,
    Event::Exit,
    Event::Settle,
];

fn act(event: Event, reactor: &MemoryReactor, ours: &Process<Recorder>, theirs: &MemoryProcess) {
    let pipe = |number| theirs.pipe(number).unwrap();
    // What a process does to a pipe that is closed comes to nothing.
    match event {
        Event::EndOut => drop(pipe(1).end()),
        Event::EndErr => drop(pipe(2).end()),
        Event::WriteOut => drop(pipe(1).write("x")),
        Event::CloseStdin => ours.close_stdin(),
        Event::CloseStdout => ours.close_stdout(),
        Event::LoseConnection => ours.lose_connection(),
        Event::Exit => theirs.exit_leaving_pipes(0),
        Event::Settle => drop(reactor.flush().unwrap()),
    }
}

fn play(events: &[Event]) {
    let reactor = MemoryReactor::new();
    let recorder = Recorder::default();
    let process = reactor.spawn_process(recorder.clone(), &ProcessCommand::new("cat")).unwrap();
    let double = reactor.processes()[0].clone();
    for event in events {
        act(*event, &reactor, &process, &double);
    }
    let ended = process.when_ended();
    reactor.flush().unwrap();
    double.exit(0);
    reactor.flush().unwrap();
    success_result_of(ended);
    let heard = recorder.0.borrow();
    assert_eq!(heard.first(), Some(&Heard::Made));
    assert_eq!(heard.last(), Some(&Heard::Ended));
    for once in
        [Heard::Made, Heard::Lost(0), Heard::Lost(1), Heard::Lost(2), Heard::Exited, Heard::Ended]
    {
        assert_eq!(heard.iter().filter(|one| **one == once).count(), 1, "{once:?} in {heard:?}");
    }
    let lost = heard.iter().position(|one| *one == Heard::Lost(1));
    let data = heard.iter().rposition(|one| matches!(one, Heard::Data(1, _)));
    assert!(data < lost, "data behind its end: {heard:?}");
    assert!(process.reason().unwrap().is::<ProcessDone>());
}

fn explore(depth: usize, events: &mut Vec<Event>) -> usize {
    if depth == 0 {
        play(events);
        return 1;
    }
    let mut orders = 0;
    for event in EVENTS {
        events.push(event);
        orders += explore(depth - 1, events);
        events.pop();
    }
    orders
}

#[test]
fn every_order_of_four_events_is_heard_right() {
    assert_eq!(explore(4, &mut Vec::new()), 4096);
}

#[test]
fn pipes_that_others_hold_are_closed_after_their_grace() {
    let reactor = MemoryReactor::new();
    let recorder = Recorder::default();
    let command = ProcessCommand::new("daemon").pipe_grace(Duration::from_secs(1));
    let process = reactor.spawn_process(recorder.clone(), &command).unwrap();
    reactor.processes()[0].exit_leaving_pipes(3);
    reactor.flush().unwrap();
    assert!(process.exited() && !process.ended());
    reactor.advance(Duration::from_secs(1)).unwrap();
    reactor.flush().unwrap();
    assert!(process.ended());
    let reason = process.reason().unwrap();
    assert_eq!(reason.check(), Some(&ProcessTerminated::with_exit_code(3)));
    assert_eq!(recorder.0.borrow().last(), Some(&Heard::Ended));
}

#[test]
fn a_network_that_refuses_is_why_a_process_does_not_start() {
    let reactor = MemoryReactor::new();
    reactor.refuse_to_listen(std::io::ErrorKind::PermissionDenied);
    let refused = reactor.spawn_process(Recorder::default(), &ProcessCommand::new("cat"));
    let error: SpawnError = refused.unwrap_err();
    assert!(error.to_string().starts_with("cannot start \"cat\": "));
}

#[test]
fn one_that_panics_is_told_the_rest() {
    struct Panics(Recorder);
    impl ProcessProtocol for Panics {
        fn out_received(&mut self, _: &Process<Self>, _: &[u8]) {
            std::panic::panic_any("boo");
        }
        fn process_ended(&mut self, _: &Process<Self>, _: Failure) {
            self.0.push(Heard::Ended);
        }
    }
    let capture = reactor_compat::log::LogCapture::start();
    let reactor = MemoryReactor::new();
    let recorder = Recorder::default();
    let command = ProcessCommand::new("cat");
    reactor.spawn_process(Panics(recorder.clone()), &command).unwrap();
    reactor.processes()[0].pipe(1).unwrap().write("x").unwrap();
    reactor.processes()[0].exit(0);
    reactor.flush().unwrap();
    assert_eq!(*recorder.0.borrow(), [Heard::Ended]);
    assert_eq!(capture.flush_logged_errors::<deferred::Panic>().len(), 1);
}
