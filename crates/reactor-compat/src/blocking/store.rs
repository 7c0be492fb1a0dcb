//! The stash: results that are kept under a number.
//!
//! Mirrors `crochet._resultstore.ResultStore`. Tested in `tests/runtime/blocking.rs`.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;

use deferred::Failure;

use super::error::{RetrieveError, StashFull};
use super::eventual_result::EventualResult;

/// How many results can be in the stash. Whoever stashes more than are
/// retrieved gets a [`StashFull`].
///
/// ```
/// assert_eq!(reactor_compat::blocking::STASH_LIMIT, 65_536);
/// ```
pub const STASH_LIMIT: usize = 65_536;

/// The number of a result in the stash; no two results have the same.
///
/// It is a plain number, to be kept in a user's session, say. Others can guess
/// it.
///
/// ```
/// use reactor_compat::blocking::ResultId;
///
/// let id = ResultId::from(12);
/// assert_eq!(id.to_string(), "12");
/// assert_eq!(u64::from(id), 12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResultId(u64);

impl From<u64> for ResultId {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<ResultId> for u64 {
    fn from(id: ResultId) -> Self {
        id.0
    }
}

impl fmt::Display for ResultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A result in the stash, of whatever type.
pub(super) trait Stashed: Any + Send {
    /// The failure, if it has one that nobody has been given.
    fn unobserved_failure(&self) -> Option<Failure>;
}

/// The stash.
pub(super) struct Store {
    last: u64,
    stored: BTreeMap<u64, Box<dyn Stashed>>,
}

impl Store {
    pub(super) const fn new() -> Self {
        Self { last: 0, stored: BTreeMap::new() }
    }

    pub(super) fn stash<T: Send + 'static>(
        &mut self,
        result: EventualResult<T>,
    ) -> Result<ResultId, StashFull<T>> {
        if self.stored.len() >= STASH_LIMIT {
            return Err(StashFull(result));
        }
        self.last += 1;
        self.stored.insert(self.last, Box::new(result));
        Ok(ResultId(self.last))
    }

    pub(super) fn retrieve<T: Send + 'static>(
        &mut self,
        id: ResultId,
    ) -> Result<EventualResult<T>, RetrieveError> {
        let stored = self.stored.remove(&id.0).ok_or(RetrieveError::Unknown(id))?;
        let any: &dyn Any = &*stored;
        if !any.is::<EventualResult<T>>() {
            self.stored.insert(id.0, stored);
            return Err(RetrieveError::OfAnotherType(id));
        }
        let any: Box<dyn Any> = stored;
        any.downcast().map(|result| *result).map_err(|_other| RetrieveError::Unknown(id))
    }

    /// The failures that nobody has been given.
    pub(super) fn unobserved_failures(&self) -> Vec<Failure> {
        self.stored.values().filter_map(|result| result.unobserved_failure()).collect()
    }
}
