//! Log files: what Twisted's own tests of them ask for, and more.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that fails panics")]

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use reactor_compat::log::{
    self, DailyLogFile, LogDate, LogFile, LogFileBuilder, LogFileError, Logging, Zone,
};
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("test.log")
    }

    fn old(&self, suffix: &str) -> PathBuf {
        self.0.path().join(format!("test.log.{suffix}"))
    }

    fn builder(&self) -> LogFileBuilder {
        LogFile::builder(self.path())
    }

    fn read(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn read_old(&self, suffix: &str) -> String {
        fs::read_to_string(self.old(suffix)).unwrap()
    }
}

#[test]
fn what_is_written_is_there_at_once() {
    let place = Place::new();
    let mut file = LogFile::new("test.log", place.0.path()).unwrap();
    file.write_all(b"123").unwrap();
    assert_eq!(place.read(), "123");
    file.write_all(b"456").unwrap();
    file.flush().unwrap();
    file.write_all(b"7890").unwrap();
    file.close();
    assert_eq!(place.read(), "1234567890");
}

#[test]
fn it_rotates_by_size_and_by_hand() {
    let place = Place::new();
    let mut file = place.builder().rotate_length(10).open().unwrap();
    file.write_all(b"123").unwrap();
    file.write_all(b"4567890").unwrap();
    assert!(file.should_rotate());
    file.write_all(&[b'1'; 11]).unwrap();
    assert!(place.old("1").exists() && !place.old("2").exists());
    assert_eq!(file.write(b"").unwrap(), 0);
    assert!(place.old("2").exists() && !place.old("3").exists());
    file.write_all(b"3").unwrap();
    assert!(!place.old("3").exists());
    file.rotate().unwrap();
    assert!(place.old("3").exists() && !place.old("4").exists());
    assert_eq!(file.list_logs().unwrap(), [1, 2, 3]);
    assert_eq!(place.read_old("3"), "1234567890");
    assert_eq!(place.read_old("2"), "11111111111");
    assert_eq!(place.read_old("1"), "3");
    assert_eq!(place.read(), "");
}

#[test]
fn it_goes_on_at_the_end_of_what_is_there() {
    let place = Place::new();
    let mut file = place.builder().open().unwrap();
    file.write_all(b"0123456789").unwrap();
    drop(file);
    let mut file = place.builder().open().unwrap();
    assert_eq!(file.size(), 10);
    file.write_all(b"abc").unwrap();
    file.write_all(b"def\xff").unwrap();
    assert_eq!(file.size(), 17);
    assert_eq!(fs::read(place.path()).unwrap(), b"0123456789abcdef\xff");
}

#[test]
fn logs_can_be_read() {
    let place = Place::new();
    let mut file = place.builder().open().unwrap();
    file.write_all(b"abc\ndef\n").unwrap();
    file.rotate().unwrap();
    file.write_all(b"ghi\n\xff").unwrap();
    let mut reader = file.get_current_log().unwrap();
    assert!(reader.read_lines(0).unwrap().is_empty());
    assert_eq!(reader.read_lines(10).unwrap(), ["ghi\n", "\u{fffd}"]);
    assert!(reader.read_lines(10).unwrap().is_empty());
    assert_eq!(file.get_log(1).unwrap().read_lines(10).unwrap(), ["abc\n", "def\n"]);
    assert_eq!(file.get_log(2).unwrap_err(), LogFileError::NoSuchLog(place.old("2")));
    file.rotate().unwrap();
    assert_eq!(file.get_log(2).unwrap().read_lines(1).unwrap(), ["abc\n"]);
    let mut bytes = Vec::new();
    file.get_log(1).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"ghi\n\xff");
}

#[test]
fn so_many_old_logs_are_kept() {
    let place = Place::new();
    let mut file = place.builder().rotate_length(10).max_rotated_files(3).open().unwrap();
    for digit in b"12345" {
        file.write_all(&[*digit; 11]).unwrap();
    }
    assert_eq!(file.list_logs().unwrap(), [1, 2, 3]);
    assert_eq!(place.read_old("3"), "2".repeat(11));
    assert_eq!(place.read_old("1"), "4".repeat(11));
    assert_eq!(place.read(), "5".repeat(11));
}

