//! [`StringParser`]: from bytes to strings, without a connection.
//!
//! Tested in `tests/framing/int_string.rs` and `tests/framing/netstring.rs`.

use std::fmt;
use std::marker::PhantomData;

use super::Format;
use super::held::{Held, take};

/// From bytes to strings that say how long they are: the machine inside
/// [`Strings`](super::Strings), for those who have no connection.
///
/// A string that lies whole in the bytes given is lent from there. Only an
/// unfinished one is kept, up to the greatest length that one may have; and the
/// same bytes give the same strings however they are cut.
///
/// ```
/// use protocols::basic::{Int16, StringParser, StringTooLongError};
///
/// let mut parser = StringParser::<Int16>::new(16);
/// let mut input = &b"\0\x05hello\0\x05wor"[..];
/// assert_eq!(parser.next_string(&mut input), Some(Ok(&b"hello"[..])));
/// assert_eq!(parser.next_string(&mut input), None);
/// assert_eq!(parser.next_string(&mut &b"ld"[..]), Some(Ok(&b"world"[..])));
///
/// let error = StringTooLongError { length: 17, max_length: 16 };
/// assert_eq!(parser.next_string(&mut &b"\0\x11"[..]), Some(Err(error)));
/// ```
pub struct StringParser<F> {
    max_length: usize,
    held: Held,
    state: State,
    format: PhantomData<fn() -> F>,
}

/// ```text
/// Open ──what came is no string, or is too long──▶ Broken
///   ◀────────────other bytes take its place──────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Nothing that comes can be understood any more.
    Broken,
}

impl<F: Format> StringParser<F> {
    /// A parser of strings of at most `max_length` bytes.
    ///
    /// See the [type's example](Self).
    pub fn new(max_length: usize) -> Self {
        Self { max_length, held: Held::default(), state: State::Open, format: PhantomData }
    }

    /// Sets how long a string may be: from here on, and an unfinished one as
    /// well.
    ///
    /// ```
    /// # use protocols::basic::{Int8, StringParser};
    /// let mut parser = StringParser::<Int8>::new(99);
    /// parser.set_max_length(4);
    /// assert!(parser.next_string(&mut &b"\x05hello"[..]).unwrap().is_err());
    /// ```
    pub fn set_max_length(&mut self, max_length: usize) {
        self.max_length = max_length;
    }

    pub(super) fn max_length(&self) -> usize {
        self.max_length
    }

