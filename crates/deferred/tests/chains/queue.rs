//! `DeferredQueue` as a stream and as a sink, and its end.
#![allow(clippy::unwrap_used, reason = "what helpers of a test do fails the test")]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use deferred::testing::{LoggedErrors, assert_no_result, failure_result_of, success_result_of};
use deferred::{
    Deferred, DeferredQueue, QueueClosed, QueueSink, QueueSinkError, QueueStream, ensure_deferred,
};
use futures::stream::{self, FusedStream};
use futures::{FutureExt, Sink, SinkExt, Stream, StreamExt, TryStreamExt, pin_mut, select};
use proptest::prelude::*;

fn next<T>(stream: &mut QueueStream<T>) -> Poll<Option<T>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

fn ready<T: 'static>(sink: &mut QueueSink<T>) -> Poll<Result<(), QueueSinkError>> {
    Pin::new(sink).poll_ready(&mut Context::from_waker(Waker::noop()))
}

fn send<T: 'static>(sink: &mut QueueSink<T>, value: T) -> Result<(), QueueSinkError> {
    Pin::new(sink).start_send(value)
}

fn filled<T: 'static>(values: impl IntoIterator<Item = T>) -> DeferredQueue<T> {
    let queue = DeferredQueue::new();
    values.into_iter().for_each(|value| queue.put(value).unwrap());
    queue
}

/// Values until the end, of a future in a coroutine.
fn collected<T: 'static>(stream: QueueStream<T>) -> Deferred<Vec<T>> {
    ensure_deferred(async move { Ok(stream.collect().await) })
}

// ===== the end =====

/// Closing fails those who wait, in their order, and those who come later.
#[test]
fn closing_fails_who_waits() {
    let queue = DeferredQueue::<u8>::bounded(None, Some(2));
    let order = Rc::new(RefCell::new(Vec::new()));
    let waiting: Vec<_> = (0..2)
        .map(|n| {
            let order = Rc::clone(&order);
            queue.get().unwrap().add_errback(move |failure| {
                order.borrow_mut().push(n);
                Err(failure)
            })
        })
        .collect();
    queue.close();
    assert_eq!(*order.borrow(), [0, 1]);
    for waiter in waiting {
        assert!(failure_result_of(waiter).is::<QueueClosed>());
    }
    assert!(failure_result_of(queue.get().unwrap()).is::<QueueClosed>());
    assert!(queue.put(1).is_err());
    assert!(queue.is_closed() && queue.is_empty());
    queue.close();
}

/// What is in it can be had; a value that comes back, too.
#[test]
fn a_closed_queue_gives_what_it_has() {
    let queue = filled([1, 2]);
    let unread = queue.get().unwrap();
    queue.close();
    assert_eq!(success_result_of(queue.get().unwrap()), 2);
    drop(unread);
    assert_eq!(success_result_of(queue.get().unwrap()), 1);
    failure_result_of(queue.get().unwrap());
}

/// Whoever is told that it is closed may use it.
#[test]
fn a_queue_is_used_while_it_is_closed() {
    let queue = DeferredQueue::<u8>::new();
    let again = queue.clone();
    let waiter = queue.get().unwrap().add_errback(move |_| {
        assert!(again.put(1).is_err());
        again.close();
        again.get().unwrap()
    });
    let second = queue.get().unwrap();
    queue.close();
    failure_result_of(waiter);
    failure_result_of(second);
}

// ===== the stream =====

/// What is there, what comes, and the end.
#[test]
fn a_stream_has_all_values() {
    let queue = filled([1, 2]);
    let all = collected(queue.stream());
    queue.put(3).unwrap();
    assert_no_result(&all);
    queue.put(4).unwrap();
    queue.close();
    assert_eq!(success_result_of(all), [1, 2, 3, 4]);
}

