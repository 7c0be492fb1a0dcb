//! What this thread has allocated, counted, so that tests that run beside it
//! do not disturb it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, and counts for each thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// How many bytes are in use; below zero where others gave them to us.
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
    /// How many bytes were ever asked for, those that moved with their memory
    /// each time again.
    static ALL: Cell<usize> = const { Cell::new(0) };
}

fn add(bytes: usize) {
    // Not there any more at the end of the thread.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + bytes as isize);
        let _ = MOST.try_with(|most| most.set(most.get().max(now.get())));
    });
    let _ = ALL.try_with(|all| all.set(all.get() + bytes));
}

fn sub(bytes: usize) {
    let _ = NOW.try_with(|now| now.set(now.get() - bytes as isize));
}

// SAFETY: all is passed on to the system's allocator as it is, and counting
// allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the promises that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        sub(layout.size());
        // SAFETY: the caller keeps the promises that `System` asks for.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        sub(layout.size());
        add(size);
        // SAFETY: the caller keeps the promises that `System` asks for.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// What was allocated since it began.
pub(crate) struct Count {
    now: isize,
    all: usize,
}

impl Count {
    pub(crate) fn begin() -> Self {
        let now = NOW.get();
        MOST.set(now);
        Self { now, all: ALL.get() }
    }

    /// The most that was in use at a time, above what was before.
    pub(crate) fn most(&self) -> usize {
        usize::try_from(MOST.get() - self.now).unwrap_or(0)
    }

    /// All that was asked for, or moved.
    pub(crate) fn moved(&self) -> usize {
        ALL.get() - self.all
    }
}
