//! [`Delimiter`]: where lines end.
//!
//! Tested in `tests/lines.rs`.

use std::borrow::Cow;

use memchr::memchr;

/// What stands between lines.
///
/// One byte of it is looked for, the last, and what stands before that is
/// compared: so a byte that was looked at need not be looked at again when more
/// comes, and no choice of bytes makes the search slow.
#[derive(Clone, Debug)]
pub(crate) struct Delimiter {
    bytes: Cow<'static, [u8]>,
}

impl Delimiter {
    pub(crate) fn new(bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { bytes: bytes.into() }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where in `data` the first delimiter ends, which may begin in `before`:
    /// the part of the line that came earlier, in which none ends.
    ///
    /// An empty delimiter is never found, as in Twisted.
    #[inline]
    pub(crate) fn find(&self, before: &[u8], data: &[u8]) -> Option<usize> {
        let (&last, head) = self.bytes.split_last()?;
        let mut from = 0;
        loop {
            let at = from + memchr(last, data.get(from..)?)?;
            if ends_with(before, &data[..at], head) {
                return Some(at + 1);
            }
            from = at + 1;
        }
    }
}

/// Whether `before` and `data`, one after the other, end with `head`.
#[inline]
fn ends_with(before: &[u8], data: &[u8], head: &[u8]) -> bool {
    match *head {
        [] => true,
        [byte] => data.last().or(before.last()) == Some(&byte),
        _ => match head.len().checked_sub(data.len()) {
            None | Some(0) => data.ends_with(head),
            Some(missing) => data == &head[missing..] && before.ends_with(&head[..missing]),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every delimiter is found where a search that begins anew finds it,
    /// wherever the data is cut.
    #[test]
    fn it_is_found_across_a_cut() {
        let texts: [&[u8]; 5] = [b"one\r\ntwo", b"\n\r\r\n", b"aaaa", b"abababac", b"no end"];
        let delimiters: [&[u8]; 6] = [b"\r\n", b"\n", b"aa", b"aaa", b"abac", b"xyz"];
        for text in texts {
            for bytes in delimiters {
                let delimiter = Delimiter::new(bytes.to_vec());
                let whole = text.windows(bytes.len()).position(|window| window == bytes);
                let end = whole.map(|start| start + bytes.len());
                for cut in 0..=text.len() {
                    let (before, data) = text.split_at(cut);
                    match delimiter.find(&[], before) {
                        Some(found) => assert_eq!(Some(found), end),
                        None => assert_eq!(delimiter.find(before, data).map(|n| n + cut), end),
                    }
                }
            }
        }
    }

    #[test]
    fn an_empty_one_is_never_found() {
        assert_eq!(Delimiter::new(&b""[..]).find(b"", b"line"), None);
    }
}
