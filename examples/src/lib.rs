//! What the programs in `examples/` share with their tests, in `tests/`.

pub mod multiplexer;

/// The programs on the pages for newcomers are compiled, and run but for the
/// README's, a server that goes on until it is interrupted.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;

    #[doc = include_str!("../../docs/migrating.md")]
    struct Migrating;
}
