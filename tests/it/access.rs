//! Whose rows a key may see.

mod scoping;
