//! The errors of layers, and of what passes through them.

use thiserror::Error;

/// A layer cannot be put under a protocol.
///
/// ```
/// use reactor_compat::PushLayerError;
///
/// assert_eq!(PushLayerError::NotConnected.to_string(), "the connection is closing, or gone");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushLayerError {
    /// The connection is closing, or gone.
    #[error("the connection is closing, or gone")]
    NotConnected,
    /// Too many others wait to be put in.
    #[error("too many layers wait to be put in")]
    TooMany,
}

/// Data came before the protection that it was to have: it was sent behind the
/// word that TLS begins, or another stream that is
/// [pushed](crate::Transport::push_stream), and read together with it. It is not taken
/// for what the protected peer says; the connection ends.
///
/// ```
/// use reactor_compat::UnprotectedData;
///
/// assert_eq!(
///     UnprotectedData { bytes: 3 }.to_string(),
///     "3 bytes came unprotected, behind the word that protection begins"
/// );
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{bytes} bytes came unprotected, behind the word that protection begins")]
pub struct UnprotectedData {
    /// How many bytes there were.
    pub bytes: usize,
}

/// The peer takes nothing, and too much has become unsent since: the connection
/// ends. [`WaterMarks`](crate::WaterMarks) say how much that is.
///
/// ```
/// use reactor_compat::TooMuchUnsent;
///
/// let error = TooMuchUnsent { unsent: 2000, growth: 1000 };
/// assert_eq!(error.to_string(), "the peer takes nothing, and 2000 bytes wait for it");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the peer takes nothing, and {unsent} bytes wait for it")]
pub struct TooMuchUnsent {
    /// How many bytes are unsent.
    pub unsent: usize,
    /// How many could become unsent after the peer took nothing any more.
    pub growth: usize,
}

/// A layer's time limit is over.
///
/// ```
/// assert_eq!(reactor_compat::LayerTimeout.to_string(), "the layer took too long");
/// ```
#[derive(Clone, Copy, Debug, Default, Error, PartialEq, Eq)]
#[error("the layer took too long")]
pub struct LayerTimeout;

/// A layer holds back what is unsent, and the peer, which had to give leave for it,
/// has ended.
///
/// ```
/// let error = reactor_compat::LayerHeldBack { taken: 5 };
/// assert_eq!(error.to_string(), "the peer has ended without giving leave to send the rest");
/// ```
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the peer has ended without giving leave to send the rest")]
pub struct LayerHeldBack {
    /// How many bytes a layer had taken, made of what was written above it, and could not
    /// pass on; what it did not take is not counted.
    pub taken: usize,
}
