//! Locks by way of a file: taking, releasing, waiting, and what others leave.

#[cfg(unix)]
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
#[cfg(unix)]
use std::process::{Command, id};
use std::time::Duration;

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{CancelledError, TimeoutError};
use reactor_compat::ReactorTime;
use reactor_compat::lockfile::{
    AlreadyTryingToLockError, DeferredFilesystemLock, FilesystemLock, UnlockError, is_locked,
};
use reactor_compat::task::Clock;
use tempfile::TempDir;

const SECOND: Duration = Duration::from_secs(1);

/// The path of a lock in a directory of its own.
fn path() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.lock");
    (directory, path)
}

/// Writes the file as process `owner` would.
#[cfg(unix)]
fn locked_by(owner: &str, path: &PathBuf) {
    std::os::unix::fs::symlink(owner, path).expect("a link");
}

/// The number of a process that is no longer there.
#[cfg(unix)]
fn a_dead_process() -> u32 {
    let mut child = Command::new("true").spawn().expect("a process");
    child.wait().expect("an end");
    child.id()
}

#[test]
fn it_is_taken_by_one_and_released() {
    let (_directory, path) = path();
    let (ours, theirs) = (FilesystemLock::new(&path), FilesystemLock::new(&path));
    assert_eq!((ours.locked(), ours.clean()), (false, None));
    assert!(ours.lock().unwrap());
    assert_eq!((ours.locked(), ours.clean()), (true, Some(true)));
    assert!(!theirs.lock().unwrap());
    assert_eq!((theirs.locked(), theirs.clean()), (false, None));
    assert!(is_locked(&path).unwrap());

    ours.unlock().unwrap();
    assert!(!ours.locked() && !is_locked(&path).unwrap());
    assert!(theirs.lock().unwrap());
    assert_eq!(theirs.name(), path);
}

#[cfg(unix)]
#[test]
fn the_file_is_what_twisted_makes() {
    let (_directory, path) = path();
    let lock = FilesystemLock::new(&path);
    lock.lock().unwrap();
    assert_eq!(fs::read_link(&path).unwrap(), PathBuf::from(id().to_string()));
    lock.unlock().unwrap();
    assert!(fs::symlink_metadata(&path).is_err());
}

#[cfg(unix)]
#[test]
fn what_a_dead_process_left_is_taken_over() {
    let (_directory, path) = path();
    locked_by(&a_dead_process().to_string(), &path);
    let lock = FilesystemLock::new(&path);
    assert!(lock.lock().unwrap());
    assert_eq!(lock.clean(), Some(false));
    assert_eq!(fs::read_link(&path).unwrap(), PathBuf::from(id().to_string()));
}

#[cfg(unix)]
#[test]
fn what_a_living_process_holds_is_left() {
    let (_directory, path) = path();
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    locked_by(&child.id().to_string(), &path);
    let lock = FilesystemLock::new(&path);
    let (taken, released) = (lock.lock(), lock.unlock());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!taken.unwrap());
    assert!(matches!(released, Err(UnlockError::NotOwner)));
    assert!(lock.lock().unwrap(), "now it is dead");
}

#[cfg(unix)]
#[test]
fn a_file_of_another_kind_is_an_error() {
    let (_directory, path) = path();
    for owner in ["no number", "0", "99999999999999999999"] {
        locked_by(owner, &path);
        let error = FilesystemLock::new(&path).lock().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{owner}");
        fs::remove_file(&path).unwrap();
    }
    fs::write(&path, "no link").unwrap();
    assert!(FilesystemLock::new(&path).lock().is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "no link");
}

#[test]
fn releasing_what_nobody_holds_is_an_error() {
    let (_directory, path) = path();
    let error = FilesystemLock::new(&path).unlock().unwrap_err();
    assert!(matches!(error, UnlockError::Io(error) if error.kind() == ErrorKind::NotFound));
}

