//! [`Failure`]: any error, cheap to clone, on its way down an error chain.
//!
//! Mirrors `twisted.python.failure.Failure`. Tested in `tests/chains/failure.rs`.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;
use std::iter;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::chain::{Part, drop_later};

/// An error as it travels through callbacks and errbacks.
///
/// It wraps any [`Error`], costs one reference count to clone, and any error
/// becomes one through `?`. Where `RUST_BACKTRACE` asks for it, it holds the
/// backtrace of the place where it was made.
///
/// Like `anyhow::Error`, a `Failure` is not itself an [`Error`]: that is what
/// lets every error convert into one. [`value`](Self::value) gives the error.
///
/// Mirrors `twisted.python.failure.Failure`.
///
/// ```
/// use deferred::Failure;
/// use std::num::ParseIntError;
///
/// fn parse(text: &str) -> Result<i32, Failure> {
///     Ok(text.parse::<i32>()?)
/// }
///
/// let failure = parse("seven").unwrap_err();
/// assert!(failure.is::<ParseIntError>());
/// assert_eq!(failure.get_error_message(), "invalid digit found in string");
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.python.failure.Failure")]
pub struct Failure {
    inner: Arc<Inner>,
}

// Boxed inside the Arc so that a Failure is one word: `Result<T, Failure>` is
// what every callback hands to the next.
struct Inner {
    error: Box<dyn Error + Send + Sync>,
    backtrace: Backtrace,
}

