//! The signals that the process ignores.
//!
//! A program that was started in the background of a script, or by `nohup`, has
//! inherited that some are. Tested in `tests/signals.rs`.

use super::Signal;

/// The signals that the process ignores now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ignored {
    /// Bit 0 is signal 1.
    mask: u64,
}

impl Ignored {
    /// Looks at the process. Where the system does not tell without unsafe code
    /// (it does on Linux), none counts as ignored.
    pub(super) fn of_process() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self { mask: mask_in(&status).unwrap_or(0) }
    }

    pub(super) fn contains(self, signal: Signal) -> bool {
        let bit = signal.number().and_then(|number| u32::try_from(number).ok()?.checked_sub(1));
        bit.and_then(|bit| self.mask.checked_shr(bit)).is_some_and(|mask| mask & 1 == 1)
    }
}

/// The mask of ignored signals in a text of Linux's.
fn mask_in(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn the_mask_is_read_from_the_right() {
        let mask = mask_in("SigBlk:\t0000000000000004\nSigIgn:\t0000000000004002\nSigCgt:\t1\n");
        let ignored = Ignored { mask: mask.expect("there is one") };
        assert!(ignored.contains(Signal::Interrupt) && ignored.contains(Signal::Terminate));
        assert!(!ignored.contains(Signal::Hangup) && !ignored.contains(Signal::User1));
        assert!(!ignored.contains(Signal::Number(0)) && !ignored.contains(Signal::Number(99)));
    }

    #[test]
    fn a_text_without_one_says_nothing() {
        assert_eq!(mask_in("Name:\tx\n"), None);
        assert_eq!(mask_in("SigIgn:\tlots\n"), None);
    }
}
