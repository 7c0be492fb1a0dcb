//! The errors of the crate root: what they say, and that they are errors.

use std::error::Error;
use std::time::Duration;

use deferred::testing::failure_result_of;
use deferred::{
    AlreadyCalledError, CancelledError, ChainCycleError, Deferred, Failure, ResultTakenError,
    TimeoutError,
};

/// Each says what happened, in lower case and without a full stop, has no
/// cause, and becomes a Failure that knows it.
#[test]
fn what_they_say() {
    fn says<E: Error + Clone + PartialEq + Send + Sync + 'static>(error: &E, text: &str) {
        assert_eq!(error.to_string(), text);
        assert!(error.source().is_none());
        assert_eq!(error, &error.clone());
        assert!(Failure::new(error.clone()).check::<E>() == Some(error));
    }
    says(&CancelledError, "cancelled");
    says(&TimeoutError::new(Duration::from_millis(250)), "timed out after 250ms");
    says(&ResultTakenError, "the result of the Deferred was already taken");
    says(&ChainCycleError, "the Deferred would wait for itself");
    assert!(AlreadyCalledError::default().source().is_none());
}

/// A timeout knows its time.
#[test]
fn a_timeout_error_knows_its_time() {
    assert_eq!(TimeoutError::new(Duration::from_secs(3)).timeout(), Duration::from_secs(3));
    assert_ne!(TimeoutError::new(Duration::ZERO), TimeoutError::new(Duration::from_secs(1)));
}

/// Without debugging a second firing knows no places, and says so by saying
/// nothing of them.
#[test]
fn already_called_without_debugging() {
    let (d, trigger) = Deferred::new();
    trigger.callback(1).unwrap();
    let error = trigger.callback(2).unwrap_err();
    assert_eq!(error, AlreadyCalledError::default());
    assert!(error.created().is_none() && error.fired().is_none());
    assert!(!error.to_string().contains(".rs"), "{error}");
    assert!(!error.to_string().is_empty());
    drop(d);
}

/// They pass through `?` in callbacks.
#[test]
fn they_pass_through_callbacks() {
    let (_other, trigger) = Deferred::new();
    let d = Deferred::succeed(()).add_callback(move |()| {
        trigger.callback(1)?;
        Ok(trigger.callback(2)?)
    });
    assert!(failure_result_of(d).is::<AlreadyCalledError>());
}
