//! Use cases over real files and a real store.

mod folders;
mod lists;
mod releases;