#[test]
fn zero_rotates_never() {
    let place = Place::new();
    for builder in [place.builder().rotate_length(0), place.builder().never_rotate()] {
        let mut file = builder.open().unwrap();
        file.write_all(&[b'x'; 2_000_000]).unwrap();
        assert!(!file.should_rotate());
    }
    assert!(!place.old("1").exists());
}

#[test]
fn files_of_other_names_are_left_alone() {
    let place = Place::new();
    let file = place.builder().open().unwrap();
    for suffix in ["0", "1", "2", "007", "bad-file", "bak.3", "+4", "-5", "18446744073709551615"] {
        fs::write(place.old(suffix), suffix).unwrap();
    }
    assert_eq!(file.list_logs().unwrap(), [1, 2]);
    file.rotate().unwrap();
    assert_eq!(place.read_old("3"), "2");
    assert_eq!(place.read_old("007"), "007");
}

#[test]
fn no_directory_is_an_error() {
    let place = Place::new();
    let error = LogFile::new("test.log", place.0.path().join("none")).unwrap_err();
    assert!(
        matches!(&error, LogFileError::Io { error, .. } if error.kind() == io::ErrorKind::NotFound),
        "{error:?}"
    );
    assert_eq!(error.clone(), error);
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NotFound);
}

#[test]
fn after_another_program_has_moved_it_it_is_reopened() {
    let place = Place::new();
    let mut file = place.builder().open().unwrap();
    file.write_all(b"hello1").unwrap();
    fs::rename(place.path(), place.old("saved")).unwrap();
    file.reopen().unwrap();
    assert_eq!(file.size(), 0);
    file.write_all(b"hello2").unwrap();
    assert_eq!((place.read_old("saved"), place.read()), ("hello1".to_owned(), "hello2".to_owned()));
}

#[test]
fn a_closed_file_takes_nothing_until_it_is_reopened() {
    let place = Place::new();
    let mut file = place.builder().rotate_length(1).open().unwrap();
    file.write_all(b"one").unwrap();
    let mut clone = file.clone();
    file.close();
    assert!(clone.closed());
    let error = clone.write_all(b"two").unwrap_err();
    let inner = error.into_inner().unwrap();
    assert_eq!(inner.downcast_ref(), Some(&LogFileError::Closed));
    assert_eq!(file.rotate(), Err(LogFileError::Closed));
    file.reopen().unwrap();
    assert_eq!((clone.closed(), clone.size()), (false, 3));
}

/// A rotation that cannot be done loses nothing.
#[test]
fn what_cannot_be_rotated_goes_on_growing() {
    let place = Place::new();
    let builder = place.builder().rotate_length(3).max_rotated_files(1);
    let mut file = builder.check_interval(Duration::ZERO).open().unwrap();
    file.write_all(b"one").unwrap();
    // The oldest log is to be removed, and it is a directory with a file in it.
    fs::create_dir(place.old("1")).unwrap();
    fs::write(place.old("1").join("file"), "").unwrap();
    file.write_all(b"two").unwrap();
    assert_eq!(place.read(), "onetwo");
    let error = file.take_rotation_error().unwrap();
    assert!(matches!(&error, LogFileError::Io { path, .. } if *path == place.old("1")), "{error}");
    assert!(file.take_rotation_error().is_none());
    assert!(file.rotate().is_err());
    fs::remove_dir_all(place.old("1")).unwrap();
    file.write_all(b"three").unwrap();
    assert_eq!((place.read_old("1"), place.read()), ("onetwo".to_owned(), "three".to_owned()));
}

/// A clock of seconds since 1970 that pass when the test says so.
#[derive(Clone, Default)]
struct Seconds(Arc<AtomicU64>);

impl Seconds {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    fn clock(&self) -> impl Fn() -> SystemTime + Send + Sync + use<> {
        let seconds = self.clone();
        move || at(seconds.0.load(Ordering::Relaxed))
    }
}

