//! [`UnixAddress`]: one end of a UNIX socket.
//!
//! Mirrors `twisted.internet.address.UNIXAddress`. Tested in
//! `tests/network/address.rs`.

use std::fmt;
#[cfg(unix)]
use std::io;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use socket2::SockAddr;

/// One end of a UNIX socket.
///
/// A string that begins with a NUL is an abstract name, as in Twisted; any
/// other is a path, and the empty one is no name at all.
///
/// ```
/// use reactor_compat::UnixAddress;
///
/// let socket = UnixAddress::from("/run/echo.sock");
/// assert_eq!(socket.path(), Some("/run/echo.sock".as_ref()));
/// assert_eq!(UnixAddress::from("\0echo"), UnixAddress::Abstract(b"echo".to_vec()));
/// assert_eq!(UnixAddress::from("\0echo").to_string(), "@echo");
/// assert_eq!(UnixAddress::default(), UnixAddress::Unnamed);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "UNIXAddress")]
pub enum UnixAddress {
    /// A socket that was never bound, such as that of most clients.
    #[default]
    Unnamed,
    /// A file.
    Path(PathBuf),
    /// A name in Linux's own name space, without the NUL that it begins with.
    Abstract(Vec<u8>),
}

impl UnixAddress {
    /// The path of its file, if it has one.
    ///
    /// ```
    /// # use reactor_compat::UnixAddress;
    /// assert_eq!(UnixAddress::from("\0echo").path(), None);
    /// ```
    #[doc(alias = "name")]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Unnamed | Self::Abstract(_) => None,
        }
    }

    /// The address as the system has it.
    #[cfg(unix)]
    pub(crate) fn to_sock_addr(&self) -> io::Result<SockAddr> {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        match self {
            Self::Unnamed => SockAddr::unix(""),
            Self::Path(path) => SockAddr::unix(path),
            Self::Abstract(_) if !cfg!(any(target_os = "linux", target_os = "android")) => {
                Err(io::ErrorKind::Unsupported.into())
            }
            Self::Abstract(name) => {
                SockAddr::unix(OsStr::from_bytes(&[&[0], name.as_slice()].concat()))
            }
        }
    }
}

impl From<&str> for UnixAddress {
    fn from(name: &str) -> Self {
        match name.strip_prefix('\0') {
            Some(name) => Self::Abstract(name.into()),
            None => Path::new(name).into(),
        }
    }
}

impl From<String> for UnixAddress {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl From<&Path> for UnixAddress {
    fn from(path: &Path) -> Self {
        path.to_path_buf().into()
    }
}

impl From<PathBuf> for UnixAddress {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str().is_empty() { Self::Unnamed } else { Self::Path(path) }
    }
}

impl From<&PathBuf> for UnixAddress {
    fn from(path: &PathBuf) -> Self {
        path.as_path().into()
    }
}

#[cfg(unix)]
impl From<&std::os::unix::net::SocketAddr> for UnixAddress {
    fn from(address: &std::os::unix::net::SocketAddr) -> Self {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            #[cfg(target_os = "android")]
            use std::os::android::net::SocketAddrExt;
            #[cfg(target_os = "linux")]
            use std::os::linux::net::SocketAddrExt;

            if let Some(name) = address.as_abstract_name() {
                return Self::Abstract(name.to_vec());
            }
        }
        address.as_pathname().map_or(Self::Unnamed, Self::from)
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::SocketAddr> for UnixAddress {
    fn from(address: std::os::unix::net::SocketAddr) -> Self {
        Self::from(&address)
    }
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed => f.write_str("unnamed"),
            Self::Path(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
        }
    }
}