/// It is over when the queue is closed and empty, and stays so.
#[test]
fn a_stream_ends_once() {
    let queue = filled([1]);
    let unread = filled([1]).get().unwrap();
    let mut stream = queue.stream();
    assert!(!stream.is_terminated());
    assert_eq!(next(&mut stream), Poll::Ready(Some(1)));
    assert_eq!(next(&mut stream), Poll::Pending);
    queue.close();
    assert_eq!(next(&mut stream), Poll::Ready(None));
    assert!(stream.is_terminated());
    drop(unread);
    assert_eq!(next(&mut stream), Poll::Ready(None));
    let mut late = queue.stream();
    assert_eq!(next(&mut late), Poll::Ready(None));
    assert!(format!("{late:?}").contains("ended: true"));
}

/// The combinators of `futures` work on it.
#[test]
fn a_stream_and_combinators() {
    let queue = filled(1..=6);
    queue.close();
    let even = queue.stream().filter(|n| std::future::ready(n % 2 == 0)).map(|n| n * 10);
    assert_eq!(even.collect::<Vec<_>>().now_or_never().unwrap(), [20, 40, 60]);

    let queue = filled(1..=6);
    queue.close();
    let chunks = queue.stream().ready_chunks(4).collect::<Vec<_>>();
    assert_eq!(chunks.now_or_never().unwrap(), [vec![1, 2, 3, 4], vec![5, 6]]);

    let [left, right] = [filled([1, 3]), filled([2, 4])];
    left.close();
    right.close();
    let mut both: Vec<_> =
        stream::select(left.stream(), right.stream()).collect().now_or_never().unwrap();
    both.sort_unstable();
    assert_eq!(both, [1, 2, 3, 4]);

    // Deferreds in a queue, three at a time.
    let queue = DeferredQueue::new();
    let (jobs, triggers): (Vec<_>, Vec<_>) = (0..5).map(|_| Deferred::<usize>::new()).unzip();
    jobs.into_iter().for_each(|job| queue.put(job).unwrap());
    queue.close();
    let done = ensure_deferred(queue.stream().map(Ok).try_buffered(3).try_collect::<Vec<_>>());
    for (n, trigger) in triggers.iter().enumerate() {
        trigger.callback(n).unwrap();
    }
    assert_eq!(success_result_of(done), [0, 1, 2, 3, 4]);
}

/// Streams and getters of one queue take turns, in the order of their waiting.
#[test]
fn streams_stand_in_the_line() {
    let queue = DeferredQueue::new();
    let mut first = queue.stream();
    assert!(next(&mut first).is_pending());
    let getter = queue.get().unwrap();
    let mut second = queue.stream();
    assert!(next(&mut second).is_pending());
    assert_eq!(queue.waiting(), 3);
    (1..=3).for_each(|n| queue.put(n).unwrap());
    assert_eq!(next(&mut second), Poll::Ready(Some(3)));
    assert_eq!(success_result_of(getter), 2);
    assert_eq!(next(&mut first), Poll::Ready(Some(1)));
}

/// The backlog is for getters: a stream waits all the same, in one place.
#[test]
fn a_stream_is_not_refused() {
    let queue = DeferredQueue::<u8>::bounded(None, Some(0));
    assert!(queue.get().is_err());
    let mut stream = queue.stream();
    for _ in 0..3 {
        assert!(next(&mut stream).is_pending());
        assert_eq!(queue.waiting(), 1);
    }
    drop(stream);
    assert_eq!(queue.waiting(), 0);
}

/// Dropping the future of the next value, or the stream, loses none.
#[test]
fn a_stream_is_cancel_safe() {
    let queue = DeferredQueue::new();
    let mut stream = queue.stream();
    for n in 0..3 {
        let mut waiting = stream.next();
        assert!((&mut waiting).now_or_never().is_none());
        queue.put(n).unwrap();
        drop(waiting);
        assert_eq!(stream.next().now_or_never(), Some(Some(n)));
    }
    assert!(next(&mut stream).is_pending());
    queue.put(3).unwrap();
    queue.put(4).unwrap();
    drop(stream);
    assert_eq!(success_result_of(queue.get().unwrap()), 3);
    assert_eq!(success_result_of(queue.get().unwrap()), 4);
}

