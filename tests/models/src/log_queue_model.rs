//! The queue between those who log and the thread that writes, with a time that
//! passes when another thread says so.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, JoinHandle};

use queue::{Entry, Pushed, Queue};
use sync::Deadline;

#[path = "../../../crates/reactor-compat/src/log/lines/queue.rs"]
#[expect(dead_code, reason = "a model uses what it is about")]
mod queue;

/// What the crate has in `src/log/lines/sync.rs`.
mod sync {
    use std::sync::PoisonError;

    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, Ordering};

    pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};

    pub(super) enum Deadline {
        Now,
        /// It has passed once this is set.
        Passed(Arc<AtomicBool>),
        Never,
    }

    impl Deadline {
        pub(super) fn is_now(&self) -> bool {
            matches!(self, Self::Now)
        }

        pub(super) fn wait<'a, T>(
            &self,
            condvar: &Condvar,
            guard: MutexGuard<'a, T>,
        ) -> (MutexGuard<'a, T>, bool) {
            let passed = || match self {
                Self::Now => true,
                Self::Passed(passed) => passed.load(Ordering::SeqCst),
                Self::Never => false,
            };
            if passed() {
                return (guard, true);
            }
            let guard = condvar.wait(guard).unwrap_or_else(PoisonError::into_inner);
            (guard, passed())
        }
    }
}

/// Explores all interleavings, but for those with more changes from one thread to
/// another that nothing forces than two, or than `LOOM_MAX_PREEMPTIONS` says.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(2);
    builder.check(model);
}

/// The thread that writes; it gives what it has seen.
fn writer(queue: &Arc<Queue<u32>>) -> JoinHandle<Vec<Entry<u32>>> {
    let queue = queue.clone();
    thread::spawn(move || {
        let mut seen = Vec::new();
        while let Some(entry) = queue.next() {
            seen.push(entry);
            queue.done();
        }
        queue.ended();
        seen
    })
}

/// A thread that lets a time pass, whenever it comes to that.
fn time(queue: &Arc<Queue<u32>>) -> (JoinHandle<()>, Arc<AtomicBool>) {
    let (queue, passed) = (queue.clone(), Arc::new(AtomicBool::new(false)));
    let set = passed.clone();
    let thread = thread::spawn(move || {
        let _state = queue.state.lock().unwrap();
        set.store(true, Ordering::SeqCst);
        queue.progress.notify_all();
    });
    (thread, passed)
}

fn items(seen: &[Entry<u32>]) -> Vec<u32> {
    let item = |entry: &Entry<u32>| match entry {
        Entry::Item(item) => Some(*item),
        Entry::Lost(_) => None,
    };
    seen.iter().filter_map(item).collect()
}

fn lost(seen: &[Entry<u32>]) -> u64 {
    let lost = |entry: &Entry<u32>| match entry {
        Entry::Item(_) => 0,
        Entry::Lost(lost) => *lost,
    };
    seen.iter().map(lost).sum()
}

/// Two who wait for as long as it takes, with room for one.
#[test]
fn who_has_patience_is_written() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        let writer = writer(&queue);
        let theirs = queue.clone();
        let other = thread::spawn(move || theirs.push(1, 1, &Deadline::Never));
        assert_eq!(queue.push(2, 1, &Deadline::Never), Pushed::Written);
        assert_eq!(other.join().unwrap(), Pushed::Written);
        queue.close();
        assert!(queue.wait_for_end(&Deadline::Never));
        let mut seen = items(&writer.join().unwrap());
        seen.sort_unstable();
        assert_eq!((seen, queue.lost()), (vec![1, 2], 0));
    });
}

