//! Tests that need the inside: what a program reaches only after years, and which path an alloc takes.

mod sampled;
mod wrapping;
