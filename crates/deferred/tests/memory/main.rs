//! The tests that go through the unsafe module: they also run under
//! AddressSanitizer and valgrind, where `DEFERRED_TEST_DIVISOR` makes them
//! smaller.

mod leaks;
mod reentrancy;
mod soak;
mod stack;
mod support;
