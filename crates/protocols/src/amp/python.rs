//! Numbers as Python writes and reads them.
//!
//! Tested in `tests/amp/arguments.rs`, and against Python by the conformance
//! programs.

use std::fmt::Write;

/// The most digits that Python turns into an integer, or an integer into.
pub(super) const MAX_DIGITS: usize = 4300;

/// Space that surrounds a number in bytes and may be left out.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Space that surrounds a decimal number and may be left out: more of it.
pub(super) fn is_text_space(byte: u8) -> bool {
    is_space(byte) || matches!(byte, 0x1c..=0x1f)
}

pub(super) fn trim(bytes: &[u8], space: fn(u8) -> bool) -> &[u8] {
    let start = bytes.iter().position(|&byte| !space(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|&byte| !space(byte)).map_or(start, |last| last + 1);
    bytes.get(start..end).unwrap_or_default()
}

/// The sign of a number, and what follows it.
pub(super) fn split_sign(bytes: &[u8]) -> (bool, &[u8]) {
    match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

/// An integer in its shortest form, such as `-7` for `" -0_07 "`.
pub(super) fn integer(bytes: &[u8]) -> Option<String> {
    let (negative, digits) = split_sign(trim(bytes, is_space));
    let digits = without_underscores(digits)?;
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || !all_digits || digits.len() > MAX_DIGITS {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some(match (digits, negative) {
        ("", _) => "0".to_owned(),
        (digits, false) => digits.to_owned(),
        (digits, true) => format!("-{digits}"),
    })
}

/// A number without the underscores that may stand between two of its digits.
fn without_underscores(bytes: &[u8]) -> Option<String> {
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let between = |at: usize| digit(at.checked_sub(1)) && digit(Some(at + 1));
    let mut kept = String::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'_' if between(at) => {}
            b'_' | 0x80.. => return None,
            byte => kept.push(char::from(byte)),
        }
    }
    Some(kept)
}

/// `float(bytes)`.
pub(super) fn float(bytes: &[u8]) -> Option<f64> {
    without_underscores(trim(bytes, is_space))?.parse().ok()
}

/// With this many digits a number may lie half-way between two.
const HALFWAY_DIGITS: usize = 15;

/// `repr(float)`: the fewest digits that come back as the same number, with an
/// exponent where that is below -4 or above 15.
pub(super) fn write_float(out: &mut Vec<u8>, number: f64) {
    if number.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if number.is_sign_negative() {
        out.push(b'-');
    }
    let number = number.abs();
    if number.is_infinite() {
        return out.extend_from_slice(b"inf");
    }
    let mut digits = Vec::with_capacity(24);
    let exponent = shortest(&mut digits, number);
    match usize::try_from(exponent) {
        Ok(whole) if exponent < 16 => write_large(out, &digits, whole + 1),
        Err(_) if exponent >= -4 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + exponent.unsigned_abs() as usize - 1, b'0');
            out.extend_from_slice(&digits);
        }
        _ => write_scientific(out, &digits, exponent),
    }
}

/// The digits of a number, the first of which stands before the point, and its
/// exponent.
fn shortest(digits: &mut Vec<u8>, number: f64) -> i32 {
    // Writing to memory does not fail.
    let _ = write!(Text(digits), "{number:e}");
    let found = split_exponent(digits);
    if digits.len() < HALFWAY_DIGITS {
        return found;
    }
    // Of two that are equally near, Python takes the even one.
    let mut even = Vec::with_capacity(24);
    let _ = write!(Text(&mut even), "{number:.*e}", digits.len() - 1);
    let same = std::str::from_utf8(&even).ok().and_then(|text| text.parse().ok()) == Some(number);
    if !same {
        return found;
    }
    *digits = even;
    split_exponent(digits)
}

/// Leaves but the digits of `1.5e-7`, and gives the exponent.
fn split_exponent(text: &mut Vec<u8>) -> i32 {
    let at = text.iter().position(|&byte| byte == b'e').unwrap_or(text.len());
    let exponent = text.get(at + 1..).and_then(|digits| std::str::from_utf8(digits).ok());
    let exponent = exponent.and_then(|digits| digits.parse().ok()).unwrap_or_default();
    text.truncate(at);
    text.retain(|&byte| byte != b'.');
    exponent
}

/// With `whole` digits before the point, and at least one after it.
fn write_large(out: &mut Vec<u8>, digits: &[u8], whole: usize) {
    let (before, after) = digits.split_at(whole.min(digits.len()));
    out.extend_from_slice(before);
    out.resize(out.len() + whole - before.len(), b'0');
    out.push(b'.');
    out.extend_from_slice(if after.is_empty() { b"0" } else { after });
}

/// With an exponent of at least two digits, and its sign.
fn write_scientific(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let (first, more) = digits.split_at(1.min(digits.len()));
    out.extend_from_slice(first);
    if !more.is_empty() {
        out.push(b'.');
        out.extend_from_slice(more);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    // Writing to memory does not fail.
    let _ = write!(Text(out), "e{sign}{:02}", exponent.unsigned_abs());
}

/// Text that is written into bytes.
pub(super) struct Text<'a>(pub(super) &'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// `repr(bytes)`, such as `b'Sum'`.
pub(super) fn bytes_repr(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut text = format!("b{quote}");
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            byte if char::from(byte) == quote => text.extend(['\\', quote]),
            b' '..=b'~' => text.push(char::from(byte)),
            byte => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push(quote);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repr(number: f64) -> String {
        let mut out = Vec::new();
        write_float(&mut out, number);
        String::from_utf8(out).unwrap_or_default()
    }

    #[test]
    fn floats_are_written_as_python_does() {
        for text in [
            "0.0",
            "-0.0",
            "1.0",
            "0.1",
            "1e-05",
            "0.0001",
            "1e+16",
            "9999999999999998.0",
            "1.5e-07",
            "1e+300",
            "5e-324",
            "1.7976931348623157e+308",
            "123456789012345.6",
            "647801985933863.2",
            "-2.5",
            "5e-05",
            "1e+22",
            "100.0",
            "inf",
            "-inf",
            "nan",
            "1e+100",
            "123456789012345680.0",
        ] {
            let number: f64 = text.parse().unwrap_or_default();
            let expected =
                if text == "123456789012345680.0" { "1.2345678901234568e+17" } else { text };
            assert_eq!(repr(number), expected);
        }
    }

    #[test]
    fn bytes_are_quoted_as_python_does() {
        assert_eq!(bytes_repr(b"Sum"), "b'Sum'");
        assert_eq!(bytes_repr(b"it's"), "b\"it's\"");
        assert_eq!(bytes_repr(b"'\""), "b'\\'\"'");
        assert_eq!(bytes_repr(b"\x00\n\\\xff"), "b'\\x00\\n\\\\\\xff'");
    }
}