/// A rotation that cannot be done is not tried for every line.
#[test]
fn a_rotation_that_failed_is_tried_again_after_a_while() {
    let (place, seconds) = (Place::new(), Seconds::default());
    let builder = place.builder().rotate_length(3).max_rotated_files(1).clock(seconds.clock());
    let mut file = builder.check_interval(Duration::from_secs(10)).open().unwrap();
    fs::create_dir(place.old("1")).unwrap();
    fs::write(place.old("1").join("file"), "").unwrap();
    file.write_all(b"one").unwrap();
    file.write_all(b"two").unwrap();
    fs::remove_dir_all(place.old("1")).unwrap();
    file.write_all(b"three").unwrap();
    seconds.set(9);
    file.write_all(b"four").unwrap();
    assert_eq!(place.read(), "onetwothreefour");
    assert!(file.take_rotation_error().is_some());
    // That the error is known makes it no earlier.
    file.write_all(b"five").unwrap();
    seconds.set(10);
    file.write_all(b"six").unwrap();
    assert_eq!(place.read_old("1"), "onetwothreefourfive");
    assert_eq!(place.read(), "six");
    file.write_all(b"seven").unwrap();
    assert_eq!(place.read(), "seven", "after one that was done there is nothing to wait for");
}

#[cfg(unix)]
mod gone {
    use super::*;

    /// A log that is written to until it is gone.
    fn written(place: &Place, seconds: &Seconds) -> LogFile {
        let mut file = place.builder().clock(seconds.clock()).open().unwrap();
        file.write_all(b"before").unwrap();
        file
    }

    #[test]
    fn a_file_that_was_deleted_is_opened_anew() {
        let (place, seconds) = (Place::new(), Seconds::default());
        let mut file = written(&place, &seconds);
        fs::remove_file(place.path()).unwrap();
        // It is not looked for at every line.
        file.write_all(b"lost").unwrap();
        assert!(!place.path().exists());
        seconds.set(1);
        file.write_all(b"after").unwrap();
        assert_eq!((place.read().as_str(), file.size()), ("after", 5));
        assert!(file.take_rotation_error().is_none());
    }

    #[test]
    fn a_file_that_was_moved_away_is_left_there() {
        let (place, seconds) = (Place::new(), Seconds::default());
        let mut file = written(&place, &seconds);
        fs::rename(place.path(), place.old("saved")).unwrap();
        seconds.set(1);
        file.write_all(b"after").unwrap();
        assert_eq!(place.read_old("saved"), "before");
        assert_eq!(place.read(), "after");
    }

    #[test]
    fn a_file_that_was_replaced_is_gone_on_with() {
        let (place, seconds) = (Place::new(), Seconds::default());
        let mut file = written(&place, &seconds);
        fs::rename(place.path(), place.old("saved")).unwrap();
        fs::write(place.path(), "theirs, ").unwrap();
        seconds.set(1);
        file.write_all(b"after").unwrap();
        assert_eq!(place.read(), "theirs, after");
        assert_eq!(file.size(), 13);
    }

    /// The kind: a clock that stands in the past must not keep it from looking.
    #[test]
    fn a_clock_that_is_set_back_hides_nothing() {
        let (place, seconds) = (Place::new(), Seconds::default());
        seconds.set(1000);
        let mut file = written(&place, &seconds);
        fs::remove_file(place.path()).unwrap();
        seconds.set(10);
        file.write_all(b"after").unwrap();
        assert_eq!(place.read(), "after");
    }

    #[test]
    fn what_took_its_place_is_not_put_aside() {
        let (place, seconds) = (Place::new(), Seconds::default());
        let mut file = place.builder().rotate_length(3).clock(seconds.clock()).open().unwrap();
        file.write_all(b"full").unwrap();
        fs::remove_file(place.path()).unwrap();
        // It is time to rotate, and what there is to rotate is gone.
        file.write_all(b"after").unwrap();
        assert_eq!(place.read(), "after");
        fs::rename(place.path(), place.old("saved")).unwrap();
        fs::write(place.path(), "x").unwrap();
        file.write_all(b"y").unwrap();
        assert_eq!(place.read(), "xy");
        assert!(file.list_logs().unwrap().is_empty());
    }

