//! Bytes as Python shows them.
//!
//! Tested in `tests/policies/policies.rs`.

/// `data` as Python's `repr` shows it: `b'hello\r\n'`.
pub(super) fn repr(data: &[u8]) -> String {
    let quote = if data.contains(&b'\'') && !data.contains(&b'"') { '"' } else { '\'' };
    let mut text = String::with_capacity(data.len() + 3);
    text.push('b');
    text.push(quote);
    for &byte in data {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            byte if char::from(byte) == quote => text.extend(['\\', quote]),
            b' '..=b'~' => text.push(char::from(byte)),
            byte => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push(quote);
    text
}
