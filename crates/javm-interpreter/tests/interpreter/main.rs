//! The interpreter against the public test vectors, the `polkavm` crate and a reference of our own.

mod vectors;
