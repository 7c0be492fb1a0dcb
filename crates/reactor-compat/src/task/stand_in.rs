//! Another cooperator in the place of the thread's own, for the reactor of a
//! test.
//!
//! Tested in `tests/runtime/per_test_reactor.rs`.

use super::Cooperator;
use super::cooperator::COOPERATOR;

/// Puts another in the place of the thread's own, or has one made when it is
/// wanted; gives the one that there was.
pub(crate) fn replace_own_cooperator(other: Option<Cooperator>) -> Option<Cooperator> {
    COOPERATOR.replace(other)
}