/// In a `select!` with something that wins.
#[test]
fn a_stream_in_a_select() {
    let queue = DeferredQueue::new();
    let (other, trigger) = Deferred::<()>::new();
    let mut stream = queue.stream();
    let won = ensure_deferred(async move {
        let mut other = other;
        let won = select! {
            value = stream.next() => value.map_or_else(String::new, |n: i32| n.to_string()),
            _ = other => "other".to_owned(),
        };
        Ok((won, stream))
    });
    trigger.callback(()).unwrap();
    let (won, stream) = success_result_of(won);
    assert_eq!(won, "other");
    queue.put(1).unwrap();
    queue.close();
    assert_eq!(success_result_of(collected(stream)), [1]);
}

/// A stream that goes when its queue has been closed says nothing.
#[test]
fn a_stream_that_was_not_read_to_its_end() {
    let _none_expected = LoggedErrors::collect();
    let queue = DeferredQueue::<u8>::new();
    let mut stream = queue.stream();
    assert!(next(&mut stream).is_pending());
    let mut sink = DeferredQueue::bounded(Some(0), None).sink();
    assert!(ready::<u8>(&mut sink).is_pending());
    queue.close();
    drop(stream);
}

// ===== the sink =====

/// It takes what there is room for, and goes on when there is more.
#[test]
fn a_sink_waits_for_room() {
    let queue = DeferredQueue::bounded(Some(2), None);
    let mut sink = queue.sink();
    let sent = Rc::new(Cell::new(0));
    let count = Rc::clone(&sent);
    let sending = ensure_deferred(async move {
        for n in 0..5 {
            sink.send(n).await?;
            count.set(n + 1);
        }
        Ok(())
    });
    assert_eq!((sent.get(), queue.len()), (2, 2));
    for n in 0..5 {
        assert_eq!(success_result_of(queue.get().unwrap()), n);
        assert_eq!(sent.get(), (n + 3).min(5));
    }
    success_result_of(sending);
}

/// What is ready stays so: its room is nobody else's.
#[test]
fn room_is_kept() {
    let queue = DeferredQueue::bounded(Some(1), None);
    let mut sink = queue.sink();
    assert_eq!(ready(&mut sink), Poll::Ready(Ok(())));
    assert!(format!("{sink:?}").contains("ready: true"));
    assert!(queue.put(1).is_err());
    let mut other = queue.sink();
    assert!(ready(&mut other).is_pending());
    send(&mut sink, 2).unwrap();
    assert_eq!(success_result_of(queue.get().unwrap()), 2);
    assert_eq!(ready(&mut other), Poll::Ready(Ok(())));
    // Dropped, it is given up.
    drop(other);
    queue.put(3).unwrap();
}

/// Sinks get room in their order; one that goes passes it on, before it was
/// told and after.
#[test]
fn sinks_stand_in_a_line() {
    let queue = DeferredQueue::bounded(Some(1), None);
    queue.put(0).unwrap();
    let mut sinks: Vec<_> = (0..5).map(|_| queue.sink()).collect();
    assert!(sinks.iter_mut().all(|sink| ready(sink).is_pending()));
    drop(sinks.remove(0));
    success_result_of(queue.get().unwrap());
    let told = sinks.remove(0);
    assert!(ready(&mut sinks[0]).is_pending(), "the room is another's");
    drop(told);
    assert!(ready(&mut sinks[1]).is_pending());
    assert_eq!(ready(&mut sinks[0]), Poll::Ready(Ok(())));
    send(&mut sinks[0], 1).unwrap();
    assert!(ready(&mut sinks[1]).is_pending());
    success_result_of(queue.get().unwrap());
    assert_eq!(ready(&mut sinks[1]), Poll::Ready(Ok(())));
}

/// A queue of size zero has room for those who wait for a value.
#[test]
fn a_sink_of_a_queue_without_size() {
    let queue = DeferredQueue::bounded(Some(0), None);
    let mut sink = queue.sink();
    assert!(ready(&mut sink).is_pending());
    let getter = queue.get().unwrap();
    assert_eq!(ready(&mut sink), Poll::Ready(Ok(())));
    send(&mut sink, 1).unwrap();
    assert_eq!(success_result_of(getter), 1);
    assert!(ready(&mut sink).is_pending());

    let mut stream = queue.stream();
    assert!(next(&mut stream).is_pending());
    assert_eq!(ready(&mut sink), Poll::Ready(Ok(())));
    send(&mut sink, 2).unwrap();
    assert_eq!(next(&mut stream), Poll::Ready(Some(2)));
}

