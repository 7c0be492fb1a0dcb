//! The reactor itself: its run, its time, its threads, its tasks.

mod attached;
mod blocking;
#[cfg(feature = "testing")]
mod call_result;
mod cooperate;
mod defer_later;
mod driven;
#[cfg(feature = "testing")]
mod early_coroutines;
mod event;
#[cfg(feature = "greenlet")]
mod greenlet;
mod inventory;
mod lockfile;
mod looping_call;
#[cfg(feature = "testing")]
mod per_test_reactor;
mod react;
mod reactor;
mod reactor_thread;
mod remote;
mod run;
mod system_event;
mod thread_pool;
mod threads;

#[path = "../support/mod.rs"]
mod support;
