//! [`Identity`]: a certificate, and the key that proves it ours.
//!
//! Mirrors `twisted.internet.ssl.PrivateCertificate`. Tested in
//! `tests/network/tls.rs`.

use std::fmt;
use std::fs;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsConfigError;

/// A certificate, with those that vouch for it, and its private key.
///
/// ```
/// use reactor_compat::tls::{Identity, TlsConfigError};
///
/// let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
/// let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
/// assert!(Identity::from_pem(&certificate, &key).is_ok());
/// // As in Twisted's `server.pem`, both may be in one.
/// let both = certificate + &key;
/// assert!(Identity::from_pem(&both, &both).is_ok());
/// assert_eq!(Identity::from_pem("", &key).unwrap_err(), TlsConfigError::NoCertificate);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "PrivateCertificate")]
#[doc(alias = "DefaultOpenSSLContextFactory")]
pub struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads both from PEM text: the certificates, the one of the key first,
    /// and the first private key.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] says which is missing or damaged. Whether they belong
    /// together is seen when options are made of them.
    ///
    /// See the [type's example](Self).
    #[doc(alias = "loadPEM")]
    pub fn from_pem(
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, TlsConfigError> {
        let chain = certificates_of(certificates.as_ref())?;
        Ok(Self { chain, key: key_of(key.as_ref())? })
    }

    /// Reads both from PEM files, which may be one and the same.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::File`] for one that cannot be read, and
    /// [`TlsConfigError::InFile`] for one that does not hold what it should.
    ///
    /// ```
    /// use reactor_compat::tls::{Identity, TlsConfigError};
    ///
    /// let missing = Identity::from_pem_files("no/such/cert.pem", "no/such/key.pem");
    /// assert!(matches!(missing, Err(TlsConfigError::File { .. })));
    ///
    /// let neither = Identity::from_pem_files("Cargo.toml", "Cargo.toml").unwrap_err();
    /// assert_eq!(neither.to_string(), "Cargo.toml: there is no certificate in the PEM text");
    /// ```
    pub fn from_pem_files(
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsConfigError> {
        let (certificates, key) = (certificates.as_ref(), key.as_ref());
        let chain =
            certificates_of(&read(certificates)?).map_err(|error| error.in_file(certificates))?;
        Ok(Self { chain, key: key_of(&read(key)?).map_err(|error| error.in_file(key))? })
    }
}

/// The private key of some PEM text.
fn key_of(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(TlsConfigError::of_key)
}

/// The certificates of some PEM text: at least one.
pub(super) fn certificates_of(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(TlsConfigError::NoCertificate),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(TlsConfigError::BadPem(error.to_string())),
    }
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsConfigError> {
    fs::read(path)
        .map_err(|error| TlsConfigError::File { path: path.to_owned(), error: error.into() })
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// A key is nobody's business.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}
