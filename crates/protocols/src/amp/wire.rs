//! Strings and boxes in bytes that are all there, such as those of a list.
//!
//! Tested in `tests/amp_arguments.rs`.

use super::{MAX_KEY_LENGTH, TooLong};

/// The first string, and what follows it; `None` if it is not complete.
pub(super) fn split_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*prefix)))
}

/// A box, and what follows it.
type Split<'a> = (Pairs<'a>, &'a [u8]);

/// The first box, and what follows it; `None` if it is not complete.
pub(super) fn split_box(bytes: &[u8]) -> Result<Option<Split<'_>>, TooLong> {
    let mut rest = bytes;
    loop {
        if let Some((prefix, _)) = rest.split_first_chunk::<2>()
            && usize::from(u16::from_be_bytes(*prefix)) > MAX_KEY_LENGTH
        {
            return Err(TooLong { is_key: true, is_local: false, length: None, key_name: None });
        }
        let Some((key, after)) = split_string(rest) else { return Ok(None) };
        if key.is_empty() {
            return Ok(Some((Pairs { rest: bytes }, after)));
        }
        let Some((_, after)) = split_string(after) else { return Ok(None) };
        rest = after;
    }
}

/// The keys and values of a box that is complete.
#[derive(Clone, Debug)]
pub(super) struct Pairs<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, after) = split_string(self.rest)?;
        if key.is_empty() {
            return None;
        }
        let (value, after) = split_string(after)?;
        self.rest = after;
        Some((key, value))
    }
}