impl Failure {
    /// Wraps `error`, taking a backtrace if `RUST_BACKTRACE` asks for one.
    ///
    /// ```
    /// let failure = deferred::Failure::new(std::fmt::Error);
    /// assert!(failure.is::<std::fmt::Error>());
    /// ```
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self::from_boxed(Box::new(error))
    }

    /// Wraps an error that is boxed already; it is not boxed again, and its
    /// own type is what [`check`](Self::check) sees.
    ///
    /// ```
    /// let boxed: Box<dyn std::error::Error + Send + Sync> = "out of paper".into();
    /// assert_eq!(deferred::Failure::from_boxed(boxed).to_string(), "out of paper");
    /// ```
    pub fn from_boxed(error: Box<dyn Error + Send + Sync>) -> Self {
        Self { inner: Arc::new(Inner { error, backtrace: Backtrace::capture() }) }
    }

    /// An error that is nothing but a text.
    ///
    /// ```
    /// let failure = deferred::Failure::msg("out of paper");
    /// assert_eq!(failure.to_string(), "out of paper");
    /// ```
    pub fn msg(text: impl Into<String>) -> Self {
        Self::from_boxed(text.into().into())
    }

    /// Makes a Failure of [`Panic`] of what `catch_unwind`, or the join of a
    /// thread, caught.
    ///
    /// The payload is dropped, even if that panics in turn.
    ///
    /// ```
    /// use deferred::{Failure, Panic};
    /// use std::thread;
    ///
    /// let joined = thread::spawn(|| panic!("boom")).join();
    /// let failure = Failure::from_panic(joined.unwrap_err());
    /// assert_eq!(failure.check::<Panic>().unwrap().message(), "boom");
    /// ```
    pub fn from_panic(payload: Box<dyn Any + Send>) -> Self {
        let panic = Panic::from_payload(&*payload);
        // It may panic in turn as it goes; that one is let go as it is.
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(another);
        }
        Self::new(panic)
    }

    /// The error itself.
    ///
    /// ```
    /// let failure = deferred::Failure::new(std::fmt::Error);
    /// assert!(failure.value().source().is_none());
    /// ```
    pub fn value(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.inner.error
    }

    /// The error, if it is an `E`.
    ///
    /// Where Twisted's `check` takes several classes, ask once for each; the
    /// type is compared exactly, since errors here have no base classes.
    ///
    /// ```
    /// # use deferred::Failure;
    /// use std::io;
    ///
    /// let failure = Failure::new(io::Error::from(io::ErrorKind::NotFound));
    /// let error = failure.check::<io::Error>().unwrap();
    /// assert_eq!(error.kind(), io::ErrorKind::NotFound);
    /// assert!(failure.check::<std::fmt::Error>().is_none());
    /// ```
    #[doc(alias = "downcast_ref")]
    pub fn check<E: Error + 'static>(&self) -> Option<&E> {
        self.value().downcast_ref()
    }

    /// Whether the error is an `E`.
    ///
    /// ```
    /// let failure = deferred::Failure::new(deferred::CancelledError);
    /// assert!(failure.is::<deferred::CancelledError>());
    /// ```
    pub fn is<E: Error + 'static>(&self) -> bool {
        self.check::<E>().is_some()
    }

    /// Lets an `E` through and passes on everything else: the errback's
    /// `except E`.
    ///
    /// # Errors
    ///
    /// The failure itself, when its error is not an `E`; with `?` it goes on
    /// to the next errback.
    ///
    /// ```
    /// use deferred::testing::success_result_of;
    /// use deferred::{Deferred, Failure};
    /// use std::io;
    ///
    /// let read: Deferred<usize> = Deferred::fail(io::Error::from(io::ErrorKind::NotFound));
    /// let size = read.add_errback(|failure| {
    ///     failure.trap::<io::Error>()?;
    ///     Ok(0)
    /// });
    /// assert_eq!(success_result_of(size), 0);
    /// ```
    pub fn trap<E: Error + 'static>(&self) -> Result<&E, Self> {
        self.check().ok_or_else(|| self.clone())
    }

    /// The error by value, if it is an `E` and this is its last Failure.
    ///
    /// # Errors
    ///
    /// The failure itself, when its error is something else or is shared with
    /// a clone.
    ///
    /// ```
    /// let failure = deferred::Failure::new(std::fmt::Error);
    /// let shared = failure.clone();
    /// let failure = failure.downcast::<std::fmt::Error>().unwrap_err();
    /// drop(shared);
    /// assert!(failure.downcast::<std::fmt::Error>().is_ok());
    /// ```
    pub fn downcast<E: Error + Send + Sync + 'static>(mut self) -> Result<E, Self> {
        if !self.is::<E>() {
            return Err(self);
        }
        let Some(inner) = Arc::get_mut(&mut self.inner) else { return Err(self) };
        match mem::replace(&mut inner.error, Box::new(Gone)).downcast::<E>() {
            Ok(error) => Ok(*error),
            Err(error) => {
                inner.error = error;
                Err(self)
            }
        }
    }

    /// The error and what caused it, outermost first.
    ///
    /// ```
    /// use deferred::{Failure, FirstError};
    ///
    /// let failure = Failure::new(FirstError::new(Failure::new(std::fmt::Error), 3));
    /// assert_eq!(failure.chain().count(), 2);
    /// ```
    pub fn chain(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        let first: &(dyn Error + 'static) = self.value();
        iter::successors(Some(first), |&error| error.source())
    }

    /// The error's own message, without its causes.
    ///
    /// ```
    /// let failure = deferred::Failure::new(deferred::CancelledError);
    /// assert_eq!(failure.get_error_message(), "cancelled");
    /// ```
    #[doc(alias = "getErrorMessage")]
    pub fn get_error_message(&self) -> String {
        text_of(self.value())
    }

    /// The backtrace of the place where the Failure was made; empty unless
    /// `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` asks for it.
    ///
    /// ```
    /// use std::backtrace::BacktraceStatus;
    ///
    /// let failure = deferred::Failure::new(std::fmt::Error);
    /// let asked = std::env::var_os("RUST_BACKTRACE").is_some()
    ///     || std::env::var_os("RUST_LIB_BACKTRACE").is_some();
    /// assert!(asked || failure.backtrace().status() == BacktraceStatus::Disabled);
    /// ```
    #[doc(alias = "getTracebackObject")]
    pub fn backtrace(&self) -> &Backtrace {
        &self.inner.backtrace
    }

    /// The message, the messages of its causes, and the backtrace if there is
    /// one.
    ///
    /// ```
    /// use deferred::{Failure, FirstError};
    ///
    /// let failure = Failure::new(FirstError::new(Failure::new(std::fmt::Error), 3));
    /// assert!(failure.get_traceback().contains("caused by: an error occurred when formatting"));
    /// ```
    #[doc(alias = "getTraceback")]
    pub fn get_traceback(&self) -> String {
        let mut text = self.get_brief_traceback();
        if self.backtrace().status() == BacktraceStatus::Captured {
            text.push_str(&format!("\n{}", self.backtrace()));
        }
        text
    }

    /// The message and the messages of its causes, a line each.
    ///
    /// ```
    /// let failure = deferred::Failure::new(deferred::CancelledError);
    /// assert_eq!(failure.get_brief_traceback(), "cancelled");
    /// ```
    #[doc(alias = "getBriefTraceback")]
    #[doc(alias = "printBriefTraceback")]
    pub fn get_brief_traceback(&self) -> String {
        let lines: Vec<String> = self.chain().map(text_of).collect();
        lines.join("\ncaused by: ")
    }

    /// Writes [`get_traceback`](Self::get_traceback) and a newline.
    ///
    /// # Errors
    ///
    /// What `out` gives.
    ///
    /// ```
    /// let mut out = Vec::new();
    /// deferred::Failure::new(deferred::CancelledError).print_traceback(&mut out)?;
    /// assert!(out.starts_with(b"cancelled\n"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "printTraceback")]
    pub fn print_traceback(&self, out: &mut impl io::Write) -> io::Result<()> {
        writeln!(out, "{}", self.get_traceback())
    }

    /// The failure as an error, for what takes nothing else. To all others it
    /// looks like the error that it holds; [`find`](Self::find) gets the
    /// failure out again.
    ///
    /// ```
    /// use deferred::{CancelledError, Failure};
    ///
    /// let failure = Failure::new(CancelledError);
    /// let error = failure.to_error();
    /// assert_eq!(error.to_string(), failure.to_string());
    /// assert!(Failure::find(&error).is_some_and(|found| found.is::<CancelledError>()));
    /// ```
    pub fn to_error(&self) -> impl Error + Send + Sync + use<> {
        AsError(self.clone())
    }

    /// The failure that an error was made of, by [`to_error`](Self::to_error)
    /// or as a `Box<dyn Error>`.
    ///
    /// ```
    /// use deferred::Failure;
    ///
    /// let failure = Failure::msg("out of paper");
    /// let error = Box::<dyn std::error::Error>::from(failure.clone());
    /// assert!(Failure::find(&*error).is_some_and(|found| found.same(&failure)));
    /// assert!(Failure::find(&std::fmt::Error).is_none());
    /// ```
    pub fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        error.downcast_ref::<AsError>().map(|error| &error.0)
    }

    /// Whether `self` and `other` are clones of one Failure.
    ///
    /// ```
    /// let failure = deferred::Failure::new(std::fmt::Error);
    /// assert!(failure.same(&failure.clone()));
    /// assert!(!failure.same(&deferred::Failure::new(std::fmt::Error)));
    /// ```
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

