//! [`integer`]: a number, written as Python's `int` takes it.
//!
//! Tested here, and by the conformance family `strings`.

/// The number in a text, which may have spaces around it, a sign, and single `_`
/// between its digits; in base 8 also `0o` in front. `None` if it is none, or does not
/// fit.
pub(super) fn integer(text: &str, base: u32) -> Option<i64> {
    let text = text.trim_matches(|character: char| {
        // What Python strips, and Unicode does not count as white.
        character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
    });
    let (negative, text) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let digits = match text.strip_prefix("0o").or_else(|| text.strip_prefix("0O")) {
        // Behind `0o` there may be one more `_`.
        Some(rest) if base == 8 => rest.strip_prefix('_').unwrap_or(rest),
        _ => text,
    };
    let size = digits.split('_').try_fold(0_i64, |size, part| {
        if part.is_empty() {
            return None;
        }
        part.chars().try_fold(size, |size, digit| {
            size.checked_mul(base.into())?.checked_add(digit.to_digit(base)?.into())
        })
    })?;
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_python_takes_for_numbers() {
        for (text, number) in [
            ("80", Some(80)),
            ("080", Some(80)),
            (" +8_0\t", Some(80)),
            ("-0", Some(0)),
            ("-7", Some(-7)),
            ("", None),
            ("-", None),
            ("_80", None),
            ("8__0", None),
            ("80_", None),
            ("0x50", None),
            ("0o50", None),
            ("8.0", None),
            ("- 8", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(integer(text, 10), number, "{text:?}");
        }
        for (text, number) in [
            ("666", Some(0o666)),
            ("0o666", Some(0o666)),
            ("0O_6_66", Some(0o666)),
            ("0o", None),
            ("0o__6", None),
            ("8", None),
        ] {
            assert_eq!(integer(text, 8), number, "{text:?}");
        }
    }
}
