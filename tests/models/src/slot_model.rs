//! The result that a reactor sends to a thread: whoever waits is woken.

use std::sync::Arc;
use std::task::{Context, Poll};

use deferred::ResultTakenError;
use loom::thread;

use crate::slot::ResultSlot;
use crate::waking::Waking;

#[test]
fn a_thread_that_waits_is_woken() {
    loom::model(|| {
        let slot = Arc::new(ResultSlot::new());
        let filling = slot.clone();
        let filler = thread::spawn(move || filling.fill(Ok(7)).is_ok());
        assert_eq!(slot.wait().unwrap(), 7);
        assert!(filler.join().unwrap());
        assert!(slot.wait().unwrap_err().is::<ResultTakenError>());
    });
}

#[test]
fn a_task_that_waits_is_woken() {
    loom::model(|| {
        let slot = Arc::new(ResultSlot::new());
        let filling = slot.clone();
        let filler = thread::spawn(move || filling.fill(Ok(7)).is_ok());
        // It may be polled by one task, and then by another.
        for turn in 0.. {
            let waking = Waking::new();
            let waker = waking.waker();
            match slot.poll(&Context::from_waker(&waker)) {
                Poll::Ready(result) => {
                    assert_eq!(result.unwrap(), 7);
                    break;
                }
                Poll::Pending if turn == 0 => {}
                Poll::Pending => waking.wait(),
            }
        }
        assert!(filler.join().unwrap());
    });
}

#[test]
fn of_two_results_the_first_counts_and_the_other_is_given_back() {
    loom::model(|| {
        let slot = Arc::new(ResultSlot::new());
        let fillers: Vec<_> = (0..2)
            .map(|n| {
                let slot = slot.clone();
                thread::spawn(move || slot.fill(Ok(n)).err().map(Result::unwrap))
            })
            .collect();
        let got = slot.wait().unwrap();
        let back: Vec<_> =
            fillers.into_iter().filter_map(|filler| filler.join().unwrap()).collect();
        assert_eq!(back, [1 - got]);
    });
}

#[test]
fn a_value_is_given_to_one_of_those_who_wait() {
    loom::model(|| {
        let slot = Arc::new(ResultSlot::new());
        let waiting = slot.clone();
        let waiter = thread::spawn(move || waiting.wait().is_ok());
        slot.fill(Ok(7)).unwrap();
        let mine = slot.wait().is_ok();
        assert_ne!(waiter.join().unwrap(), mine);
    });
}
