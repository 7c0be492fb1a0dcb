//! Answers to lines, one at a time and in order, though they take time.
//!
//! Tested in `tests/servers/ident.rs` and `tests/servers/postfix.rs`.

use deferred::{Deferred, Failure};
use reactor_compat::{Connection, ProtocolCallbacks, Transport};

/// Gives the result to `answer`: at once if it is there, or else when it is;
/// nothing more is read until then.
pub(crate) fn in_turn<P: 'static, X: AsRef<Transport> + 'static, T: 'static>(
    connection: &Connection<P, X>,
    this: &mut P,
    result: Deferred<T>,
    answer: impl FnOnce(&mut P, &Connection<P, X>, Result<T, Failure>) + 'static,
) {
    match result.take_result() {
        Ok(result) => answer(this, connection, result),
        Err(result) => {
            connection.transport().as_ref().pause_producing();
            drop(result.add_both_at(connection, |this, connection, result| {
                answer(this, connection, result);
                connection.transport().as_ref().resume_producing();
            }));
        }
    }
}
