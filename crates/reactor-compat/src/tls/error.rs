//! Errors of a TLS configuration, a handshake, or a connection.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem;
use rustls::{AlertDescription, CertificateError};

use crate::shared_io_error::SharedIoError;

/// Options for TLS that come to nothing.
///
/// ```
/// use reactor_compat::tls::{ClientOptions, TlsConfigError};
///
/// let error = ClientOptions::new("two words").unwrap_err();
/// assert_eq!(error.to_string(), "`two words` is neither a host name nor an address");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// A file cannot be read.
    File {
        /// Which.
        path: PathBuf,
        /// The operating system's error.
        error: SharedIoError,
    },
    /// A file can be read, and is of no use.
    InFile {
        /// Which.
        path: PathBuf,
        /// The fault of its contents.
        error: Box<Self>,
    },
    /// PEM text is damaged; how.
    BadPem(String),
    /// There is no certificate in the PEM text.
    NoCertificate,
    /// There is no private key in the PEM text.
    NoPrivateKey,
    /// A key in a file is not that of the certificate in another, or the same.
    KeyMismatch {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// A directory has no certificate with its key in files whose names end in `.pem`.
    NoIdentity {
        /// Which.
        path: PathBuf,
    },
    /// Neither a host name nor an address.
    BadName(String),
    /// The system has no authorities that can be read.
    NoPlatformTrust,
    /// Rustls does not take it.
    Rejected(rustls::Error),
}

impl TlsConfigError {
    /// Says what file it was.
    pub(super) fn in_file(self, path: &Path) -> Self {
        Self::InFile { path: path.to_owned(), error: Box::new(self) }
    }

    pub(super) fn of_key(error: pem::Error) -> Self {
        match error {
            pem::Error::NoItemsFound => Self::NoPrivateKey,
            error => Self::BadPem(error.to_string()),
        }
    }
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::InFile { path, error } => write!(f, "{}: {error}", path.display()),
            Self::BadPem(detail) => write!(f, "the PEM text is damaged: {detail}"),
            Self::NoCertificate => f.write_str("there is no certificate in the PEM text"),
            Self::NoPrivateKey => f.write_str("there is no private key in the PEM text"),
            Self::KeyMismatch { certificate, key } => {
                let (certificate, key) = (certificate.display(), key.display());
                write!(f, "{key}: the key is not that of the certificate in {certificate}")
            }
            Self::NoIdentity { path } => {
                let path = path.display();
                write!(f, "{path}: no certificate and its key in files named *.pem")
            }
            Self::BadName(name) => write!(f, "`{name}` is neither a host name nor an address"),
            Self::NoPlatformTrust => {
                f.write_str("the system has no certificate authorities that can be read")
            }
            Self::Rejected(error) => error.fmt(f),
        }
    }
}

impl Error for TlsConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File { error, .. } => Some(error.as_source()),
            Self::InFile { error, .. } => Some(error),
            Self::Rejected(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a TLS connection broke: the reason that
/// [`connection_lost`](crate::Protocol::connection_lost) gets.
///
/// ```
/// use reactor_compat::tls::TlsError;
/// use rustls::CertificateError;
///
/// let expired = rustls::Error::InvalidCertificate(CertificateError::Expired);
/// assert_eq!(TlsError::from(expired), TlsError::CertificateExpired);
/// assert_eq!(TlsError::CertificateExpired.to_string(), "the peer's certificate has expired");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[doc(alias = "SSLError")]
#[doc(alias = "VerificationError")]
#[doc(alias = "VerifyError")]
#[doc(alias = "PeerVerifyError")]
pub enum TlsError {
    /// The peer's certificate has expired.
    CertificateExpired,
    /// The peer's certificate is not valid yet.
    CertificateNotYetValid,
    /// The peer's certificate is somebody else's.
    WrongName,
    /// Nobody whom we believe vouches for the peer's certificate.
    UnknownIssuer,
    /// The peer's certificate is bad in some other way.
    #[doc(alias = "CertificateError")]
    BadCertificate(CertificateError),
    /// The peer has no certificate, and has to.
    NoCertificate,
    /// The peer does not speak TLS.
    NotTls,
    /// The peer refuses us; its word for why.
    Refused(AlertDescription),
    /// The handshake was not over in time.
    HandshakeTimeout,
    /// The peer was gone without having said that it was the end: what came
    /// may not be all.
    Truncated,
    /// Anything else that rustls finds wrong.
    Other(rustls::Error),
}

impl TlsError {
    /// The meaning of an error of a TLS stream, if it is not one of the stream
    /// below.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        if let Some(inner) = error.get_ref() {
            if let Some(error) = inner.downcast_ref::<rustls::Error>() {
                return Some(error.clone().into());
            }
            if let Some(error) = inner.downcast_ref::<Self>() {
                return Some(error.clone());
            }
        }
        (error.kind() == io::ErrorKind::UnexpectedEof).then_some(Self::Truncated)
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => error.into(),
            rustls::Error::NoCertificatesPresented => Self::NoCertificate,
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::AlertReceived(alert) => Self::Refused(alert),
            other => Self::Other(other),
        }
    }
}

impl From<CertificateError> for TlsError {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Self::CertificateExpired
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::CertificateNotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            other => Self::BadCertificate(other),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertificateExpired => f.write_str("the peer's certificate has expired"),
            Self::CertificateNotYetValid => f.write_str("the peer's certificate is not valid yet"),
            Self::WrongName => f.write_str("the peer's certificate is not for the name asked for"),
            Self::UnknownIssuer => {
                f.write_str("nobody who is trusted vouches for the peer's certificate")
            }
            Self::BadCertificate(error) => write!(f, "the peer's certificate is bad: {error}"),
            Self::NoCertificate => f.write_str("the peer has no certificate"),
            Self::NotTls => f.write_str("the peer does not speak TLS"),
            Self::Refused(alert) => write!(f, "the peer refused: {alert:?}"),
            Self::HandshakeTimeout => f.write_str("the TLS handshake took too long"),
            Self::Truncated => f.write_str("the peer was gone without a word: TLS data may be cut"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl Error for TlsError {}

/// TLS cannot be started on a connection.
///
/// ```
/// use reactor_compat::tls::StartTlsError;
///
/// assert_eq!(StartTlsError::AlreadySecure.to_string(), "the connection speaks TLS already");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StartTlsError {
    /// It was started before.
    AlreadySecure,
    /// The connection is closing, or gone.
    NotConnected,
    /// The options come to nothing.
    Config(TlsConfigError),
}

impl From<TlsConfigError> for StartTlsError {
    fn from(error: TlsConfigError) -> Self {
        Self::Config(error)
    }
}

impl fmt::Display for StartTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadySecure => f.write_str("the connection speaks TLS already"),
            Self::NotConnected => f.write_str("the connection is closing, or gone"),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl Error for StartTlsError {}
