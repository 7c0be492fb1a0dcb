//! Errors of protocols that are chosen and switched.

use std::error::Error;
use std::fmt;

/// Another protocol has taken over the connection: the reason that one hears
/// in `connection_lost` that is replaced, though the connection is still there.
///
/// ```
/// use reactor_compat::ProtocolSwitched;
///
/// assert_eq!(ProtocolSwitched.to_string(), "the connection speaks another protocol");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolSwitched;

impl fmt::Display for ProtocolSwitched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection speaks another protocol")
    }
}

impl Error for ProtocolSwitched {}

/// A protocol cannot be switched for another one now.
///
/// ```
/// use reactor_compat::SwitchError;
///
/// assert_eq!(SwitchError::Lost.to_string(), "the connection is lost");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchError {
    /// A switch was asked for already, and is made when the running callback
    /// has returned.
    Pending,
    /// It is the protocol that is being replaced that asks for it, in its
    /// `connection_lost`.
    Replacing,
    /// The connection is lost.
    Lost,
}

impl fmt::Display for SwitchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "another switch is about to be made",
            Self::Replacing => "another protocol is taking over",
            Self::Lost => "the connection is lost",
        })
    }
}

impl Error for SwitchError {}

/// The peer has sent more than may come before a protocol is
/// [chosen](crate::AnyProtocol::choose). It is logged, and the reason for
/// which the connection is cut.
///
/// ```
/// use reactor_compat::NotChosen;
///
/// let error = NotChosen { bytes: 70_000, descriptors: 0 };
/// let text = "no protocol was chosen for a connection after 70000 bytes and 0 descriptors";
/// assert_eq!(error.to_string(), text);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotChosen {
    /// How many bytes came.
    pub bytes: usize,
    /// How many descriptors came.
    pub descriptors: usize,
}

impl fmt::Display for NotChosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, descriptors } = self;
        write!(
            f,
            "no protocol was chosen for a connection after {bytes} bytes and {descriptors} descriptors"
        )
    }
}

impl Error for NotChosen {}