    /// How many bytes are kept for later.
    ///
    /// ```
    /// # use protocols::basic::{Int8, StringParser};
    /// let mut parser = StringParser::<Int8>::new(99);
    /// parser.next_string(&mut &b"\x05hel"[..]);
    /// assert_eq!(parser.held(), 4);
    /// ```
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Forgets what is held.
    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }

    /// How much memory it has.
    pub(crate) fn memory(&self) -> usize {
        self.held.memory()
    }

    /// The bytes that are held.
    pub(crate) fn held_bytes(&self) -> &[u8] {
        self.held.as_slice()
    }

    /// Takes the next string off `input`; `None` when nothing is left but an
    /// unfinished one, which is kept.
    ///
    /// # Errors
    ///
    /// What comes next is no string, or one too long. Nothing can be found
    /// after it.
    ///
    /// See the [type's example](Self).
    #[inline]
    pub fn next_string<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Option<Result<&'s [u8], F::Error>> {
        if !self.held.is_empty() || self.state == State::Broken {
            return self.next_held_string(input);
        }
        self.next_fresh_string(input)
    }

    /// The same, where nothing is held, and strings can be found.
    #[inline(always)]
    fn next_fresh_string<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Option<Result<&'s [u8], F::Error>> {
        match self.split(input) {
            Ok(Some((string, rest))) => {
                *input = rest;
                Some(Ok(string))
            }
            Ok(None) => {
                self.hold(input);
                None
            }
            Err(error) => Some(Err(self.give_up(error))),
        }
    }

    /// The string in front of `data`, and what is behind it.
    #[inline]
    #[expect(clippy::type_complexity, reason = "two slices")]
    fn split<'i>(&self, data: &'i [u8]) -> Result<Option<(&'i [u8], &'i [u8])>, F::Error> {
        let Some(layout) = F::layout(data, self.max_length)? else { return Ok(None) };
        let Some((string, rest)) = data[layout.head..].split_at_checked(layout.length) else {
            return Ok(None);
        };
        let Some((tail, rest)) = rest.split_at_checked(F::TAIL) else { return Ok(None) };
        F::check_tail(tail)?;
        Ok(Some((string, rest)))
    }

    /// The same, where something is held, or nothing can be found any more.
    #[cold]
    fn next_held_string<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Option<Result<&'s [u8], F::Error>> {
        self.held.settle();
        if self.state == State::Broken {
            self.held.clear();
            *input = &[];
            return None;
        }
        if self.held.is_empty() {
            return self.next_fresh_string(input);
        }
        let layout = loop {
            match F::layout(self.held.as_slice(), self.max_length) {
                Ok(Some(layout)) => break layout,
                Ok(None) if input.is_empty() => return None,
                // A length is a few bytes; they are looked at together.
                Ok(None) => self.held.push(take(input, 1)),
                Err(error) => return Some(Err(self.give_up(error))),
            }
        };
        let end = layout.head.saturating_add(layout.length);
        let missing = end.saturating_add(F::TAIL).saturating_sub(self.held.len());
        self.held.push(take(input, missing));
        let tail = self.held.as_slice().get(end..end.saturating_add(F::TAIL))?;
        match F::check_tail(tail) {
            Ok(()) => Some(Ok(&self.held.lend(end + F::TAIL)[layout.head..end])),
            Err(error) => Some(Err(self.give_up(error))),
        }
    }

    /// Finds nothing any more. What was not understood is still there when this is
    /// told, for those who take it for something else.
    #[cold]
    fn give_up(&mut self, error: F::Error) -> F::Error {
        self.state = State::Broken;
        error
    }

    /// Takes out what is held and not lent out, and all of `input`.
    pub(super) fn take_all(&mut self, input: &mut &[u8]) -> Vec<u8> {
        self.held.settle();
        let all = [self.held.as_slice(), std::mem::take(input)].concat();
        self.held.clear();
        all
    }

    /// Goes on with `bytes`, in the place of what is held.
    pub(super) fn replace(&mut self, bytes: &[u8]) {
        self.held.clear();
        self.held.push(bytes);
        self.state = State::Open;
    }

    /// Keeps what is left of `input` for later.
    pub(super) fn hold(&mut self, input: &mut &[u8]) {
        let rest = std::mem::take(input);
        if !rest.is_empty() && self.state == State::Open {
            self.held.push(rest);
        }
    }
}

impl<F> fmt::Debug for StringParser<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StringParser")
            .field("max_length", &self.max_length)
            .field("state", &self.state)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Int16, Int32, Netstring};
    use super::*;

    fn check<F: Format>() {
        let mut bytes = Vec::new();
        let mut count = 0;
        while bytes.len() < 1 << 20 {
            let string = vec![b'x'; count * 37 % 3000];
            F::encode(&string, |piece| bytes.extend_from_slice(piece)).expect("it is short");
            count += 1;
        }
        for size in [1, 7, 100, 1448, 65536] {
            let mut parser = StringParser::<F>::new(3000);
            let mut strings = 0;
            for mut piece in bytes.chunks(size) {
                while let Some(string) = parser.next_string(&mut piece) {
                    string.expect("it is one");
                    strings += 1;
                }
            }
            assert_eq!(strings, count);
            assert!(parser.held.moved <= bytes.len(), "in pieces of {size}");
        }
        let mut parser = StringParser::<F>::new(3000);
        let mut input = &bytes[..];
        while parser.next_string(&mut input).is_some() {
            parser.hold(&mut input);
        }
        assert!(parser.held.moved <= 2 * bytes.len(), "{}", parser.held.moved);
    }

    /// Each byte is copied at most once, however the stream is cut, and at
    /// most twice where each string pauses.
    #[test]
    fn time_is_linear_however_bytes_are_cut() {
        check::<Int16>();
        check::<Int32>();
        check::<Netstring>();
    }
}