    #[test]
    fn where_there_is_no_directory_any_more_it_is_tried_again() {
        let (place, seconds) = (Place::new(), Seconds::default());
        let directory = place.0.path().join("logs");
        fs::create_dir(&directory).unwrap();
        let path = directory.join("test.log");
        let mut file = LogFile::builder(&path).clock(seconds.clock()).open().unwrap();
        fs::remove_dir_all(&directory).unwrap();
        seconds.set(1);
        file.write_all(b"lost").unwrap();
        assert!(matches!(file.take_rotation_error(), Some(LogFileError::Io { .. })));
        fs::create_dir(&directory).unwrap();
        seconds.set(2);
        file.write_all(b"after").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "after");
    }

    #[test]
    fn a_daily_log_is_opened_anew_as_well() {
        let days = Days::new();
        let mut file = days.open();
        file.write_all(b"before").unwrap();
        fs::remove_file(days.place.path()).unwrap();
        days.seconds.set(1);
        file.write_all(b"after").unwrap();
        assert_eq!(days.place.read(), "after");
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: PathBuf) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn new_files_have_the_permissions_of_the_old() {
        let place = Place::new();
        fs::write(place.path(), "").unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o707)).unwrap();
        let mut file = place.builder().open().unwrap();
        assert_eq!(mode(place.path()), 0o707);
        file.write_all(b"abc").unwrap();
        file.rotate().unwrap();
        assert_eq!(mode(place.path()), 0o707);
        assert_eq!(mode(place.old("1")), 0o707);
    }

    #[test]
    fn the_permissions_can_be_chosen() {
        let place = Place::new();
        let file = place.builder().default_mode(0o666).open().unwrap();
        assert_eq!(mode(place.path()), 0o666);
        drop(file);
        let file = place.builder().default_mode(0o600).open().unwrap();
        assert_eq!(mode(place.path()), 0o600);
        file.rotate().unwrap();
        assert_eq!(mode(place.path()), 0o600);
    }

    #[test]
    fn a_device_is_a_log_file_as_well() {
        let mut file = LogFile::builder("/dev/null").open().unwrap();
        file.write_all(b"abc").unwrap();
        assert!(file.take_rotation_error().is_none());
    }
}

