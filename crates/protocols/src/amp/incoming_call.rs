//! A command that was received, and how it is answered.
//!
//! Mirrors `_commandReceived` and `_wrapWithSerialization` of
//! `twisted.protocols.amp`. Tested in `tests/amp/calls.rs` and
//! `tests/amp/errors.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use deferred::{CallbackResult, Deferred, Failure, Outcome};
use reactor_compat::{Protocol, log};

use super::dispatcher::{Sent, failure_of, unhandled_error};
use super::encoder::Encoder;
use super::switch::Switch;
use super::{
    AmpBox, AmpTransport, ArgumentError, BadLocalReturn, BoxRef, Command, ProtocolSwitched,
    RemoteAmpError, UNKNOWN_ERROR_CODE, ser,
};

/// How far a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is answered.
    Done,
    /// A Deferred has to fire first.
    Working,
}

/// A command that was received.
#[derive(Clone, Copy)]
pub(super) struct IncomingCall<'a> {
    pub(super) fields: BoxRef<'a>,
    /// The tag that the answer has to name; `None` if nobody waits for one.
    pub(super) tag: Option<&'a [u8]>,
    /// The caller.
    pub(super) remote: &'a AmpTransport,
}

impl IncomingCall<'_> {
    /// Runs a responder, and answers with what it returns.
    pub(super) fn serve<C, R>(self, responder: impl FnOnce(C) -> R) -> Progress
    where
        C: Command,
        R: CallbackResult<Value = C::Response>,
    {
        let outcome = self.run(responder);
        self.finish(outcome, answer::<C>)
    }

    /// The same of a command that gives and takes boxes.
    pub(super) fn serve_string<R>(self, responder: impl FnOnce(AmpBox) -> R) -> Progress
    where
        R: CallbackResult<Value = AmpBox>,
    {
        let outcome = catch(|| responder(self.fields.into()).into_outcome());
        self.finish(outcome, answer_string)
    }

    /// The same of a command that has another protocol take over.
    pub(super) fn switch<C, P, R>(self, responder: impl FnOnce(C) -> R) -> Progress
    where
        C: Command<Response = ()>,
        P: Protocol,
        R: CallbackResult<Value = P>,
    {
        let outcome = self.run(responder);
        self.finish(outcome, move |remote, tag, result| {
            let protocol = match result {
                Ok(protocol) => protocol,
                Err(failure) => return answer::<C>(remote, tag, Err(failure)),
            };
            answer::<C>(remote, tag, Ok(()));
            remote.dispatcher().lock();
            remote.dispatcher().switch_to(Switch::new(protocol, || {}));
            remote.dispatcher().go_on();
        })
    }

    /// Says that there is no answer.
    #[cold]
    pub(super) fn refuse(self, error: RemoteAmpError) {
        match self.tag {
            Some(tag) => send_error(self.remote, tag, error),
            None => unhandled_error(self.remote, Failure::new(error)),
        }
    }

    /// Reads the arguments, and calls the responder with them.
    pub(super) fn run<C: Command, R: CallbackResult>(
        self,
        responder: impl FnOnce(C) -> R,
    ) -> Outcome<R::Value> {
        catch(|| match self.fields.to_value::<C>() {
            Ok(command) => responder(command).into_outcome(),
            Err(error) => Outcome::Done(Err(failure_of(error))),
        })
    }

    /// Answers now, or when the Deferred has fired.
    pub(super) fn finish<T: 'static>(
        self,
        outcome: Outcome<T>,
        answer: impl FnOnce(&AmpTransport, Option<&[u8]>, Result<T, Failure>) + 'static,
    ) -> Progress {
        let fired = match outcome {
            Outcome::Done(result) => Ok(result),
            Outcome::Wait(deferred) => deferred.take_result(),
        };
        match fired {
            Ok(result) => {
                answer(self.remote, self.tag, result);
                Progress::Done
            }
            Err(deferred) => {
                self.finish_later(deferred, answer);
                Progress::Working
            }
        }
    }

    fn finish_later<T: 'static>(
        self,
        deferred: Deferred<T>,
        answer: impl FnOnce(&AmpTransport, Option<&[u8]>, Result<T, Failure>) + 'static,
    ) {
        let size = self.fields.size();
        self.remote.dispatcher().load.start_work(size);
        let (remote, tag) = (self.remote.clone(), self.tag.map(<[u8]>::to_vec));
        drop(deferred.add_both(move |result| {
            remote.dispatcher().load.end_work(size);
            answer(&remote, tag.as_deref(), result);
        }));
    }
}

