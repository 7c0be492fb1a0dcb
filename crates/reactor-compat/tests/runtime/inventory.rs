//! What a reactor says that it has to do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use crate::support::{Log, Recorder, connect, drive, listen};
use deferred::Deferred;
use reactor_compat::{Address, Reactor};

#[test]
fn an_idle_one_has_nothing_to_do() {
    let inventory = Reactor::new().inventory();
    assert!(inventory.delayed_calls.is_empty() && inventory.ports.is_empty());
    assert_eq!(
        inventory.to_string(),
        "0 delayed calls, 0 ports, 0 connections, 0 attempts, 0 in threads, 0 waiting\n"
    );
}

#[test]
fn delayed_calls_say_where_they_were_made_while_debugging() {
    let reactor = Reactor::new();
    reactor.call_later(Duration::from_secs(1), || ());
    deferred::set_debugging(true);
    let line = line!() + 1;
    let call = reactor.call_later(Duration::from_secs(2), || ());

    let inventory = reactor.inventory();
    let [first, second] = &inventory.delayed_calls[..] else { panic!("{inventory}") };
    assert!(first.due_in <= Duration::from_secs(1) && second.due_in > first.due_in);
    let place = second.made_at.unwrap();
    assert_eq!((place.file(), place.line()), (file!(), line));
    assert!(inventory.to_string().contains(&format!("made at {}:{line}", file!())));

    call.cancel().unwrap();
    assert_eq!(reactor.inventory().delayed_calls.len(), 1);
}

/// Debugging is on or off for the whole process: of the other tests' Deferreds
/// this thread knows nothing.
#[test]
fn unfired_deferreds_say_where_they_were_made_while_debugging() {
    let reactor = Reactor::new();
    deferred::set_debugging(true);
    assert_eq!(reactor.inventory().unfired_deferreds, []);
    let line = line!() + 1;
    let (answer, trigger) = Deferred::<()>::new();

    let inventory = reactor.inventory();
    let [waiting] = &inventory.unfired_deferreds[..] else { panic!("{inventory}") };
    let place = waiting.created().unwrap();
    assert_eq!((place.file(), place.line()), (file!(), line));
    let text = format!("unfired Deferred, created at {}:{line}:", file!());
    assert!(inventory.to_string().lines().any(|line| line.starts_with(&text)), "{inventory}");

    trigger.callback(()).unwrap();
    assert_eq!(reactor.inventory().unfired_deferreds, []);
    drop(answer);
}

#[test]
fn ports_connections_and_attempts_are_there_while_they_last() {
    drive(|reactor| async move {
        let log = Log::default();
        let its = log.clone();
        let (stream, transport) = connect(&reactor, move || Recorder::new(&its)).await;
        let another = listen(&reactor, |_: Address| Recorder::default());
        let attempt = reactor.connect_tcp(another, |_: Address| Recorder::default());

        let inventory = reactor.inventory();
        assert_eq!(inventory.ports.len(), 2);
        assert_eq!(inventory.ports[1].host.socket_addr(), Some(another));
        let [connection] = &inventory.connections[..] else { panic!("{inventory}") };
        assert_eq!(connection.peer.socket_addr(), stream.local_addr().ok());
        assert_eq!(&connection.host, transport.get_host());
        assert_eq!(inventory.connecting, [attempt.get_destination().clone()]);
        let text = inventory.to_string();
        assert_eq!(text.lines().count(), 1 + 2 + 1 + 1, "{text}");

        drop(stream);
        log.ended().await;
        assert!(reactor.inventory().connections.iter().all(|other| other != connection));
    });
}

/// It is a value, and holds nothing of what it tells of.
#[test]
fn it_may_be_asked_for_inside_a_callback_and_after_the_end() {
    let reactor = Reactor::new();
    let held = Rc::new(());
    let (inner, kept) = (reactor.clone(), held.clone());
    let seen = Rc::new(Cell::new(None));
    let place = seen.clone();
    reactor.call_later(Duration::ZERO, move || {
        let _kept = &kept;
        // What is being made is no longer to be made.
        place.set(Some(inner.inventory().delayed_calls.len()));
        inner.stop().unwrap();
    });
    let before = reactor.inventory();
    reactor.run().unwrap();
    assert_eq!(seen.get(), Some(0));
    assert!(reactor.inventory().delayed_calls.is_empty());
    assert_eq!(before.delayed_calls.len(), 1);
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn threads_are_counted() {
    drive(|reactor| async move {
        reactor.suggest_thread_pool_size(1);
        let (free, wait) = mpsc::channel::<()>();
        let busy = reactor.defer_to_thread(move || Ok(wait.recv().is_ok()));
        let waiting = reactor.defer_to_thread(|| Ok(()));
        assert_eq!(reactor.inventory().threads_working, 1);
        assert!(reactor.inventory().threads_waiting >= 1);
        free.send(()).unwrap();
        busy.await.unwrap();
        waiting.await.unwrap();
        assert_eq!(reactor.inventory().threads_waiting, 0);
    });
}
