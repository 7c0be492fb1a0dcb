//! The jobs of a thread pool: each is done or given back, and no thread is
//! forgotten.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;

use crate::job_queue::{JobQueue, NewThreads, Refused};

type Queue = JobQueue<u32, ()>;

/// A pool over the queue, whose threads note what they have done.
#[derive(Clone)]
struct Pool {
    queue: Arc<Queue>,
    done: Arc<Mutex<Vec<u32>>>,
    threads: Arc<Mutex<Vec<thread::JoinHandle<()>>>>,
}

impl Pool {
    fn new(threads: usize) -> Self {
        let pool = Self {
            queue: Arc::new(JobQueue::new(threads)),
            done: Arc::new(Mutex::new(Vec::new())),
            threads: Arc::new(Mutex::new(Vec::new())),
        };
        pool.start(pool.queue.start(()));
        pool
    }

    fn start(&self, new: Option<NewThreads<()>>) {
        for _ in 0..new.map_or(0, |new| new.count) {
            let (queue, done) = (self.queue.clone(), self.done.clone());
            let thread = thread::spawn(move || {
                while let Some(job) = queue.next() {
                    done.lock().unwrap().push(job);
                }
            });
            self.threads.lock().unwrap().push(thread);
        }
    }

    /// Whether the job was taken.
    fn submit(&self, job: u32) -> bool {
        match self.queue.submit(job) {
            Ok(new) => {
                self.start(new);
                true
            }
            Err((back, refused)) => {
                assert_eq!((back, refused), (job, Refused::Stopped));
                false
            }
        }
    }

    /// What was done, when all threads have ended.
    fn finish(self) -> Vec<u32> {
        loop {
            let thread = self.threads.lock().unwrap().pop();
            match thread {
                Some(thread) => thread.join().unwrap(),
                None => break,
            }
        }
        assert_eq!((self.queue.working(), self.queue.waiting()), (0, 0));
        self.done.lock().unwrap().clone()
    }
}

#[test]
fn a_job_that_comes_as_the_thread_leaves_is_done() {
    loom::model(|| {
        let pool = Pool::new(1);
        assert!(pool.submit(1));
        // The thread may be looking for more, or have left.
        assert!(pool.submit(2));
        assert_eq!(pool.finish(), [1, 2]);
    });
}

#[test]
fn a_job_is_done_or_given_back_when_the_pool_stops() {
    loom::model(|| {
        let pool = Pool::new(1);
        let (submitting, stopping) = (pool.clone(), pool.clone());
        let submitter = thread::spawn(move || submitting.submit(1));
        let left = stopping.queue.stop();
        let taken = submitter.join().unwrap();
        let done = pool.finish();
        assert_eq!(done.len() + left.len(), usize::from(taken));
    });
}

#[test]
fn no_more_threads_than_allowed_work_at_a_time() {
    // Two preemptions show what three threads can do to one lock; more would take
    // minutes.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let pool = Pool::new(2);
        let submitting = pool.clone();
        let submitter = thread::spawn(move || submitting.submit(1));
        assert!(pool.submit(2));
        pool.start(pool.queue.resize(1));
        assert!(pool.queue.working() <= 2);
        assert!(submitter.join().unwrap());
        let mut done = pool.finish();
        done.sort_unstable();
        assert_eq!(done, [1, 2]);
    });
}
