//! [`StringParser`]: what the machines for strings have in common.
//!
//! Tested in `tests/int_string.rs` and `tests/netstring.rs`.

use std::fmt;

use super::StringTooLongError;

pub(super) mod private {
    /// The parsers and prefixes are those of this module.
    pub trait Sealed {}

    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
}

/// A machine from bytes to strings that say how long they are:
/// [`NetstringParser`](super::NetstringParser), or
/// [`IntNStringParser`](super::IntNStringParser).
///
/// No choice of bytes makes it panic, or hold more than a string may have, and
/// the same bytes give the same strings however they are cut.
///
/// ```
/// use protocols::basic::{IntNStringParser, NetstringParser, StringParser};
///
/// /// How many strings there are.
/// fn count<P: StringParser>(mut input: &[u8]) -> usize {
///     let mut parser = P::new(100);
///     std::iter::from_fn(|| parser.next_string(&mut input)?.ok().map(<[u8]>::len)).count()
/// }
///
/// assert_eq!(count::<NetstringParser>(b"1:a,2:bc,"), 2);
/// assert_eq!(count::<IntNStringParser<u8>>(b"\x01a\x02bc\0"), 3);
/// ```
pub trait StringParser: private::Sealed + Sized + 'static {
    /// Why there can be no more strings.
    type Error: std::error::Error + Copy + fmt::Debug + Send + Sync + 'static;

    /// A parser of strings of at most `max_length` bytes.
    fn new(max_length: usize) -> Self;

    /// Takes the next string off `input`; `None` when nothing is left but an
    /// unfinished one, which is kept.
    ///
    /// # Errors
    ///
    /// What comes next is no string, or one too long. Nothing can be found
    /// after it.
    fn next_string<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Option<Result<&'s [u8], Self::Error>>;

    /// Sets how long a string may be.
    fn set_max_length(&mut self, max_length: usize);

    /// Keeps what is left of `input` for later.
    fn hold(&mut self, input: &mut &[u8]);

    /// How many bytes are kept for later.
    fn held(&self) -> usize;

    /// The length of the string that was refused, where the handler is asked
    /// what to do about it.
    #[doc(hidden)]
    fn refused(error: Self::Error) -> Option<usize>;

    /// Gives `string` to `write` as it goes over the wire, in pieces.
    ///
    /// # Errors
    ///
    /// It is longer than its prefix can say; nothing was written.
    fn encode(string: &[u8], write: impl FnMut(&[u8])) -> Result<(), StringTooLongError>;
}
