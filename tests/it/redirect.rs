//! What a visitor gets.

mod killed;
mod slug;
mod target;
