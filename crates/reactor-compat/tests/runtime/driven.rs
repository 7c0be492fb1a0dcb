//! A reactor that is asked for something where nothing will drive it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

use std::fmt::Write;
use std::io::ErrorKind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::{Recorder, Watchdog, drive};
use deferred::Failure;
#[cfg(unix)]
use reactor_compat::AdoptError;
use reactor_compat::log::LogCapture;
use reactor_compat::task::{Cooperator, defer_later};
use reactor_compat::{
    Address, CannotListenError, ConnectError, Reactor, ReactorNotDriven, ThreadPoolError, reactor,
};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

const SECOND: Duration = Duration::from_secs(1);

fn listen(reactor: &Reactor) -> Result<(), CannotListenError> {
    reactor.listen_tcp(("127.0.0.1", 0), |_: Address| Recorder::default()).map(drop)
}

/// What somebody would wait for, and in vain.
async fn assert_awaiting_fails(reactor: &Reactor) {
    let not_driven = |failure: Failure| failure.is::<ReactorNotDriven>();
    assert!(not_driven(defer_later(reactor, Duration::ZERO, || ()).await.unwrap_err()));
    assert!(not_driven(reactor.defer_to_thread(|| Ok(())).await.unwrap_err()));
    assert!(not_driven(reactor.resolve("name.test").await.unwrap_err()));
    let connector = reactor.connect_tcp(("127.0.0.1", 1), |_: Address| Recorder::default());
    let failure = connector.when_connected().await.unwrap_err();
    assert_eq!(failure.check(), Some(&ConnectError::ReactorNotDriven));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn in_a_multi_thread_main_function_awaiting_is_an_error() {
    for reactor in [reactor(), Reactor::new()] {
        assert_awaiting_fails(&reactor).await;
    }
    // What is set up for a run that is to come waits for it.
    listen(&reactor()).unwrap();
    reactor().call_in_thread(|| ()).unwrap();
    let answer = reactor().call_later(Duration::ZERO, || {
        drop(defer_later(&reactor(), Duration::ZERO, || reactor().stop().unwrap()));
    });
    reactor().run_until_stopped().await.unwrap();
    assert!(!answer.active());
}

/// All that can fail does; gives what is logged of the rest.
fn ask_where_nobody_can_run_it() -> Vec<String> {
    let capture = LogCapture::start();
    let asked = reactor();
    futures::executor::block_on(assert_awaiting_fails(&asked));
    let error = listen(&asked).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    assert!(error.to_string().contains("run_until_stopped"), "{error}");
    asked.listen_udp(("127.0.0.1", 0), Deaf).unwrap_err();
    #[cfg(unix)]
    asked.listen_unix("no such directory/socket", |_: Address| Recorder::default()).unwrap_err();
    #[cfg(unix)]
    assert_adopting_fails(&asked);
    assert_eq!(asked.call_in_thread(|| ()), Err(ThreadPoolError::ReactorNotDriven));
    asked.call_later(Duration::ZERO, || ());
    drop(Cooperator::new().cooperate(std::iter::repeat(())));
    assert!(!asked.running());
    capture.messages().into_iter().filter(|line| !line.contains("ing factory ")).collect()
}

/// Sockets that are adopted are served by nobody either.
#[cfg(unix)]
fn assert_adopting_fails(asked: &Reactor) {
    let here = ("127.0.0.1", 0);
    let listener = std::net::TcpListener::bind(here).unwrap();
    let connection = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let factory = |_: Address| Recorder::default();
    let adopted = asked.adopt_stream_port(listener, factory);
    assert_eq!(adopted.unwrap_err(), AdoptError::ReactorNotDriven);
    let adopted = asked.adopt_stream_connection(connection, factory);
    assert_eq!(adopted.unwrap_err(), AdoptError::ReactorNotDriven);
    let socket = std::net::UdpSocket::bind(here).unwrap();
    let error = asked.adopt_datagram_port(socket, Deaf).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
}

struct Deaf;

impl reactor_compat::DatagramProtocol for Deaf {}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn in_a_task_of_a_multi_thread_runtime_all_that_can_fail_does() {
    let messages = tokio::spawn(async { ask_where_nobody_can_run_it() }).await.unwrap();
    // Once is enough.
    assert_eq!(messages, [ReactorNotDriven.to_string()]);
}

#[test]
fn on_a_thread_of_the_pool_too() {
    drive(|its| async move {
        let messages = its.defer_to_thread(|| Ok(ask_where_nobody_can_run_it())).await.unwrap();
        assert_eq!(messages, [ReactorNotDriven.to_string()]);
        // It is the pool's no longer when it does something else.
        let kind = its.defer_to_thread(|| Ok(())).await;
        assert!(kind.is_ok());
        let ran = tokio::task::spawn_blocking(|| listen(&Reactor::new()).is_ok()).await.unwrap();
        assert!(ran);
    });
}

/// Sends on what is logged, from whatever thread.
struct Forward(mpsc::Sender<String>);

impl<S: tracing::Subscriber> Layer<S> for Forward {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut text = String::new();
        event.record(&mut |_: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            let _ = write!(text, "{value:?}");
        });
        let _ = self.0.send(text);
    }
}

#[test]
fn what_is_left_alone_in_a_multi_thread_main_function_says_so_after_a_while() {
    let _watchdog = Watchdog::new();
    let (sender, logged) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .on_thread_start(move || {
            let subscriber = tracing_subscriber::registry().with(Forward(sender.clone()));
            std::mem::forget(tracing::subscriber::set_default(subscriber));
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        reactor().call_later(SECOND, || ());
        let run = Reactor::new();
        run.call_later(Duration::ZERO, || ());
        let stop = run.clone();
        run.call_when_running(move || stop.stop());
        run.run_until_stopped().await.unwrap();
        // A mark that it has been said of neither until now.
        tokio::spawn(async { tracing::info!("running") }).await.unwrap();
    });
    assert_eq!(logged.recv().unwrap(), "running");
    assert_eq!(logged.recv().unwrap(), ReactorNotDriven.to_string());
    drop(runtime);
    // It was said of one.
    assert!(!logged.try_iter().any(|text| text == ReactorNotDriven.to_string()));
}

#[test]
fn one_whose_runtime_another_thread_drives_says_so_after_a_while() {
    let _watchdog = Watchdog::new();
    let capture = LogCapture::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (asked, ask) = mpsc::channel();
    let (over, end) = mpsc::channel::<()>();
    let handle = runtime.handle().clone();
    let other = thread::spawn(move || {
        let inside = handle.enter();
        reactor().call_later(SECOND, || ());
        drop(inside);
        asked.send(()).unwrap();
        end.recv().unwrap_err();
    });
    ask.recv().unwrap();
    runtime.block_on(async { tokio::time::sleep(SECOND / 2).await });
    assert_eq!(capture.messages(), [""; 0]);
    runtime.block_on(async { tokio::time::sleep(5 * SECOND).await });
    assert_eq!(capture.messages(), [ReactorNotDriven.to_string()]);
    drop(over);
    other.join().unwrap();
}
