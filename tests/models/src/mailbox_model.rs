//! The mailbox of a reactor: calls are neither lost nor made twice.

use std::collections::VecDeque;
use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;

use crate::mailbox::Mailbox;
use crate::waking::Waking;

/// What each of the threads has had accepted.
fn posting(mailbox: &Arc<Mailbox<u32>>, calls: &'static [u32]) -> thread::JoinHandle<Vec<u32>> {
    let mailbox = mailbox.clone();
    thread::spawn(move || {
        let accepted = |call: &u32| match mailbox.post(*call) {
            Ok(()) => true,
            // What is refused is given back.
            Err(back) => {
                assert_eq!(back, *call);
                false
            }
        };
        calls.iter().copied().filter(accepted).collect()
    })
}

#[test]
fn what_is_accepted_is_collected_once_and_in_order() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::new());
        let threads = [posting(&mailbox, &[1, 2]), posting(&mailbox, &[10])];
        let mut collected = VecDeque::new();
        let mut batch = VecDeque::new();
        mailbox.collect(&mut batch, 1);
        assert!(batch.len() <= 1);
        collected.append(&mut batch);
        collected.extend(mailbox.close());
        let accepted: Vec<Vec<u32>> =
            threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let of = |mine: &Vec<u32>| -> Vec<u32> {
            collected.iter().copied().filter(|call| mine.contains(call)).collect()
        };
        assert!(accepted.iter().all(|mine| of(mine) == *mine), "{accepted:?} {collected:?}");
        assert_eq!(collected.len(), accepted.iter().map(Vec::len).sum::<usize>());
        // Nothing comes after the end.
        assert!(mailbox.close().is_empty());
    });
}

#[test]
fn a_reactor_that_sleeps_is_woken_by_each_call() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::new());
        let waking = Waking::new();
        let threads = [posting(&mailbox, &[1]), posting(&mailbox, &[2])];
        let mut made = 0;
        let mut batch = VecDeque::new();
        while made < 2 {
            mailbox.collect(&mut batch, 64);
            made += batch.drain(..).count();
            // As a turn ends: sleep, unless something has come meanwhile.
            if made < 2 && !mailbox.set_waker(&waking.waker()) {
                waking.wait();
            }
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn who_watches_is_told_of_the_end_once_or_has_taken_it_back() {
    loom::model(|| {
        let mailbox: Arc<Mailbox<u32>> = Arc::new(Mailbox::new());
        let told = Arc::new(Mutex::new(0));
        let (its, count) = (mailbox.clone(), told.clone());
        let watcher = thread::spawn(move || {
            let tell = count.clone();
            let watch = its.on_close(move || *tell.lock().unwrap() += 1);
            // It is refused only when the mailbox is closed.
            let refused = watch.is_err();
            assert!(!refused || !its.is_open());
            drop(watch);
            refused
        });
        drop(mailbox.close());
        mailbox.notify_closed();
        let refused = watcher.join().unwrap();
        let told = *told.lock().unwrap();
        assert!(told <= 1 && !(refused && told > 0));
    });
}

#[test]
fn who_keeps_watching_is_told() {
    loom::model(|| {
        let mailbox: Arc<Mailbox<u32>> = Arc::new(Mailbox::new());
        let told = Arc::new(Mutex::new(false));
        let (its, tell) = (mailbox.clone(), told.clone());
        let watcher =
            thread::spawn(move || its.on_close(move || *tell.lock().unwrap() = true).ok());
        drop(mailbox.close());
        mailbox.notify_closed();
        let watching = watcher.join().unwrap();
        // One that came in between is told when the reactor is gone.
        mailbox.notify_closed();
        assert_eq!(*told.lock().unwrap(), watching.is_some());
    });
}
