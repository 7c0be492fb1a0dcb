//! [`LineParser`]: from bytes to lines, without a connection.
//!
//! Tested in `tests/framing/line_parser.rs`.

use std::borrow::Cow;

use super::LineTooLong;
use super::delimiter::Delimiter;
use super::held::Held;

/// A result of a [`LineParser`] from the bytes it was given.
///
/// ```
/// use protocols::basic::LineEvent;
///
/// assert_ne!(LineEvent::Line(b"abc"), LineEvent::TooLong(b"abc"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEvent<'a> {
    /// A line, without its delimiter.
    Line(&'a [u8]),
    /// Bytes that begin with a line, or a part of one, that is too long.
    TooLong(&'a [u8]),
}

/// The fate of a line that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overlong {
    /// It is given up together with all that has come behind it: what
    /// `LineReceiver` does.
    WithRest,
    /// It is given up alone, as `LineOnlyReceiver` does.
    Alone,
}

/// From bytes to lines: the machine inside [`Lines`](super::Lines), for those
/// who have no connection.
///
/// A line that lies whole in the bytes given is lent from there. Only an
/// unfinished one is kept, up to the greatest length that a line may have, and
/// no byte is looked at twice, however the bytes are cut.
///
/// ```
/// use protocols::basic::{LineEvent, LineParser};
///
/// let mut parser = LineParser::new(b"\r\n", 16);
/// let mut lines = Vec::new();
/// for mut input in [&b"one\r\ntw"[..], b"o\r\n"] {
///     while let Some(event) = parser.next_line(&mut input) {
///         let LineEvent::Line(line) = event else { unreachable!("they are short") };
///         lines.push(line.to_vec());
///     }
/// }
/// assert_eq!(lines, [b"one", b"two"]);
///
/// let mut input = &b"more than sixteen, and then some"[..];
/// assert!(matches!(parser.next_line(&mut input), Some(LineEvent::TooLong(_))));
/// ```
#[derive(Debug)]
pub struct LineParser {
    delimiter: Delimiter,
    max_length: usize,
    overlong: Overlong,
    held: Held,
    /// How many of the bytes held are known to hold no end of a line.
    scanned: usize,
}

impl LineParser {
    /// A parser of lines that end with `delimiter` and have at most
    /// `max_length` bytes without it.
    ///
    /// ```
    /// use protocols::basic::{LineEvent, LineParser};
    ///
    /// let mut parser = LineParser::new(b"\n", 80);
    /// let mut input = &b"one\n"[..];
    /// assert_eq!(parser.next_line(&mut input), Some(LineEvent::Line(b"one")));
    /// assert_eq!(parser.next_line(&mut input), None);
    /// ```
    pub fn new(delimiter: &'static [u8], max_length: usize) -> Self {
        Self::with(Delimiter::new(delimiter), max_length)
    }

    pub(crate) fn with(delimiter: Delimiter, max_length: usize) -> Self {
        let overlong = Overlong::WithRest;
        Self { delimiter, max_length, overlong, held: Held::default(), scanned: 0 }
    }

    /// The rules of `LineOnlyReceiver` for what is too long.
    pub(crate) fn give_up_alone(&mut self) {
        self.overlong = Overlong::Alone;
    }

    /// Sets what lines end with, for those to come.
    ///
    /// ```
    /// # use protocols::basic::{LineEvent, LineParser};
    /// let mut parser = LineParser::new(b"\r\n", 80);
    /// parser.set_delimiter(b"||".to_vec());
    /// let mut input = &b"one||"[..];
    /// assert_eq!(parser.next_line(&mut input), Some(LineEvent::Line(b"one")));
    /// ```
    pub fn set_delimiter(&mut self, delimiter: impl Into<Cow<'static, [u8]>>) {
        self.replace_delimiter(Delimiter::new(delimiter));
    }

    pub(crate) fn replace_delimiter(&mut self, delimiter: Delimiter) {
        self.delimiter = delimiter;
        self.scanned = 0;
    }

    /// Sets how long a line may be.
    ///
    /// ```
    /// # use protocols::basic::{LineEvent, LineParser};
    /// let mut parser = LineParser::new(b"\r\n", 80);
    /// parser.set_max_length(2);
    /// let mut input = &b"one\r\n"[..];
    /// assert_eq!(parser.next_line(&mut input), Some(LineEvent::TooLong(b"one\r\n")));
    /// ```
    pub fn set_max_length(&mut self, max_length: usize) {
        self.max_length = max_length;
    }

