//! [`Certificates`]: a server's certificates, in files that may change while it runs.
//!
//! Mirrors `autoReloadingDirectoryOfPEMs` of `twisted.protocols._sni`. Tested in
//! `tests/network/certificates.rs`.

mod expiry;
mod loading;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use self::loading::{Loaded, Stamp};
use super::TlsConfigError;

/// How often the files are looked at, at most: a handshake has them looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long before it happens that a certificate expires is said, once a day.
const WARNING: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server's certificates and keys, in files that may change while it runs, as they do
/// when they are renewed: a directory of them, by the names that they are for, or one
/// certificate with its key.
///
/// A client says which name it wants (SNI), and gets the certificate for that name, or
/// for `*.` and the rest of it; one that says none gets the first by name. When a
/// handshake comes the files are looked at, once a second at most, and read again if one
/// was changed. If what they hold is of no use, that is logged, and the certificates
/// stay as they were. One that expires within 14 days is warned of in the log, once a day.
///
/// ```
/// use reactor_compat::tls::{Certificates, ServerOptions};
///
/// let directory = tempfile::tempdir()?;
/// let made = rcgen::generate_simple_self_signed(["one.example".to_owned()])?;
/// std::fs::write(directory.path().join("cert.pem"), made.cert.pem())?;
/// std::fs::write(directory.path().join("key.pem"), made.signing_key.serialize_pem())?;
///
/// let certificates = Certificates::in_directory(directory.path())?;
/// assert_eq!(certificates.names(), ["one.example"]);
/// let options = ServerOptions::with_certificates(&certificates)?;
///
/// let made = rcgen::generate_simple_self_signed(["two.example".to_owned()])?;
/// let both = made.cert.pem() + &made.signing_key.serialize_pem();
/// std::fs::write(directory.path().join("two.pem"), both)?;
/// certificates.reload()?;
/// assert_eq!(certificates.names(), ["one.example", "two.example"]);
/// # let _ = options;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "autoReloadingDirectoryOfPEMs")]
#[doc(alias = "SNIConnectionCreator")]
pub struct Certificates {
    shared: Arc<Shared>,
}

struct Shared {
    source: Source,
    state: Mutex<State>,
}

/// The files.
#[derive(Debug)]
enum Source {
    Directory(PathBuf),
    Files { certificates: PathBuf, key: PathBuf, chain: Option<PathBuf> },
}

struct State {
    loaded: Loaded,
    looked: Instant,
    /// As they were when they were looked at, whether or not they were of use.
    stamp: Stamp,
    warned: SystemTime,
}

impl Certificates {
    /// The certificates and keys in the files of a directory, and of those within it,
    /// whose names end in `.pem`: in one file or in several, with those that vouch for
    /// them.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::File`] and [`TlsConfigError::InFile`] for a file that is of no
    /// use, [`TlsConfigError::NoIdentity`] if there is no certificate with its key.
    ///
    /// See the [type's example](Self).
    pub fn in_directory(path: impl AsRef<Path>) -> Result<Self, TlsConfigError> {
        Self::load(Source::Directory(path.as_ref().to_owned()))
    }

    /// The certificate in one file, with those that vouch for it, and its key in another,
    /// or the same. Clients get it whatever name they want.
    ///
    /// # Errors
    ///
    /// As [`in_directory`](Self::in_directory), and [`TlsConfigError::KeyMismatch`].
    ///
    /// ```
    /// use reactor_compat::tls::{Certificates, TlsConfigError};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = |name: &str| directory.path().join(name);
    /// let made = rcgen::generate_simple_self_signed(["one.example".to_owned()])?;
    /// std::fs::write(path("cert.pem"), made.cert.pem())?;
    /// std::fs::write(path("key.pem"), rcgen::KeyPair::generate()?.serialize_pem())?;
    /// let wrong = Certificates::in_files(path("cert.pem"), path("key.pem"), None).unwrap_err();
    /// assert!(matches!(wrong, TlsConfigError::KeyMismatch { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn in_files(
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
        chain: Option<&Path>,
    ) -> Result<Self, TlsConfigError> {
        Self::load(Source::Files {
            certificates: certificates.as_ref().to_owned(),
            key: key.as_ref().to_owned(),
            chain: chain.map(Path::to_owned),
        })
    }

    fn load(source: Source) -> Result<Self, TlsConfigError> {
        let stamp = source.stamp();
        let loaded = source.load()?;
        let (looked, now) = (Instant::now(), SystemTime::now());
        expiry::warn(&loaded, now);
        let state = Mutex::new(State { loaded, looked, stamp, warned: now });
        Ok(Self { shared: Arc::new(Shared { source, state }) })
    }

    /// Reads the files again now, whether or not they have changed.
    ///
    /// # Errors
    ///
    /// As when they were first read; the certificates stay as they were.
    ///
    /// See the [type's example](Self).
    pub fn reload(&self) -> Result<(), TlsConfigError> {
        self.shared.reload(&mut self.shared.state(), self.shared.source.stamp())
    }

    /// The names that there are certificates for, in order.
    ///
    /// See the [type's example](Self).
    pub fn names(&self) -> Vec<String> {
        self.shared.state().loaded.names().map(str::to_owned).collect()
    }

    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.shared.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files, which are as `stamp` says.
    fn reload(&self, state: &mut State, stamp: Stamp) -> Result<(), TlsConfigError> {
        state.looked = Instant::now();
        state.stamp = stamp;
        state.loaded = self.source.load()?;
        state.warned = SystemTime::now();
        expiry::warn(&state.loaded, state.warned);
        Ok(())
    }

    /// Reads the files again if they have changed; says what expires, once a day.
    fn look(&self, state: &mut State) {
        if state.looked.elapsed() >= LOOK {
            state.looked = Instant::now();
            let stamp = self.source.stamp();
            if stamp != state.stamp
                && let Err(error) = self.reload(state, stamp)
            {
                tracing::error!("The certificates stay as they were: {error}");
            }
        }
        let now = SystemTime::now();
        if now.duration_since(state.warned).is_ok_and(|passed| passed >= DAY) {
            state.warned = now;
            expiry::warn(&state.loaded, now);
        }
    }
}

impl ResolvesServerCert for Shared {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut state = self.state();
        self.look(&mut state);
        let found = state.loaded.find(hello.server_name());
        if let (None, Some(name)) = (&found, hello.server_name()) {
            tracing::warn!("no certificate for the name {name:?}, which a client wants");
        }
        found
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificates").field(&self.source).finish()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}
