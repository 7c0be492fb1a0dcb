//! A reactor in somebody else's runtime, executor or main loop.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::support::{Event, Log, Recorder, Watchdog, listen};
use deferred::{Deferred, Failure};
use reactor_compat::event::EventPhase;
use reactor_compat::log::LogCapture;
use reactor_compat::task::{LoopingCall, defer_later};
use reactor_compat::{
    Address, ClientFactory, ConnectError, Connector, Factory, Reactor, RunError, RunOptions,
    reactor,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SECOND: Duration = Duration::from_secs(1);

/// Has a client talk to an echo of the reactor's, and stop the reactor.
fn talk(reactor: &Reactor) -> Log {
    let log = Log::default();
    let echo = Log::default();
    let address = listen(reactor, move |_: Address| Recorder::echo(&echo));
    let (its, stop) = (log.clone(), reactor.clone());
    reactor.connect_tcp(address, move |_: Address| {
        let stop = stop.clone();
        Recorder::new(&its)
            .made(|connection, ()| connection.write("hello"))
            .data(|connection, _| connection.lose_connection())
            .lost(move |_, ()| stop.stop().unwrap())
    });
    log
}

fn conversation() -> Vec<Event> {
    vec![Event::Made, Event::Data(b"hello".to_vec()), Event::Done]
}

#[tokio::test(flavor = "local")]
async fn it_runs_in_a_local_runtime() {
    let log = talk(&reactor());
    reactor().run_until_stopped().await.unwrap();
    assert_eq!(log.events(), conversation());
    // The runtime is still there.
    tokio::task::spawn_local(async {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_runs_in_the_main_function_of_a_multi_thread_app() {
    let other = tokio::spawn(async { 42 });
    let log = talk(&reactor());
    let options = RunOptions::new().install_signal_handlers(false);
    reactor().run_until_stopped_with(options).await.unwrap();
    assert_eq!(log.events(), conversation());
    assert_eq!(other.await.unwrap(), 42);
}

#[tokio::test]
async fn it_runs_in_a_local_set() {
    let set = tokio::task::LocalSet::new();
    let answer = set
        .run_until(async {
            reactor().attach().unwrap();
            let answer = defer_later(&reactor(), Duration::from_millis(1), || Ok(7)).await;
            reactor().stop().unwrap();
            answer.unwrap()
        })
        .await;
    assert_eq!(answer, 7);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn paused_time_works_on_its_calls() {
    reactor().attach().unwrap();
    let start = tokio::time::Instant::now();
    let ticks = Rc::new(Cell::new(0));
    let count = ticks.clone();
    let ticking = LoopingCall::new(move || count.set(count.get() + 1)).clock(&reactor());
    drop(ticking.start(SECOND, true));
    tokio::time::sleep(SECOND * 3600 + SECOND / 2).await;
    assert_eq!(ticks.get(), 3601);
    assert_eq!(start.elapsed().as_secs(), 3600);
}

#[tokio::test(flavor = "local")]
async fn attaching_twice_or_running_besides_is_an_error() {
    reactor().attach().unwrap();
    assert!(matches!(reactor().attach(), Err(RunError::AlreadyRunning(_))));
    assert!(matches!(reactor().run(), Err(RunError::AlreadyRunning(_))));
    let again = reactor().run_until_stopped().await;
    assert!(matches!(again, Err(RunError::AlreadyRunning(_))));
    assert!(matches!(reactor().hosted(RunOptions::new()), Err(RunError::AlreadyRunning(_))));
}

#[test]
fn where_there_is_no_runtime_it_cannot_be_attached() {
    assert!(matches!(reactor().attach(), Err(RunError::OutsideRuntime)));
    let ran = smol::block_on(reactor().run_until_stopped());
    assert!(matches!(ran, Err(RunError::OutsideRuntime)));
    // A runtime whose tasks change threads is not enough to attach to.
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_time().build().unwrap();
    let attached = runtime.block_on(async { reactor().attach() });
    assert!(matches!(attached, Err(RunError::OutsideRuntime)));
    // And nothing of it is left.
    let stop = reactor();
    reactor().call_when_running(move || stop.stop().unwrap());
    reactor().run().unwrap();
}

/// A client that says why it could not connect, and stops the reactor.
struct Refused(Rc<RefCell<Vec<ConnectError>>>);

impl Factory for Refused {
    type Protocol = Recorder;

    fn build_protocol(&mut self, _: Address) -> Option<Recorder> {
        None
    }
}

impl ClientFactory for Refused {
    fn client_connection_failed(&mut self, _: &Connector<Recorder>, reason: Failure) {
        self.0.borrow_mut().extend(reason.check::<ConnectError>().cloned());
        reactor().stop().unwrap();
    }
}

#[test]
fn where_there_is_no_io_driver_sockets_fail_and_all_else_works() {
    let listen =
        || reactor().listen_tcp(("127.0.0.1", 0), |_: Address| Recorder::new(&Log::default()));
    let early = listen().unwrap();
    let address = early.get_host().socket_addr().unwrap();
    let capture = LogCapture::start();
    let why = Rc::new(RefCell::new(Vec::new()));
    let refused = why.clone();
    reactor().call_later(Duration::from_millis(1), move || {
        let late = listen().unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Unsupported);
        assert!(late.to_string().contains("no I/O driver"), "{late}");
        reactor().connect_tcp(address, Refused(refused));
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let options = RunOptions::new();
    runtime.block_on(reactor().run_until_stopped_with(options)).unwrap();
    match &why.borrow()[..] {
        [ConnectError::Other(why)] => {
            assert_eq!(why.kind(), ErrorKind::Unsupported);
            assert!(why.to_string().contains("enable_io"));
        }
        others => panic!("{others:?}"),
    }
    // It was open before there was a runtime.
    let stopped = early.stop_listening();
    deferred::testing::success_result_of(stopped);
    let messages = capture.messages();
    assert!(messages.iter().any(|message| message == "a port cannot be listened on"));
    assert!(messages.iter().any(|message| message == "the reactor cannot listen for a signal"));
    drop(capture.take());
}

#[test]
fn where_there_is_no_timer_it_cannot_be_attached() {
    let capture = LogCapture::start();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert!(matches!(reactor().attach(), Err(RunError::NoTimer)));
        assert!(matches!(reactor().run_until_stopped().await, Err(RunError::NoTimer)));
        // Nor does it start by itself; it says so, and once.
        let call = reactor().call_later(Duration::ZERO, || panic!("it does not run"));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!reactor().running());
        call.cancel().unwrap();
    });
    assert_eq!(capture.messages(), ["the reactor could not start by itself"]);
    drop(capture.take());
    // And nothing of it is left.
    reactor().call_when_running(|| reactor().stop().unwrap());
    reactor().run().unwrap();
}

/// Whoever waits for the thread's own reactor in a runtime of one thread need
/// not have thought of running it.
#[tokio::test(flavor = "local", start_paused = true)]
async fn it_starts_by_itself_where_it_is_used() {
    assert!(!reactor().running());
    let start = tokio::time::Instant::now();
    let answer = defer_later(&reactor(), SECOND * 3600, || Ok(7)).await;
    assert_eq!((answer.unwrap(), start.elapsed()), (7, SECOND * 3600));
    assert!(reactor().running());
    reactor().stop().unwrap();
}

/// There need be no local tasks either; and there is more to use than time.
#[tokio::test]
async fn it_starts_by_itself_for_connections_and_threads() {
    let answer = reactor().defer_to_thread(|| Ok("from a thread")).await;
    assert_eq!(answer.unwrap(), "from a thread");
    let log = talk(&reactor());
    assert_eq!(log.ended().await, Event::Done);
    assert_eq!(log.events(), conversation());
}

/// It starts at the next turn, so that whoever wants to run it otherwise still
/// can; and later, too, the run is theirs. The clock is paused: by a real one the
/// reactor may have stopped before it is taken over.
#[tokio::test(start_paused = true)]
async fn a_run_that_began_by_itself_can_be_taken_over() {
    for wait_before in [false, true] {
        let stop = reactor();
        reactor().call_later(2 * Duration::from_millis(1), move || stop.stop().unwrap());
        if wait_before {
            defer_later(&reactor(), Duration::ZERO, || Ok(())).await.unwrap();
            assert!(reactor().running());
        }
        reactor().run_until_stopped().await.unwrap();
        assert!(!reactor().running());
    }
    reactor().call_later(SECOND, || ());
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert!(reactor().running());
    reactor().attach().unwrap();
    assert!(matches!(reactor().attach(), Err(RunError::AlreadyRunning(_))));
}

/// Dropping what waits for it ends it, whoever began it.
#[tokio::test(start_paused = true)]
async fn a_run_that_was_taken_over_ends_with_its_future() {
    defer_later(&reactor(), Duration::ZERO, || Ok(())).await.unwrap();
    let run = tokio::time::timeout(Duration::from_millis(5), async {
        reactor().run_until_stopped().await
    });
    assert!(run.await.is_err());
    tokio::task::yield_now().await;
    assert!(!reactor().running());
}

/// With the runtime its run is gone, and it can be run by itself.
#[test]
fn a_run_that_began_by_itself_ends_with_the_runtime() {
    let called = Rc::new(Cell::new(false));
    let call = called.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        reactor().call_later(3600 * SECOND, || ());
        defer_later(&reactor(), Duration::ZERO, || Ok(())).await.unwrap();
        assert!(reactor().running());
    });
    drop(runtime);
    assert!(!reactor().running());
    // In a runtime that takes no turn nothing happens.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let inside = runtime.enter();
    reactor().call_later(Duration::ZERO, move || call.set(true));
    drop(inside);
    drop(runtime);
    reactor().call_later(Duration::ZERO, || reactor().stop().unwrap());
    reactor().run().unwrap();
    assert!(called.get());
}

/// Only the thread's own does so, and only in a runtime of one thread.
/// The clock of a paused runtime goes on when it has nothing to do: it would
/// not, if what cannot go on there kept it busy.
#[test]
fn while_another_thread_drives_the_runtime_the_reactor_waits() {
    let _watchdog = Watchdog::new();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = Arc::new(builder.enable_all().start_paused(true).build().unwrap());
    let elsewhere = || {
        let other = runtime.clone();
        thread::spawn(move || other.block_on(async { tokio::time::sleep(SECOND).await }))
            .join()
            .unwrap();
    };
    let called = Rc::new(Cell::new(false));
    let seen = called.clone();
    runtime.block_on(async {
        reactor().call_later(SECOND / 2, move || seen.set(true));
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert!(reactor().running());
    });
    elsewhere();
    assert!(!called.get());
    runtime.block_on(async {
        let late: Deferred<()> = defer_later(&reactor(), SECOND, || Ok(()));
        late.await.unwrap();
    });
    assert!(called.get());
    // One whose thread has ended is waited for no longer.
    let ((told, tell), (over, end)) = (mpsc::channel(), mpsc::channel::<()>());
    let other = runtime.clone();
    let gone = thread::spawn(move || {
        other.block_on(async {
            reactor().call_later(SECOND, || ());
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        });
        told.send(reactor().remote()).unwrap();
        end.recv().unwrap_err();
    });
    tell.recv().unwrap().call_from_thread(|| ()).unwrap();
    runtime.block_on(async { tokio::time::sleep(SECOND).await });
    assert_eq!(runtime.metrics().num_alive_tasks(), 2);
    drop(over);
    gone.join().unwrap();
    runtime.block_on(async { tokio::time::sleep(SECOND).await });
    assert_eq!(runtime.metrics().num_alive_tasks(), 1, "that of this thread's reactor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn elsewhere_it_waits_to_be_told() {
    let other = Reactor::new();
    let pending = [&reactor(), &other].map(|reactor| reactor.call_later(Duration::ZERO, || ()));
    tokio::task::yield_now().await;
    assert!(!reactor().running() && !other.running());
    assert!(pending.iter().all(|call| call.active()));
}

#[tokio::test]
async fn another_than_the_threads_own_waits_to_be_told() {
    let other = Reactor::new();
    let pending = other.call_later(Duration::ZERO, || ());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!other.running() && pending.active());
}

#[tokio::test(flavor = "local")]
async fn a_stop_before_the_first_turn_is_heeded() {
    let (ended, end) = Deferred::new();
    reactor().add_system_event_trigger(EventPhase::After, "shutdown", move || {
        end.callback(()).unwrap();
    });
    reactor().attach().unwrap();
    reactor().stop().unwrap();
    ended.await.unwrap();
}

// In a `LocalRuntime` the task would be the runtime's.
#[tokio::test]
async fn dropping_the_run_ends_it_and_its_tasks() {
    struct Dropped(Rc<Cell<bool>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let dropped = Rc::new(Cell::new(false));
    let guard = Dropped(dropped.clone());
    reactor().call_when_running(move || {
        tokio::task::spawn_local(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
    });
    let run = tokio::time::timeout(Duration::from_millis(5), async {
        reactor().run_until_stopped().await
    });
    assert!(run.await.is_err());
    assert!(dropped.get());
    assert!(!reactor().running());
}

#[test]
fn it_runs_on_another_executor() {
    let _watchdog = Watchdog::new();
    let log = talk(&reactor());
    let hosted = reactor().hosted(RunOptions::new().install_signal_handlers(false)).unwrap();
    let executor = smol::LocalExecutor::new();
    let other = executor.spawn(async {
        smol::Timer::after(Duration::from_millis(1)).await;
        "smol's own things go on"
    });
    smol::block_on(executor.run(async {
        executor.spawn(hosted).await;
        assert_eq!(other.await, "smol's own things go on");
    }));
    assert_eq!(log.events(), conversation());
}

#[test]
fn a_plain_main_loop_drives_it_without_polling() {
    enum Event {
        Reactor,
        Key(char),
    }
    let _watchdog = Watchdog::new();
    let log = talk(&reactor());
    let mut hosted = reactor().hosted(RunOptions::new().install_signal_handlers(false)).unwrap();
    // The loop of a program that has events of its own, from another thread.
    let (loops, events) = mpsc::channel();
    let keyboard = loops.clone();
    let typist = thread::spawn(move || {
        "keys".chars().for_each(|key| keyboard.send(Event::Key(key)).unwrap());
    });
    hosted.on_wake(move || drop(loops.send(Event::Reactor)));
    let mut keys = String::new();
    let mut runs = hosted.iterate(Duration::ZERO);
    while runs || keys.len() < 4 {
        match events.recv().unwrap() {
            Event::Key(key) => keys.push(key),
            Event::Reactor => runs = hosted.iterate(Duration::ZERO),
        }
    }
    typist.join().unwrap();
    assert_eq!(keys, "keys");
    assert_eq!(log.events(), conversation());
    assert!(!hosted.iterate(Duration::ZERO), "it is over");
}

#[test]
fn iterating_waits_no_longer_than_told_and_takes_what_is_asked_for_in_between() {
    let _watchdog = Watchdog::new();
    let made = Rc::new(RefCell::new(Vec::new()));
    let mut hosted = reactor().hosted(RunOptions::new().install_signal_handlers(false)).unwrap();
    assert!(hosted.iterate(Duration::ZERO));
    assert!(reactor().running());
    // Outside of any runtime, between two iterations:
    let log = talk(&reactor());
    let note = made.clone();
    reactor().call_later(3600 * SECOND, || ());
    reactor().call_later(Duration::ZERO, move || note.borrow_mut().push("called"));
    while hosted.iterate(Duration::from_secs(30)) {}
    assert_eq!(log.events(), conversation());
    assert_eq!(*made.borrow(), ["called"]);
    assert!(!reactor().running());
}

#[test]
fn dropping_a_hosted_one_ends_it() {
    let _watchdog = Watchdog::new();
    let log = Log::default();
    let its = log.clone();
    let address = listen(&reactor(), move |_: Address| Recorder::new(&its));
    let mut hosted = reactor().hosted(RunOptions::new().install_signal_handlers(false)).unwrap();
    let client = thread::spawn(move || std::net::TcpStream::connect(address).unwrap());
    while log.events().is_empty() {
        hosted.iterate(SECOND);
    }
    drop(hosted);
    assert_eq!(log.end(), Some(Event::Lost));
    assert!(!reactor().running());
    drop(client.join().unwrap());
    // It can be run by itself now.
    reactor().call_when_running(|| reactor().stop().unwrap());
    reactor().run().unwrap();
}

#[tokio::test(flavor = "local")]
async fn tokios_own_clients_talk_to_it() {
    let log = Log::default();
    let its = log.clone();
    let address = listen(&reactor(), move |_: Address| Recorder::echo(&its));
    reactor().attach().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ping");
}

/// A task belongs to the reactor that it was asked of, whoever's callback asks.
#[test]
fn what_one_reactor_starts_inside_anothers_callback_outlives_the_other() {
    let (outer, inner) = (Reactor::new(), Reactor::new());
    let log = Log::default();
    let (its, seen) = (outer.clone(), log.clone());
    outer.call_when_running(move || {
        let address = listen(&its, |_: Address| Recorder::echo(&Log::default()));
        let (asked, stop, its) = (its.clone(), inner.clone(), its.clone());
        inner.call_when_running(move || {
            let made = asked.clone();
            asked.connect_tcp(address, move |_: Address| {
                let stop = made.clone();
                Recorder::new(&seen)
                    .made(|connection, ()| connection.write("hello"))
                    .data(|connection, _| connection.lose_connection())
                    .lost(move |_, ()| stop.stop().unwrap())
            });
            stop.stop().unwrap();
        });
        // It runs, and ends, inside this callback of the outer one.
        let mut hosted = inner.hosted(RunOptions::new().install_signal_handlers(false)).unwrap();
        while hosted.iterate(SECOND) {}
        assert!(!inner.running() && its.running());
    });
    let _watchdog = Watchdog::new();
    outer.run().unwrap();
    assert_eq!(log.events(), conversation());
}

/// The same for one whose runtime is the outer one's.
#[test]
fn what_one_reactor_starts_inside_a_task_of_anothers_outlives_the_other() {
    let (outer, inner) = (Reactor::new(), Reactor::new());
    let log = Log::default();
    let (its, seen) = (outer.clone(), log.clone());
    outer.call_when_running(move || {
        let address = listen(&its, |_: Address| Recorder::echo(&Log::default()));
        let (asked, stop) = (its.clone(), inner.clone());
        inner.call_when_running(move || {
            let made = asked.clone();
            asked.connect_tcp(address, move |_: Address| {
                let stop = made.clone();
                Recorder::new(&seen)
                    .made(|connection, ()| connection.write("hello"))
                    .data(|connection, _| connection.lose_connection())
                    .lost(move |_, ()| stop.stop().unwrap())
            });
            stop.stop().unwrap();
        });
        tokio::task::spawn_local(async move { inner.run_until_stopped().await.unwrap() });
    });
    let _watchdog = Watchdog::new();
    outer.run().unwrap();
    assert_eq!(log.events(), conversation());
}
