//! [`TrustRoots`]: whose certificates are believed.
//!
//! Mirrors `IOpenSSLTrustRoot`, `platformTrust` and `trustRootFromCertificates`
//! of `twisted.internet.ssl`. Tested in `tests/network/tls.rs`.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;

use super::TlsConfigError;
use super::identity::{certificates_of, read};

/// The authorities whose word about a peer's certificate is believed.
///
/// ```
/// use reactor_compat::tls::{TlsConfigError, TrustRoots};
///
/// let authority = rcgen::generate_simple_self_signed(["authority".to_owned()])?;
/// assert!(TrustRoots::from_pem(authority.cert.pem()).is_ok());
/// assert_eq!(TrustRoots::from_pem("").unwrap_err(), TlsConfigError::NoCertificate);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "trustRootFromCertificates")]
pub struct TrustRoots {
    believed: Believed,
}

#[derive(Clone)]
enum Believed {
    /// Whom the system believes; not read yet.
    Platform,
    These(Arc<RootCertStore>),
}

impl TrustRoots {
    /// Whom the operating system believes.
    ///
    /// ```
    /// use reactor_compat::tls::{ClientOptions, TrustRoots};
    ///
    /// // What options have that say nothing:
    /// let options = ClientOptions::new("example.org")?.trust_roots(TrustRoots::platform());
    /// # let _ = options;
    /// # Ok::<(), reactor_compat::tls::TlsConfigError>(())
    /// ```
    #[doc(alias = "platformTrust")]
    #[doc(alias = "OpenSSLDefaultPaths")]
    pub fn platform() -> Self {
        Self { believed: Believed::Platform }
    }

    /// The authorities whose certificates are in some PEM text, and no others.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] if there is none, or one of them is damaged.
    ///
    /// See the [type's example](Self).
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, TlsConfigError> {
        let mut store = RootCertStore::empty();
        for certificate in certificates_of(pem.as_ref())? {
            store.add(certificate).map_err(TlsConfigError::Rejected)?;
        }
        Ok(Self { believed: Believed::These(Arc::new(store)) })
    }

    /// The same, from a file.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::File`] for one that cannot be read, and
    /// [`TlsConfigError::InFile`] for one that does not hold what it should.
    ///
    /// ```
    /// use reactor_compat::tls::{TlsConfigError, TrustRoots};
    ///
    /// let missing = TrustRoots::from_pem_file("no/such/authority.pem");
    /// assert!(matches!(missing, Err(TlsConfigError::File { .. })));
    /// ```
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, TlsConfigError> {
        let path = path.as_ref();
        Self::from_pem(read(path)?).map_err(|error| error.in_file(path))
    }

    /// The authorities in the files of a directory whose names end in `.pem`. A file that
    /// cannot be read, or is of no use, is passed over, as in Twisted.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::File`] if the directory cannot be read, and
    /// [`TlsConfigError::InFile`] if no authority is in it.
    ///
    /// ```
    /// use reactor_compat::tls::TrustRoots;
    ///
    /// let directory = tempfile::tempdir()?;
    /// let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// std::fs::write(directory.path().join("one.pem"), made.cert.pem())?;
    /// std::fs::write(directory.path().join("two.pem"), "not a certificate")?;
    /// let roots = TrustRoots::in_directory(directory.path())?;
    /// assert_eq!(format!("{roots:?}"), "TrustRoots(1 authorities)");
    ///
    /// let empty = tempfile::tempdir()?;
    /// let error = TrustRoots::in_directory(empty.path()).unwrap_err();
    /// assert!(error.to_string().ends_with("there is no certificate in the PEM text"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn in_directory(path: impl AsRef<Path>) -> Result<Self, TlsConfigError> {
        let path = path.as_ref();
        let failed = |error: std::io::Error| TlsConfigError::File {
            path: path.to_owned(),
            error: error.into(),
        };
        let mut store = RootCertStore::empty();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            let named = file.extension().is_some_and(|name| name.eq_ignore_ascii_case("pem"));
            let found =
                if named { read(&file).and_then(|pem| certificates_of(&pem)) } else { continue };
            store.add_parsable_certificates(found.unwrap_or_default());
        }
        if store.is_empty() {
            return Err(TlsConfigError::NoCertificate.in_file(path));
        }
        Ok(Self { believed: Believed::These(Arc::new(store)) })
    }

    pub(super) fn store(&self) -> Result<Arc<RootCertStore>, TlsConfigError> {
        match &self.believed {
            Believed::These(store) => Ok(store.clone()),
            Believed::Platform => platform_store(),
        }
    }
}

/// The system's authorities, read once.
fn platform_store() -> Result<Arc<RootCertStore>, TlsConfigError> {
    static STORE: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(store) = STORE.get() {
        return Ok(store.clone());
    }
    let mut store = RootCertStore::empty();
    // One that is of no use does not spoil the others.
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        return Err(TlsConfigError::NoPlatformTrust);
    }
    Ok(STORE.get_or_init(|| Arc::new(store)).clone())
}

impl fmt::Debug for TrustRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.believed {
            Believed::Platform => f.write_str("TrustRoots::platform()"),
            Believed::These(store) => write!(f, "TrustRoots({} authorities)", store.len()),
        }
    }
}
