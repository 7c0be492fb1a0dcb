//! What nobody would hear goes to standard error: in processes of their own, for
//! a subscriber is the whole process's.
//!
//! Each test runs itself, with a variable set, and looks at what that has written.

use std::fmt;
use std::fs::OpenOptions;
use std::io::pipe;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use deferred::{Deferred, Failure, FirstError, set_debugging, unhandled};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

const CHILD: &str = "STDERR_TEST_CHILD";

/// This test in a process of its own.
fn child(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("it has a path"));
    command
        .args(["--exact", &format!("stderr::{name}"), "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE")
        .env_remove("DEFERRED_DEBUG");
    command
}

/// In the child, runs `work`; in the parent, gives what the child has written.
fn in_child(name: &str, work: impl FnOnce()) -> Option<String> {
    if std::env::var_os(CHILD).is_some() {
        work();
        return None;
    }
    let output = child(name).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stderr).expect("it is text"))
}

fn broken() -> Deferred<()> {
    Deferred::fail(FirstError::new(Failure::new(fmt::Error), 1))
}

const TEXT: &str = "Unhandled error in Deferred: \
     FirstError[#1]: an error occurred when formatting an argument\n";

/// Once for each, on every thread.
#[test]
fn no_subscriber() {
    let written = in_child("no_subscriber", || {
        drop(broken());
        let (d, trigger) = Deferred::<()>::new();
        drop(d);
        trigger.errback(FirstError::new(Failure::new(fmt::Error), 1)).expect("not fired before");
        thread::spawn(|| drop(broken())).join().expect("no panic");
    });
    if let Some(written) = written {
        assert_eq!(written, TEXT.repeat(3));
    }
}

/// With debugging on it says where; with backtraces on, how.
#[test]
fn places_and_backtraces() {
    const NAME: &str = "places_and_backtraces";
    if std::env::var_os(CHILD).is_some() {
        set_debugging(true);
        return drop(broken());
    }
    let output = child(NAME).env("RUST_BACKTRACE", "1").output().expect("it runs");
    let written = String::from_utf8(output.stderr).expect("it is text");
    assert!(written.contains("argument (created at "), "{written}");
    assert!(written.contains("stderr.rs:"), "{written}");
    assert!(written.contains("stderr::broken"), "{written}");
}

/// Counts the events.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<usize>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Events {
    fn on_event(&self, _event: &tracing::Event<'_>, _context: Context<'_, S>) {
        *self.0.lock().expect("no panic") += 1;
    }
}

/// A subscriber that comes later gets what comes later, and nothing twice.
#[test]
fn a_subscriber_that_is_set_later() {
    let written = in_child("a_subscriber_that_is_set_later", || {
        drop(broken());
        let events = Events::default();
        tracing_subscriber::registry().with(events.clone()).init();
        assert_eq!(*events.0.lock().expect("no panic"), 0);
        drop(broken());
        thread::spawn(|| drop(broken())).join().expect("no panic");
        assert_eq!(*events.0.lock().expect("no panic"), 2);
    });
    if let Some(written) = written {
        assert_eq!(written, TEXT);
    }
}

/// A subscriber of one thread hears that thread; the others have none.
#[test]
fn a_subscriber_of_a_thread() {
    let written = in_child("a_subscriber_of_a_thread", || {
        let events = Events::default();
        let subscriber = tracing_subscriber::registry().with(events.clone());
        tracing::subscriber::with_default(subscriber, || {
            drop(broken());
            thread::spawn(|| drop(broken())).join().expect("no panic");
        });
        drop(broken());
        assert_eq!(*events.0.lock().expect("no panic"), 1);
    });
    if let Some(written) = written {
        assert_eq!(written, TEXT.repeat(2));
    }
}

/// An observer hears in its place, and may have it written all the same.
#[test]
fn observers_come_first() {
    let written = in_child("observers_come_first", || {
        let silent = unhandled::observe(|_error| ());
        drop(broken());
        drop(silent);
        let _logging = unhandled::observe(|error| error.log());
        drop(broken());
    });
    if let Some(written) = written {
        assert_eq!(written, TEXT);
    }
}