/// An error may hold a Failure, which holds an error, and so on.
impl Drop for Failure {
    fn drop(&mut self) {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            drop_later(Part::Error(mem::replace(&mut inner.error, Box::new(Gone))));
        }
    }
}

/// Stand-in for an error that has been taken out.
#[derive(Debug, thiserror::Error)]
#[error("gone")]
struct Gone;

/// The errors that become a [`Failure`] by `?` or `.into()`: all that may change
/// threads.
///
/// Boxed errors are not among them, for a box of a `dyn Error` is none itself:
/// use [`Failure::from_boxed`].
///
/// ```
/// use deferred::Failure;
/// use std::error::Error;
///
/// fn boxed() -> Result<u8, Box<dyn Error + Send + Sync>> {
///     Ok("7".parse()?)
/// }
///
/// fn number() -> Result<u8, Failure> {
///     let number = boxed().map_err(Failure::from_boxed)?;
///     Ok(number + 1)
/// }
///
/// assert_eq!(number().unwrap(), 8);
/// ```
// What `?` shows of it is the label alone.
#[diagnostic::on_unimplemented(
    message = "no `Failure` can be made of `{Self}`",
    label = "a `Failure` is made of an `Error + Send + Sync + 'static`; for a box: \
             `.map_err(Failure::from_boxed)?`; for a text: `.map_err(Failure::msg)?`; else: \
             `.map_err(|error| Failure::msg(error.to_string()))?`"
)]
pub trait AnyError: Error + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<E: Error + Send + Sync + 'static> AnyError for E {}

