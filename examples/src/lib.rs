//! Nothing: the programs are in `examples/`, and tested in `tests/`.