/// A closed queue is an error, for one that waits, one that is ready, and one
/// that comes.
#[test]
fn a_sink_of_a_closed_queue() {
    let _none_expected = LoggedErrors::collect();
    let queue = DeferredQueue::bounded(Some(1), None);
    let [mut ready_one, mut waiting, mut late] = [queue.sink(), queue.sink(), queue.sink()];
    assert!(ready(&mut ready_one).is_ready());
    assert!(ready(&mut waiting).is_pending());
    queue.close();
    assert_eq!(send(&mut ready_one, 1), Err(QueueSinkError::Closed));
    for sink in [&mut ready_one, &mut waiting, &mut late] {
        assert_eq!(ready(sink), Poll::Ready(Err(QueueSinkError::Closed)));
    }
    assert!(queue.is_empty());
}

/// `start_send` alone is refused.
#[test]
fn a_sink_that_was_not_asked() {
    let queue = DeferredQueue::bounded(Some(1), None);
    let mut sink = queue.sink();
    assert_eq!(send(&mut sink, 1), Err(QueueSinkError::NotReady));
    assert!(ready(&mut sink).is_ready());
    send(&mut sink, 1).unwrap();
    assert_eq!(send(&mut sink, 2), Err(QueueSinkError::NotReady));
    assert_eq!(queue.len(), 1);
}

/// The combinators of `futures` work on it: a line of two queues, `with`,
/// `buffer`, `fanout`, `send_all`.
#[test]
fn a_sink_and_combinators() {
    let (source, middle, end) = (
        DeferredQueue::bounded(Some(3), None),
        DeferredQueue::bounded(Some(1), None),
        DeferredQueue::new(),
    );
    let doubled = middle.sink().with(|n: i32| std::future::ready(Ok::<_, QueueSinkError>(n * 2)));
    let feeding = Deferred::from_future(stream::iter(1..=50).map(Ok).forward(source.sink()));
    let first = Deferred::from_future(source.stream().map(Ok).forward(doubled));
    let second = Deferred::from_future(middle.stream().map(Ok).forward(end.sink().buffer(2)));
    let all = collected(end.stream());
    success_result_of(feeding);
    success_result_of(first);
    success_result_of(second);
    let all = success_result_of(all);
    assert_eq!((all.len(), all.iter().sum::<i32>()), (50, 50 * 51));

    let [left, right] = [DeferredQueue::new(), DeferredQueue::new()];
    let mut both = left.sink().fanout(right.sink());
    let mut values = stream::iter([1, 2]).map(Ok);
    both.send_all(&mut values).now_or_never().unwrap().unwrap();
    assert_eq!((left.len(), right.len()), (2, 2));
    assert!(!left.is_closed(), "send_all does not close");
    both.close().now_or_never().unwrap().unwrap();
    assert!(left.is_closed() && right.is_closed());
}

/// A `send` that is dropped while it waits has not sent; its room is free.
#[test]
fn a_dropped_send() {
    let queue = DeferredQueue::bounded(Some(1), None);
    let mut sink = queue.sink();
    queue.put(1).unwrap();
    assert!(sink.send(2).now_or_never().is_none());
    assert_eq!(success_result_of(queue.get().unwrap()), 1);
    assert!(queue.is_empty());
    // The room was given to the sink, which still has it.
    assert!(queue.put(3).is_err());
    assert_eq!(sink.send(4).now_or_never(), Some(Ok(())));
    assert_eq!(success_result_of(queue.get().unwrap()), 4);
}

