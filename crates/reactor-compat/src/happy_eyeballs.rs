//! [`happy_eyeballs`]: the first of many addresses that answers.
//!
//! Mirrors what `twisted.internet.endpoints.HostnameEndpoint` does with the
//! addresses of a name. Tested in `tests/network/happy_eyeballs.rs`.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Connects to the first of `addresses` that answers, as RFC 8305 has it.
///
/// The addresses are tried in turn, IPv6 and IPv4 by turns, beginning with the
/// first one given. The next attempt begins as soon as one has failed, or
/// `attempt_delay` after the one before began, whichever comes first; those
/// that are under way go on. `connect` makes an attempt at an address, of
/// whatever kind.
///
/// It takes as long as the attempts do: put a timeout around it, which then
/// bounds the number of attempts at a time as well.
///
/// # Errors
///
/// What each of the attempts failed with, in the order in which they did. No
/// address, no error.
///
/// # Cancellation
///
/// Dropping the future drops all attempts. So does the first success.
///
/// ```
/// use reactor_compat::happy_eyeballs;
/// use std::{net::SocketAddr, time::Duration};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let addresses: [SocketAddr; 2] =
///     ["[2001:db8::1]:80".parse().unwrap(), "192.0.2.1:80".parse().unwrap()];
/// let connect = |address: SocketAddr| async move {
///     if address.is_ipv6() {
///         std::future::pending::<()>().await; // nobody answers
///     }
///     Ok::<_, ()>(address)
/// };
/// let connected = happy_eyeballs(addresses, Duration::from_millis(250), connect).await;
/// assert_eq!(connected, Ok(addresses[1]));
/// # }
/// ```
#[doc(alias = "HostnameEndpoint")]
pub async fn happy_eyeballs<F, T, E>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    attempt_delay: Duration,
    connect: impl FnMut(SocketAddr) -> F,
) -> Result<T, Vec<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut race = Race {
        waiting: interleave(addresses),
        attempt_delay,
        connect,
        running: Vec::new(),
        failures: Vec::new(),
        next: Next::Due,
    };
    poll_fn(|cx| race.poll(cx)).await
}

/// The addresses, without those that come twice, of one family and of the
/// other by turns.
fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut preferred = Vec::new();
    let mut others = Vec::new();
    let mut family = None;
    for address in addresses {
        let is_preferred = *family.get_or_insert(address.is_ipv6()) == address.is_ipv6();
        let these = if is_preferred { &mut preferred } else { &mut others };
        if !these.contains(&address) {
            these.push(address);
        }
    }
    let mut turns = VecDeque::with_capacity(preferred.len() + others.len());
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    loop {
        let pair = (preferred.next(), others.next());
        turns.extend(pair.0);
        turns.extend(pair.1);
        if pair.0.is_none() && pair.1.is_none() {
            return turns;
        }
    }
}

/// When the next attempt begins.
///
/// ```text
///  Due ──an attempt begins──▶ Later ──time passes, one fails──▶ Due
///   └──it was the last address──▶ Never
/// ```
enum Next {
    Due,
    Later(Pin<Box<Sleep>>),
    Never,
}

/// Attempts at several addresses.
struct Race<C, F, E> {
    waiting: VecDeque<SocketAddr>,
    attempt_delay: Duration,
    connect: C,
    running: Vec<Pin<Box<F>>>,
    failures: Vec<E>,
    next: Next,
}

impl<C, F, T, E> Race<C, F, E>
where
    C: FnMut(SocketAddr) -> F,
    F: Future<Output = Result<T, E>>,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Vec<E>>> {
        loop {
            if let Some(winner) = self.poll_running(cx) {
                return Poll::Ready(Ok(winner));
            }
            if let Next::Later(rest) = &mut self.next
                && rest.as_mut().poll(cx).is_ready()
            {
                self.next = Next::Due;
            }
            let begun = matches!(self.next, Next::Due) && self.begin();
            if !begun && self.running.is_empty() {
                return Poll::Ready(Err(mem::take(&mut self.failures)));
            }
            if !begun {
                return Poll::Pending;
            }
        }
    }

    /// Lets the attempts go on; the result of the first that has one.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<T> {
        let mut at = 0;
        while let Some(attempt) = self.running.get_mut(at) {
            match attempt.as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(Ok(winner)) => return Some(winner),
                Poll::Ready(Err(failure)) => {
                    self.failures.push(failure);
                    drop(self.running.remove(at));
                    if let Next::Later(_) = self.next {
                        self.next = Next::Due;
                    }
                }
            }
        }
        None
    }

    /// Begins the next attempt, if there is one.
    fn begin(&mut self) -> bool {
        let Some(address) = self.waiting.pop_front() else {
            self.next = Next::Never;
            return false;
        };
        self.running.push(Box::pin((self.connect)(address)));
        self.next = if self.waiting.is_empty() {
            Next::Never
        } else {
            Next::Later(Box::pin(sleep(self.attempt_delay)))
        };
        true
    }
}
