//! Certificates that expire: said in the log.

use std::time::{Duration, SystemTime};

use super::loading::Loaded;
use super::{DAY, WARNING};

/// Says which certificates have expired, or will soon.
pub(super) fn warn(loaded: &Loaded, now: SystemTime) {
    for (name, not_after) in loaded.expiries() {
        match not_after.duration_since(now) {
            Err(_) => tracing::error!("the certificate for {name} has expired: renew it"),
            Ok(left) if left < WARNING => {
                tracing::warn!("the certificate for {name} expires in {}", in_words(left));
            }
            Ok(_) => {}
        }
    }
}

fn in_words(left: Duration) -> String {
    match left.as_secs() / DAY.as_secs() {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(all(test, feature = "logging"))]
mod tests {
    use super::*;
    use crate::log::LogCapture;

    #[test]
    fn what_expires_soon_or_has_expired_is_said() {
        let now = SystemTime::UNIX_EPOCH + 1000 * DAY;
        for (not_after, said) in [
            (now - DAY, Some("the certificate for a has expired: renew it")),
            (now + DAY / 2, Some("the certificate for a expires in less than a day")),
            (now + DAY, Some("the certificate for a expires in a day")),
            (now + 13 * DAY, Some("the certificate for a expires in 13 days")),
            (now + 14 * DAY, None),
        ] {
            let capture = LogCapture::start();
            warn(&Loaded::expiring("a", not_after), now);
            assert_eq!(capture.messages(), said.into_iter().collect::<Vec<_>>());
            capture.flush(|_| true);
        }
    }
}