/// A consumer and its producers, all coroutines, through one place.
#[test]
fn many_producers() {
    let queue = DeferredQueue::bounded(Some(1), None);
    let producers: Vec<_> = (0..10)
        .map(|producer| {
            let sink = queue.sink();
            ensure_deferred(async move {
                pin_mut!(sink);
                for n in 0..10 {
                    sink.send((producer, n)).await?;
                }
                Ok(())
            })
        })
        .collect();
    let all = success_result_of(collected_some(queue.stream(), 100));
    for producer in producers {
        success_result_of(producer);
    }
    for producer in 0..10 {
        let its = all.iter().filter(|(who, _)| *who == producer).map(|&(_, n)| n);
        assert!(its.eq(0..10));
    }
}

fn collected_some<T: 'static>(stream: QueueStream<T>, count: usize) -> Deferred<Vec<T>> {
    ensure_deferred(async move { Ok(stream.take(count).collect().await) })
}

/// Tasks of Tokio on both ends.
#[cfg(feature = "tokio")]
#[tokio::test(flavor = "local")]
async fn tasks_on_both_ends() {
    let queue = DeferredQueue::bounded(Some(4), None);
    let feeding = tokio::task::spawn_local(stream::iter(0..1000).map(Ok).forward(queue.sink()));
    let sum = tokio::task::spawn_local(queue.stream().fold(0, async |sum, n| sum + n));
    assert_eq!(feeding.await.unwrap(), Ok(()));
    assert_eq!(sum.await.unwrap(), 499_500);
}

proptest! {
    /// Whatever sinks, streams and getters do: no value is lost or doubled, and
    /// the queue holds no more than its size.
    #[test]
    fn nothing_is_lost_and_nothing_overflows(
        size in 1_usize..4,
        steps in prop::collection::vec((0_usize..6, 0_usize..3), 0..120),
    ) {
        let queue = DeferredQueue::bounded(Some(size), None);
        let mut sinks: Vec<_> = (0..3).map(|_| Some(queue.sink())).collect();
        let mut streams: Vec<_> = (0..3).map(|_| queue.stream()).collect();
        let (mut sent, mut got) = (Vec::new(), Vec::new());
        for (number, (action, which)) in steps.into_iter().enumerate() {
            let sink = sinks[which].get_or_insert_with(|| queue.sink());
            match action {
                0 => drop(ready(sink)),
                1 => if send(sink, number).is_ok() { sent.push(number) },
                2 => sinks[which] = None,
                3 => if queue.put(number).is_ok() { sent.push(number) },
                4 => if let Poll::Ready(Some(n)) = next(&mut streams[which]) { got.push(n) },
                _ => streams[which] = queue.stream(),
            }
            // A stream that was dropped may have given a value back.
            prop_assert!(queue.len() <= size + 3);
        }
        drop(sinks);
        drop(streams);
        queue.close();
        got.extend(success_result_of(collected(queue.stream())));
        got.sort_unstable();
        prop_assert_eq!(got, sent);
    }
}

/// Errors say what is the matter.
#[test]
fn errors_have_texts() {
    let texts: [&dyn fmt::Display; 3] =
        [&QueueClosed, &QueueSinkError::Closed, &QueueSinkError::NotReady];
    assert!(texts.iter().all(|text| text.to_string().starts_with("the queue")));
}

/// The last handle closes the queue for its streams: a coroutine that reads one
/// ends, with what was left.
#[test]
fn the_last_handle_ends_a_stream() {
    let queue = DeferredQueue::new();
    let all = collected(queue.stream());
    let (other, sink) = (queue.clone(), queue.sink());
    queue.put(1).unwrap();
    drop(queue);
    other.put(2).unwrap();
    drop(other);
    assert_no_result(&all);
    drop(sink);
    assert_eq!(success_result_of(all), [1, 2]);

    let queue = filled([1, 2]);
    let mut stream = queue.stream();
    drop(queue);
    assert_eq!(next(&mut stream), Poll::Ready(Some(1)));
    assert_eq!(next(&mut stream), Poll::Ready(Some(2)));
    assert_eq!(next(&mut stream), Poll::Ready(None));
}

/// Without a stream those who wait stay pending, as in Twisted.
#[test]
fn the_last_handle_without_a_stream() {
    let _none_expected = LoggedErrors::collect();
    let queue = DeferredQueue::<u8>::new();
    let waiting = queue.get().unwrap();
    drop(queue);
    assert_no_result(&waiting);
}