/// One who waits until the time is over: his three items are written, in order,
/// or counted as lost where they would be.
#[test]
fn what_is_lost_is_counted_in_its_place() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        let writer = writer(&queue);
        let (time, passed) = time(&queue);
        let patience = Deadline::Passed(passed);
        let mut kept = Vec::new();
        for item in 0..3 {
            match queue.push(item, 1, &patience) {
                Pushed::Written | Pushed::Waiting => kept.push(item),
                Pushed::Lost { .. } => {}
                Pushed::Closed => unreachable!("it is open"),
            }
        }
        queue.close();
        assert!(queue.wait_for_end(&Deadline::Never));
        let seen = writer.join().unwrap();
        assert_eq!((items(&seen), lost(&seen)), (kept.clone(), queue.lost()));
        assert_eq!(kept.len() as u64 + queue.lost(), 3);
        time.join().unwrap();
    });
}

/// What is taken before the end is written before it, by whatever thread.
#[test]
fn the_end_comes_after_what_was_taken() {
    explore(|| {
        let queue = Arc::new(Queue::new(9));
        let writer = writer(&queue);
        let theirs = queue.clone();
        let other = thread::spawn(move || theirs.push(1, 1, &Deadline::Never));
        queue.close();
        assert!(queue.wait_for_end(&Deadline::Never));
        let seen = items(&writer.join().unwrap());
        match other.join().unwrap() {
            Pushed::Closed => assert!(seen.is_empty()),
            Pushed::Written | Pushed::Waiting => assert_eq!(seen, [1]),
            lost @ Pushed::Lost { .. } => unreachable!("there is room: {lost:?}"),
        }
    });
}

/// An end that nobody waits for any longer leaves nobody waiting, and leaves
/// nothing uncounted.
#[test]
fn an_end_that_is_given_up_ends() {
    explore(|| {
        let queue = Arc::new(Queue::new(9));
        let writer = writer(&queue);
        let (time, passed) = time(&queue);
        for item in 0..2 {
            queue.push(item, 1, &Deadline::Now);
        }
        queue.close();
        let all = queue.wait_for_end(&Deadline::Passed(passed));
        let lost = queue.lost();
        let seen = items(&writer.join().unwrap());
        // One that was just being written may be both.
        assert!(seen.len() as u64 + lost >= 2);
        if all {
            assert_eq!((seen, lost), (vec![0, 1], 0));
        }
        time.join().unwrap();
    });
}

/// A flush says that all is written only if it is; and it ends.
#[test]
fn a_flush_is_true_or_ends() {
    explore(|| {
        let queue = Arc::new(Queue::new(9));
        let written = Arc::new(AtomicBool::new(false));
        let (theirs, set) = (queue.clone(), written.clone());
        let writer = thread::spawn(move || {
            while let Some(entry) = theirs.next() {
                set.store(entry == Entry::Item(1), Ordering::SeqCst);
                theirs.done();
            }
            theirs.ended();
        });
        let (time, passed) = time(&queue);
        queue.push(0, 1, &Deadline::Now);
        queue.push(1, 1, &Deadline::Now);
        if queue.flush(&Deadline::Passed(passed)) {
            assert!(written.load(Ordering::SeqCst));
        }
        queue.close();
        assert!(queue.wait_for_end(&Deadline::Never));
        writer.join().unwrap();
        time.join().unwrap();
    });
}

/// A stall ends once all is written: then it is waited for again.
#[test]
fn a_stall_ends() {
    explore(|| {
        let queue = Arc::new(Queue::new(9));
        let (time, passed) = time(&queue);
        // There is no thread yet: this one waits in vain.
        assert_eq!(queue.push(0, 1, &Deadline::Passed(passed)), Pushed::Waiting);
        assert_eq!(queue.push(1, 1, &Deadline::Never), Pushed::Waiting);
        let writer = writer(&queue);
        assert!(queue.flush(&Deadline::Never));
        assert_eq!(queue.push(2, 1, &Deadline::Never), Pushed::Written);
        queue.close();
        assert!(queue.wait_for_end(&Deadline::Never));
        assert_eq!(items(&writer.join().unwrap()), [0, 1, 2]);
        time.join().unwrap();
    });
}
