//! [`Delimiter`]: where lines end.
//!
//! Tested in `tests/framing/line_parser.rs`.

use std::borrow::Cow;

use memchr::memchr;

/// The bytes that stand between lines.
///
/// One byte of it is looked for, the last, and what stands before that is
/// compared: so a byte that was looked at need not be looked at again when more
/// comes, and no choice of bytes makes the search slow.
#[derive(Clone, Debug)]
pub(crate) struct Delimiter {
    bytes: Cow<'static, [u8]>,
    shape: Shape,
}

/// The bytes to compare.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// It is empty, and never found, as in Twisted.
    Empty,
    One(u8),
    Two(u8, u8),
    More(u8),
}

impl Delimiter {
    pub(crate) fn new(bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let bytes = bytes.into();
        let shape = match *bytes {
            [] => Shape::Empty,
            [last] => Shape::One(last),
            [first, last] => Shape::Two(first, last),
            [.., last] => Shape::More(last),
        };
        Self { bytes, shape }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, if they are two, as most often.
    pub(crate) fn pair(&self) -> Option<[u8; 2]> {
        match self.shape {
            Shape::Two(first, last) => Some([first, last]),
            Shape::Empty | Shape::One(_) | Shape::More(_) => None,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self.shape {
            Shape::Empty => 0,
            Shape::One(_) => 1,
            Shape::Two(..) => 2,
            Shape::More(_) => self.bytes.len(),
        }
    }

    /// Where in `data` the first delimiter ends, which may begin in `before`:
    /// the part of the line that came earlier, in which none ends.
    #[inline]
    pub(crate) fn find(&self, before: &[u8], data: &[u8]) -> Option<usize> {
        let found = self.search(before, data);
        #[cfg(test)]
        SCANNED.set(SCANNED.get() + found.unwrap_or(data.len()));
        found
    }

    #[inline]
    fn search(&self, before: &[u8], data: &[u8]) -> Option<usize> {
        match self.shape {
            Shape::Empty => None,
            Shape::One(last) => Some(memchr(last, data)? + 1),
            Shape::Two(first, last) => {
                find(last, data, |front| front.last().or(before.last()) == Some(&first))
            }
            Shape::More(last) => find(last, data, |front| {
                let head = &self.bytes[..self.bytes.len() - 1];
                match head.len().checked_sub(front.len()) {
                    None => front.ends_with(head),
                    Some(missing) => {
                        front == &head[missing..] && before.ends_with(&head[..missing])
                    }
                }
            }),
        }
    }
}

/// Behind which `last` in `data` a delimiter ends, by what stands in front.
#[inline]
fn find(last: u8, data: &[u8], is_end: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr(last, data.get(from..)?)?;
        if is_end(&data[..at]) {
            return Some(at + 1);
        }
        from = at + 1;
    }
}

#[cfg(test)]
thread_local! {
    /// How many bytes were looked at, for the tests that count rather than
    /// time.
    pub(crate) static SCANNED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
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