    pub(crate) fn delimiter(&self) -> &Delimiter {
        &self.delimiter
    }

    pub(crate) fn max_length(&self) -> usize {
        self.max_length
    }

    /// The error for a line that is too long.
    pub(crate) fn too_long(&self) -> LineTooLong {
        LineTooLong { max_length: self.max_length }
    }

    /// How many bytes are kept for later.
    ///
    /// ```
    /// # use protocols::basic::LineParser;
    /// let mut parser = LineParser::new(b"\r\n", 80);
    /// parser.next_line(&mut &b"unfinished"[..]);
    /// assert_eq!(parser.held(), 10);
    /// ```
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// How much memory it has.
    pub(crate) fn memory(&self) -> usize {
        self.held.memory()
    }

    /// The bytes that are held.
    pub(crate) fn held_bytes(&self) -> &[u8] {
        self.held.as_slice()
    }

    /// Whether there may be a line in what is held.
    pub(crate) fn has_more(&self) -> bool {
        self.scanned < self.held.len()
    }

    /// Whether a line ends in what is held or in `input`.
    pub(crate) fn has_line(&mut self, input: &[u8]) -> bool {
        self.held.settle();
        let (known, rest) = self.held.as_slice().split_at(self.scanned.min(self.held.len()));
        self.delimiter.find(known, rest).is_some()
            || self.delimiter.find(self.held.as_slice(), input).is_some()
    }