/// Runs user code; a panic in it is a failure.
fn catch<T>(code: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(code))
        .unwrap_or_else(|payload| Outcome::Done(Err(Failure::from_panic(payload))))
}

/// Answers a command of type `C`.
pub(super) fn answer<C: Command>(
    remote: &AmpTransport,
    tag: Option<&[u8]>,
    result: Result<C::Response, Failure>,
) {
    let (tag, response) = match (tag, result) {
        (Some(tag), Ok(response)) => (tag, response),
        (None, Ok(_)) => return,
        (tag, Err(failure)) => return fail::<C>(remote, tag, failure),
    };
    let sent = send_answer(remote, |encoder| {
        ser::encode(encoder, |encoder| encoder.entry(b"_answer", tag), &response)
    });
    match sent {
        Err(enclosed) => {
            let command = C::NAME.to_owned();
            unknown(remote, tag, Failure::new(BadLocalReturn { command, enclosed }));
        }
        Ok(()) if C::QUITS => remote.transport().lose_connection(),
        Ok(()) => {}
    }
}

/// Answers a command with a box.
fn answer_string(remote: &AmpTransport, tag: Option<&[u8]>, result: Result<AmpBox, Failure>) {
    let sent = match (tag, result) {
        (Some(tag), Ok(response)) => send_answer(remote, |encoder| {
            response.write(encoder, |encoder| encoder.entry(b"_answer", tag))
        })
        .map_err(|error| (tag, failure_of(error))),
        (None, Ok(_)) => return,
        (tag, Err(failure)) => match (tag, failure.check::<RemoteAmpError>()) {
            (Some(tag), Some(error)) => return send_error(remote, tag, error.clone()),
            (Some(tag), None) => Err((tag, failure)),
            (None, _) => return unhandled_error(remote.transport(), failure),
        },
    };
    if let Err((tag, failure)) = sent {
        unknown(remote, tag, failure);
    }
}

/// Sends an answer. What is too long is not answered at all, as in Twisted.
#[inline]
fn send_answer(
    remote: &AmpTransport,
    write: impl FnOnce(&mut Encoder) -> Result<(), ArgumentError>,
) -> Result<(), ArgumentError> {
    let sent = remote.dispatcher().send(remote.transport(), Sent::Answer, write);
    let Err(failure) = sent else { return Ok(()) };
    match failure.check::<ArgumentError>() {
        Some(error) => Err(error.clone()),
        None => {
            not_sent(remote, failure);
            Ok(())
        }
    }
}

/// Ends the connection for a box that could not be sent; after a switch, nothing.
fn not_sent(remote: &AmpTransport, failure: Failure) {
    if !failure.is::<ProtocolSwitched>() {
        unhandled_error(remote.transport(), failure);
    }
}

/// Answers a command of type `C` whose responder has failed.
#[cold]
fn fail<C: Command>(remote: &AmpTransport, tag: Option<&[u8]>, failure: Failure) {
    let Some(tag) = tag else { return unhandled_error(remote.transport(), failure) };
    match RemoteAmpError::of::<C>(&failure) {
        Some(error) => send_error(remote, tag, error),
        None => unknown(remote, tag, failure),
    }
}

/// Logs an error that nobody foresaw, and tells the caller no more than that.
#[cold]
fn unknown(remote: &AmpTransport, tag: &[u8], failure: Failure) {
    log::err(failure, "while receiving response to command");
    let error =
        RemoteAmpError { fatal: true, ..RemoteAmpError::new(UNKNOWN_ERROR_CODE, "Unknown Error") };
    send_error(remote, tag, error);
}

fn send_error(remote: &AmpTransport, tag: &[u8], error: RemoteAmpError) {
    let sent = remote.dispatcher().send(remote.transport(), Sent::Answer, |encoder| {
        let start = encoder.begin();
        encoder.entry(b"_error", tag)?;
        encoder.entry(b"_error_code", &error.error_code)?;
        encoder.entry(b"_error_description", error.description.as_bytes())?;
        encoder.finish(start);
        Ok(())
    });
    match sent {
        Ok(()) if error.fatal => remote.transport().lose_connection(),
        Ok(()) => {}
        Err(failure) => not_sent(remote, failure),
    }
}
