//! Strings and boxes in bytes that are all there, such as those of a list.
//!
//! Tested in `tests/amp/arguments.rs`.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{MAX_KEY_LENGTH, TooLong};

/// The first string, and what follows it; `None` if it is not complete.
pub(super) fn split_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*prefix)))
}

/// A key and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// A box, and what follows it.
type Split<'a> = (Pairs<'a>, &'a [u8]);

/// The first box, and what follows it; `None` if it is not complete.
pub(super) fn split_box(bytes: &[u8]) -> Result<Option<Split<'_>>, TooLong> {
    let mut rest = bytes;
    let (mut last, mut sorted) = (None, true);
    loop {
        if let Some((prefix, _)) = rest.split_first_chunk::<2>()
            && usize::from(u16::from_be_bytes(*prefix)) > MAX_KEY_LENGTH
        {
            return Err(TooLong { is_key: true, is_local: false, length: None, key_name: None });
        }
        let Some((key, after)) = split_string(rest) else { return Ok(None) };
        if key.is_empty() {
            let pairs = Pairs::InPlace(bytes);
            return Ok(Some((if sorted { pairs } else { pairs.sort() }, after)));
        }
        let Some((_, after)) = split_string(after) else { return Ok(None) };
        sorted &= last < Some(key);
        last = Some(key);
        rest = after;
    }
}

/// The keys and values of a box that is complete, each key once.
#[derive(Clone, Debug)]
pub(super) enum Pairs<'a> {
    /// Those that stand here.
    InPlace(&'a [u8]),
    /// Those that did not stand in order, from the next one on.
    Sorted(Rc<[Pair<'a>]>, usize),
}

impl Pairs<'_> {
    /// Where a key comes twice, the last value counts.
    fn sort(self) -> Self {
        let sorted: BTreeMap<_, _> = self.collect();
        Self::Sorted(sorted.into_iter().collect(), 0)
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::InPlace(rest) => {
                let (key, after) = split_string(rest)?;
                if key.is_empty() {
                    return None;
                }
                let (value, after) = split_string(after)?;
                *rest = after;
                Some((key, value))
            }
            Self::Sorted(pairs, next) => {
                let pair = pairs.get(*next).copied();
                *next += 1;
                pair
            }
        }
    }
}
