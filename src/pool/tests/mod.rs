//! Tests that need private parts: states that a program reaches only after years, and the path of an alloc.

mod sampled;
mod wrapping;