/// Every line of every thread is in one of the files, whole, and each
/// thread's lines are in their order.
#[test]
fn no_line_is_lost_while_threads_write_and_rotate() {
    const THREADS: usize = 4;
    const LINES: usize = 500;
    let place = Place::new();
    let file = place.builder().rotate_length(1000).open().unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let mut file = file.clone();
            std::thread::spawn(move || {
                for line in 0..LINES {
                    writeln_at_once(&mut file, thread, line);
                    if line % 100 == 0 {
                        file.rotate().unwrap();
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let logs = file.list_logs().unwrap();
    assert!(logs.len() > 10, "{logs:?}");
    let mut next = [0; THREADS];
    let old = logs.iter().rev().map(|number| place.read_old(&number.to_string()));
    for text in old.chain([place.read()]) {
        assert!(text.is_empty() || text.ends_with('\n'), "a line was cut: {text:?}");
        for line in text.lines() {
            let (thread, line) = line.split_once(' ').unwrap();
            let thread: usize = thread.parse().unwrap();
            assert_eq!(line.parse(), Ok(next[thread]));
            next[thread] += 1;
        }
    }
    assert_eq!(next, [LINES; THREADS]);
}

fn writeln_at_once(file: &mut LogFile, thread: usize, line: usize) {
    file.write_all(format!("{thread} {line}\n").as_bytes()).unwrap();
}

#[test]
fn a_log_is_written_to_files_that_rotate() {
    let place = Place::new();
    let file = place.builder().rotate_length(60).open().unwrap();
    let log = Logging::to(file.clone())
        .zone(Zone::utc())
        .clock(|| SystemTime::UNIX_EPOCH)
        .start_on_this_thread();
    for text in ["one", "two", "three"] {
        log::msg(text);
    }
    drop(log);
    let line = |text: &str| format!("1970-01-01 00:00:00+0000 [-] {text}\n");
    assert_eq!(place.read_old("1"), line("Log opened.") + &line("one"));
    assert_eq!(place.read(), line("two") + &line("three"));
}

/// A daily log of days since 1970 that pass when the test says so.
struct Days {
    place: Place,
    seconds: Seconds,
}

const DAY: u64 = 86400;

impl Days {
    fn new() -> Self {
        Self { place: Place::new(), seconds: Seconds::default() }
    }

    fn open(&self) -> DailyLogFile {
        DailyLogFile::builder(self.place.path())
            .zone(Zone::utc())
            .clock(self.seconds.clock())
            .open()
            .unwrap()
    }

    fn set(&self, seconds: u64) {
        self.seconds.set(seconds);
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn a_daily_log_rotates_after_midnight() {
    let days = Days::new();
    let mut file = days.open();
    let old = |day: &str| days.place.old(day).exists();
    file.write_all(b"123").unwrap();
    days.set(DAY / 2);
    file.write_all(b"4567890").unwrap();
    days.set(DAY);
    assert!(file.should_rotate());
    file.write_all(b"11111111111").unwrap();
    assert!(old("1970_1_1") && !old("1970_1_2"));
    days.set(2 * DAY);
    assert_eq!(file.write(b"").unwrap(), 0);
    assert!(old("1970_1_2") && !old("1970_1_3"));
    days.set(3 * DAY - 1);
    file.write_all(b"3").unwrap();
    assert!(!old("1970_1_3"));
    assert_eq!(days.place.read_old("1970_1_1"), "1234567890");
    assert_eq!(days.place.read(), "3");
}

#[test]
fn a_clock_that_is_set_back_rotates_nothing() {
    let days = Days::new();
    days.set(2 * DAY);
    let mut file = days.open();
    file.write_all(b"a").unwrap();
    days.set(DAY);
    file.write_all(b"b").unwrap();
    assert_eq!(file.last_date(), LogDate::new(1970, 1, 3));
    days.set(2 * DAY + 1);
    file.write_all(b"c").unwrap();
    assert_eq!(days.place.read(), "abc");
}

#[test]
fn the_log_of_a_day_can_be_read() {
    let days = Days::new();
    let mut file = days.open();
    file.write_all(b"1\n2\n3\n").unwrap();
    let first = file.today();
    assert_eq!(file.get_log(first).unwrap().read_lines(10).unwrap().len(), 3);
    let second = file.date_of(at(DAY));
    assert_eq!(
        file.get_log(second).unwrap_err(),
        LogFileError::NoSuchLog(days.place.old("1970_1_2"))
    );
    days.set(DAY + 1);
    file.rotate().unwrap();
    assert_eq!(file.get_log(first).unwrap().read_lines(10).unwrap(), ["1\n", "2\n", "3\n"]);
    assert!(file.get_log(second).unwrap().read_lines(10).unwrap().is_empty());
    assert!(file.get_current_log().unwrap().read_lines(10).unwrap().is_empty());
}

#[test]
fn the_log_of_a_day_is_not_overwritten() {
    let days = Days::new();
    let mut file = days.open();
    file.write_all(b"new").unwrap();
    fs::write(days.place.old("1970_1_1"), "old").unwrap();
    assert_eq!(file.rotate(), Err(LogFileError::AlreadyRotated(days.place.old("1970_1_1"))));
    days.set(DAY);
    file.write_all(b"er").unwrap();
    assert!(file.take_rotation_error().is_some());
    assert_eq!(days.place.read_old("1970_1_1"), "old");
    assert_eq!(days.place.read(), "newer");
}

#[test]
fn what_was_written_on_another_day_is_rotated_after_a_restart() {
    let days = Days::new();
    fs::write(days.place.path(), "old\n").unwrap();
    let written = fs::File::options().append(true).open(days.place.path()).unwrap();
    written.set_modified(at(10 * DAY)).unwrap();
    drop(written);
    days.set(20 * DAY);
    let mut file = days.open();
    assert_eq!(file.last_date(), LogDate::new(1970, 1, 11));
    file.write_all(b"new\n").unwrap();
    assert_eq!(days.place.read_old("1970_1_11"), "old\n");
    assert_eq!(days.place.read(), "new\n");
}

#[test]
fn a_day_is_that_of_the_zone() {
    let place = Place::new();
    let file = DailyLogFile::builder(place.path()).zone(Zone::offset(-3600)).open().unwrap();
    assert_eq!(file.date_of(at(1_413_936_000)), LogDate::new(2014, 10, 21));
    assert_eq!(file.date_of(at(1_413_936_000)).to_string(), "2014_10_21");
}

#[test]
fn a_daily_log_is_closed_and_reopened() {
    let days = Days::new();
    let mut file = days.open();
    file.write_all(b"one").unwrap();
    file.close();
    assert!(file.closed());
    assert!(file.write_all(b"two").is_err());
    assert_eq!(file.rotate(), Err(LogFileError::Closed));
    file.reopen().unwrap();
    file.write_all(b"three").unwrap();
    assert_eq!(days.place.read(), "onethree");
}