#[test]
fn a_free_lock_is_there_at_once() {
    let (_directory, path) = path();
    let clock = Clock::new();
    let lock = DeferredFilesystemLock::new(&path).clock(&clock);
    success_result_of(lock.defer_until_locked(Some(SECOND)));
    assert!(lock.locked() && lock.clean() == Some(true));
    assert!(clock.get_delayed_calls().is_empty());
    lock.unlock().unwrap();
}

#[test]
fn it_is_tried_for_until_it_is_free() {
    let (_directory, path) = path();
    let theirs = FilesystemLock::new(&path);
    theirs.lock().unwrap();
    let clock = Clock::new();
    let ours = DeferredFilesystemLock::new(&path).clock(&clock).interval(2 * SECOND);
    let locked = ours.defer_until_locked(Some(60 * SECOND));
    clock.pump([SECOND; 5]);
    assert_no_result(&locked);
    theirs.unlock().unwrap();
    assert_no_result(&locked);
    clock.advance(SECOND);
    success_result_of(locked);
    assert!(ours.locked());
    assert!(clock.get_delayed_calls().is_empty(), "the timeout is gone as well");
}

#[test]
fn its_time_can_be_up_and_then_it_can_be_waited_for_again() {
    let (_directory, path) = path();
    let theirs = FilesystemLock::new(&path);
    theirs.lock().unwrap();
    let clock = Clock::new();
    let ours = DeferredFilesystemLock::new(&path).clock(&clock);
    for _ in 0..2 {
        let locked = ours.defer_until_locked(Some(5 * SECOND / 2));
        clock.pump([SECOND; 3]);
        let failure = failure_result_of(locked);
        assert_eq!(failure.check::<TimeoutError>().unwrap().timeout(), 5 * SECOND / 2);
        assert!(clock.get_delayed_calls().is_empty());
    }
}

#[test]
fn a_last_attempt_is_made_when_time_is_up() {
    let (_directory, path) = path();
    let theirs = FilesystemLock::new(&path);
    theirs.lock().unwrap();
    let clock = Clock::new();
    let ours = DeferredFilesystemLock::new(&path).clock(&clock);
    let locked = ours.defer_until_locked(Some(SECOND / 2));
    theirs.unlock().unwrap();
    clock.advance(SECOND / 2);
    success_result_of(locked);
}

#[test]
fn only_one_may_wait() {
    let (_directory, path) = path();
    let theirs = FilesystemLock::new(&path);
    theirs.lock().unwrap();
    let clock = Clock::new();
    let ours = DeferredFilesystemLock::new(&path).clock(&clock);
    let first = ours.defer_until_locked(None);
    let second = ours.clone().defer_until_locked(None);
    assert!(failure_result_of(second).is::<AlreadyTryingToLockError>());
    theirs.unlock().unwrap();
    clock.advance(SECOND);
    success_result_of(first);
}

#[test]
fn cancelling_ends_the_waiting() {
    let (_directory, path) = path();
    let theirs = FilesystemLock::new(&path);
    theirs.lock().unwrap();
    let clock = Clock::new();
    let ours = DeferredFilesystemLock::new(&path).clock(&clock);
    let locked = ours.defer_until_locked(Some(60 * SECOND));
    locked.cancel();
    assert!(failure_result_of(locked).is::<CancelledError>());
    assert!(clock.get_delayed_calls().is_empty());

    let locked = ours.defer_until_locked(None);
    theirs.unlock().unwrap();
    locked.cancel();
    success_result_of(locked);
    assert!(ours.locked(), "the last attempt was successful");
}

#[test]
fn an_error_while_it_waits_ends_the_waiting() {
    let (directory, path) = path();
    let theirs = FilesystemLock::new(&path);
    theirs.lock().unwrap();
    let clock = Clock::new();
    let ours = DeferredFilesystemLock::new(&path).clock(&clock);
    let locked = ours.defer_until_locked(Some(60 * SECOND));
    directory.close().unwrap();
    clock.advance(SECOND);
    let failure = failure_result_of(locked);
    assert_eq!(failure.check::<std::io::Error>().unwrap().kind(), ErrorKind::NotFound);
    assert!(clock.get_delayed_calls().is_empty());
}