    /// Takes the next line off `input`; `None` when nothing is left but an
    /// unfinished one, which is kept.
    ///
    /// See the [type's example](Self).
    #[inline]
    pub fn next_line<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<LineEvent<'s>> {
        if self.held.is_empty() { self.next_fresh_line(input) } else { self.next_held_line(input) }
    }

    /// The same, where nothing is held.
    #[inline(always)]
    fn next_fresh_line<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<LineEvent<'s>> {
        let data = *input;
        let Some(end) = self.delimiter.find(&[], data) else {
            return self.unfinished(input);
        };
        let line = &data[..end - self.delimiter.len()];
        if line.len() <= self.max_length {
            *input = &data[end..];
            return Some(LineEvent::Line(line));
        }
        match self.overlong {
            Overlong::WithRest => Some(LineEvent::TooLong(std::mem::take(input))),
            Overlong::Alone => {
                *input = &data[end..];
                Some(LineEvent::TooLong(line))
            }
        }
    }

    /// The same, where something is held.
    #[cold]
    fn next_held_line<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<LineEvent<'s>> {
        self.held.settle();
        if self.held.is_empty() {
            self.scanned = 0;
            return self.next_fresh_line(input);
        }
        if self.has_more() {
            let (known, rest) = self.held.as_slice().split_at(self.scanned);
            if let Some(end) = self.delimiter.find(known, rest) {
                return Some(self.finished(self.scanned + end, input));
            }
            self.scanned = self.held.len();
        }
        match self.delimiter.find(self.held.as_slice(), input) {
            None => self.unfinished(input),
            Some(end) => {
                let (line, rest) = input.split_at(end);
                *input = rest;
                self.held.push(line);
                Some(self.finished(self.held.len(), input))
            }
        }
    }

    /// The line that ends at `end` of what is held.
    fn finished(&mut self, end: usize, input: &mut &[u8]) -> LineEvent<'_> {
        self.scanned = 0;
        let length = end - self.delimiter.len();
        if length <= self.max_length {
            return LineEvent::Line(&self.held.lend(end)[..length]);
        }
        match self.overlong {
            Overlong::WithRest => {
                self.hold(input);
                LineEvent::TooLong(self.held.lend(usize::MAX))
            }
            Overlong::Alone => LineEvent::TooLong(&self.held.lend(end)[..length]),
        }
    }

    /// Passes over the lines of `input`, but keeps an unfinished one.
    #[cold]
    pub(crate) fn pass_over(&mut self, input: &mut &[u8]) {
        while self.next_held_line(input).is_some() {}
    }

    /// Takes all that there is, lines or not; `None` when there is nothing.
    pub(crate) fn next_raw<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<&'s [u8]> {
        self.held.settle();
        self.scanned = 0;
        if !self.held.is_empty() {
            return Some(self.held.lend(usize::MAX));
        }
        if input.is_empty() { None } else { Some(std::mem::take(input)) }
    }

    /// Gives back the last `count` bytes of what was taken raw; `before` is
    /// what the input was before that.
    pub(crate) fn unread<'a>(&mut self, count: usize, before: &'a [u8], input: &mut &'a [u8]) {
        if self.held.is_lent() {
            self.held.unread(count);
        } else {
            *input = &before[before.len().saturating_sub(count)..];
        }
    }

    /// Keeps what is left of `input` for later.
    pub(crate) fn hold(&mut self, input: &mut &[u8]) {
        if !input.is_empty() {
            self.held.push(std::mem::take(input));
        }
    }

    /// Takes out what is held and not lent out, and all of `input`.
    pub(crate) fn take_all(&mut self, input: &mut &[u8]) -> Vec<u8> {
        let all = [self.held.as_slice(), std::mem::take(input)].concat();
        self.clear();
        all
    }

    /// Lets go of what is held, and not lent out.
    pub(crate) fn clear(&mut self) {
        self.held.truncate();
        self.scanned = 0;
    }

    /// Keeps the beginning of a line, unless it is too long already.
    fn unfinished<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<LineEvent<'s>> {
        let length = self.held.len() + input.len();
        if length == 0 {
            return None;
        }
        let over = match self.overlong {
            // Its last bytes may be the beginning of its delimiter.
            Overlong::WithRest => length >= self.max_length.saturating_add(self.delimiter.len()),
            Overlong::Alone => length > self.max_length,
        };
        if over {
            self.scanned = 0;
            if self.held.is_empty() {
                return Some(LineEvent::TooLong(std::mem::take(input)));
            }
            self.held.push(std::mem::take(input));
            return Some(LineEvent::TooLong(self.held.lend(usize::MAX)));
        }
        if !input.is_empty() {
            self.held.push(std::mem::take(input));
            self.scanned = self.held.len();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::delimiter::SCANNED;
    use super::*;

    /// Lines of many lengths, with all that may look like an end of one.
    fn stream() -> (Vec<u8>, usize) {
        let mut bytes = Vec::new();
        let mut count = 0;
        while bytes.len() < 1 << 20 {
            bytes.extend(std::iter::repeat_n(b"x\r\n\n"[count % 4], count * 37 % 900));
            bytes.extend_from_slice(b"x\r\n");
            count += 1;
        }
        (bytes, count)
    }

    fn count_lines(parser: &mut LineParser, input: &mut &[u8]) -> usize {
        std::iter::from_fn(|| parser.next_line(input).map(|_| ())).count()
    }

    /// Each byte is looked at once, and copied at most once, however the
    /// stream is cut.
    #[test]
    fn time_is_linear_however_bytes_are_cut() {
        let (bytes, _) = stream();
        for size in [1, 2, 7, 100, 1448, 65536] {
            let mut parser = LineParser::new(b"\r\n", 16384);
            SCANNED.set(0);
            let mut lines = 0;
            for mut piece in bytes.chunks(size) {
                lines += count_lines(&mut parser, &mut piece);
            }
            assert!(lines > 1000);
            assert_eq!(SCANNED.get(), bytes.len(), "in pieces of {size}");
            assert!(parser.held.moved <= bytes.len(), "in pieces of {size}");
        }
    }

    /// A megabyte without an end of a line is given up again and again, and no
    /// byte of it is looked at or copied twice.
    #[test]
    fn so_it_is_without_a_delimiter() {
        for size in [1, 1000] {
            let mut parser = LineParser::new(b"\r\n", 16384);
            SCANNED.set(0);
            for mut piece in vec![b'\n'; 1 << 20].chunks(size) {
                count_lines(&mut parser, &mut piece);
            }
            assert_eq!(SCANNED.get(), 1 << 20);
            assert!(parser.held.moved <= 1 << 20);
        }
    }

    /// A pause behind each line of one read costs no more than one pause.
    #[test]
    fn so_it_is_when_each_line_pauses() {
        let (bytes, count) = stream();
        let mut parser = LineParser::new(b"\r\n", 16384);
        SCANNED.set(0);
        let (mut lines, mut input) = (0, &bytes[..]);
        while parser.next_line(&mut input).is_some() {
            lines += 1;
            parser.hold(&mut input);
        }
        assert!(lines >= count);
        assert!(SCANNED.get() <= 2 * bytes.len());
        assert!(parser.held.moved <= 2 * bytes.len(), "{}", parser.held.moved);
    }
}