/// What is not to be written is not.
#[test]
fn discarded() {
    let written = in_child("discarded", || {
        unhandled::silence_stderr();
        drop(broken());
    });
    if let Some(written) = written {
        assert_eq!(written, "");
    }
}

/// What else goes wrong is written, too: of a canceller and a destructor, and a
/// Deferred that debugging finds forgotten.
#[test]
fn other_errors() {
    struct Nasty;

    impl Drop for Nasty {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }

    let written = in_child("other_errors", || {
        std::panic::set_hook(Box::new(|_| ()));
        let (d, _trigger) = Deferred::<()>::with_canceller(|_| panic!("no way"));
        d.cancel();
        drop(d.add_errback(|_| ()));
        let nasty = Nasty;
        let (d, trigger) = Deferred::with_canceller(move |_| drop(nasty));
        trigger.callback(()).expect("not fired before");
        drop(d);
        set_debugging(true);
        let (_d, trigger) = Deferred::<()>::new();
        drop(trigger);
    });
    if let Some(written) = written {
        let lines: Vec<_> = written.lines().collect();
        assert_eq!(lines[0], "a canceller panicked: panicked: no way");
        assert_eq!(lines[1], "a destructor panicked: panicked: in a destructor");
        assert!(lines[2].starts_with("a Deferred will never be fired"), "{written}");
        assert!(lines[2].contains("created at "), "{written}");
        assert_eq!(lines.len(), 3);
    }
}

/// On a thread of a pool without a `LocalSet` a coroutine hangs, and that is said.
#[cfg(feature = "tokio")]
#[test]
fn a_coroutine_that_nothing_wakes() {
    let written = in_child("a_coroutine_that_nothing_wakes", || {
        std::panic::set_hook(Box::new(|_| ()));
        let pool = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .expect("a runtime");
        let hour = std::time::Duration::from_secs(3600);
        pool.block_on(pool.spawn(async move {
            drop(deferred::ensure_deferred(tokio::time::sleep(hour)));
        }))
        .expect("no panic");
    });
    if let Some(written) = written {
        assert!(
            written.starts_with("a coroutine awaits what nothing can wake it for"),
            "{written}"
        );
    }
}

/// An error without a text is written all the same.
#[test]
fn an_error_that_cannot_be_shown() {
    #[derive(Debug, thiserror::Error)]
    enum NoText {
        #[error("{}", Fails)]
        Fails,
        #[error("{}", Panics)]
        Panics,
    }

    struct Fails;

    impl fmt::Display for Fails {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half a ")?;
            Err(fmt::Error)
        }
    }

    struct Panics;

    impl fmt::Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("it has no text")
        }
    }

    let written = in_child("an_error_that_cannot_be_shown", || {
        std::panic::set_hook(Box::new(|_| ()));
        drop(Deferred::<()>::fail(NoText::Fails));
        drop(Deferred::<()>::fail(NoText::Panics));
    });
    if let Some(written) = written {
        let texts = ["half a (an error that cannot be shown)", "(an error that cannot be shown)"];
        let lines = texts.map(|text| format!("Unhandled error in Deferred: {text}\n"));
        assert_eq!(written, lines.concat());
    }
}

/// Where standard error is closed, full, or a pipe that nobody reads, the program
/// goes on.
#[test]
fn standard_error_cannot_be_written() {
    const NAME: &str = "standard_error_cannot_be_written";
    if std::env::var_os(CHILD).is_some() {
        return (0..100).for_each(|_| drop(broken()));
    }
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let mut places = vec![Stdio::null(), Stdio::from(writer)];
    if cfg!(target_os = "linux") {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("it is there");
        places.push(Stdio::from(full));
    }
    for place in places {
        let output = child(NAME).stderr(place).output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
    if cfg!(unix) {
        let this = std::env::current_exe().expect("it has a path");
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" \"$@\" 2>&-"]).arg(this);
        shell.args(child(NAME).get_args()).env(CHILD, "1");
        assert!(shell.output().expect("it runs").status.success());
    }
}
