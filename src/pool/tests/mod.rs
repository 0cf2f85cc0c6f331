//! Tests that set what a program reaches only after years.

mod wrapping;
