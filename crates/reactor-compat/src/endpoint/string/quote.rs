//! [`quote_string_argument`]: a text, as an argument in a string.
//!
//! Tested by the conformance family `strings`.

/// Escapes a text, so that it is one argument of an endpoint's string: `\` before
/// each `:` and each `\`.
///
/// An `=` is not escaped, as in Twisted: where there can be one, the argument has to be
/// given by name.
///
/// ```
/// use reactor_compat::endpoint::{Description, quote_string_argument};
///
/// let path = r"C:\run\socket";
/// let text = format!("unix:path={}", quote_string_argument(path));
/// assert_eq!(text, r"unix:path=C\:\\run\\socket");
/// assert_eq!(Description::parse(&text)?.named().next(), Some(("path", path)));
/// # Ok::<(), reactor_compat::endpoint::EndpointError>(())
/// ```
#[doc(alias = "quoteStringArgument")]
#[must_use]
pub fn quote_string_argument(argument: &str) -> String {
    let mut quoted = String::with_capacity(argument.len());
    for character in argument.chars() {
        if matches!(character, '\\' | ':') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}