impl<E: AnyError> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

/// Conversion for `main`, and wherever else an error is wanted: it shows itself as
/// the failure does, and has the causes of its error.
///
/// ```
/// use deferred::{Failure, execute, testing::failure_result_of};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let failure = failure_result_of(execute(|| Ok("x".parse::<i32>()?)));
///     let error = Box::<dyn std::error::Error>::from(failure);
///     assert_eq!(error.to_string(), "invalid digit found in string");
///     Ok(())
/// }
/// ```
impl From<Failure> for Box<dyn Error> {
    fn from(failure: Failure) -> Self {
        Box::new(AsError(failure))
    }
}

/// Conversion into an error that may change threads; as into one that may not.
///
/// ```
/// let failure = deferred::Failure::msg("out of paper");
/// let error = Box::<dyn std::error::Error + Send + Sync>::from(failure);
/// assert_eq!(error.to_string(), "out of paper");
/// ```
impl From<Failure> for Box<dyn Error + Send + Sync> {
    fn from(failure: Failure) -> Self {
        Box::new(AsError(failure))
    }
}

/// A failure that is an error.
struct AsError(Failure);

impl fmt::Display for AsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for AsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for AsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.value().source()
    }
}

/// The error's message; `{:#}` adds the messages of its causes. An error whose
/// own text fails, or panics, is shown as one that has none: a failure is often
/// shown where nobody is left to be told of another.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text_of(self.value()))?;
        if f.alternate() {
            for cause in self.chain().skip(1) {
                write!(f, ": {}", text_of(cause))?;
            }
        }
        Ok(())
    }
}

/// The text of an error, as far as it has one.
fn text_of(error: &(impl Error + ?Sized)) -> String {
    let mut text = String::new();
    match catch_unwind(AssertUnwindSafe(|| write!(text, "{error}"))) {
        Ok(Ok(())) => text,
        Ok(Err(_)) | Err(_) => text + "(an error that cannot be shown)",
    }
}

/// The text of [`Failure::get_traceback`]; `{:#?}` shows the error's own form.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return fmt::Debug::fmt(self.value(), f);
        }
        f.write_str(&self.get_traceback())
    }
}

/// The error that a panic in a callback, a canceller or a coroutine becomes.
///
/// The panic hook has run by then, so the panic's own message, with its place,
/// has been printed as usual.
///
/// ```
/// use deferred::testing::failure_result_of;
/// use deferred::{Deferred, Panic};
///
/// let broken = Deferred::succeed(0).add_callback(|n: i32| Ok(10_i32.checked_div(n).expect("no zero")));
/// let failure = failure_result_of(broken);
/// assert_eq!(failure.check::<Panic>().unwrap().message(), "no zero");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {message}")]
pub struct Panic {
    message: String,
}

impl Panic {
    fn from_payload(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&'static str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self { message: text.unwrap_or("a value that is not text").to_owned() }
    }

    /// The message of the panic.
    ///
    /// ```
    /// use deferred::{Panic, execute, testing::failure_result_of};
    ///
    /// let failure = failure_result_of(execute(|| -> Result<(), _> { panic!("boom") }));
    /// assert_eq!(failure.check::<Panic>().unwrap().message(), "boom");
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }
}
