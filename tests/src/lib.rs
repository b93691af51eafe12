//! Whole-system tests: the real command, the real Copilot CLI, a real browser.
//!
//! Run them with `cargo xtask test`, which provides the real parts and tells the tests where they are.
//! A test that needs a part has `with_cli` or `with_browser` in its path, so that `--without` can leave it out by
//! name; a test whose part is missing fails.
//!
//! - [`parts`]: where the real parts are
//! - [`browser`]: Chromium, one command at a time
//! - [`bridged`]: a session that a bridge exports to a hub of ours
//! - [`demo`]: the `groundlink` command as a person starts it
//! - [`native`]: the CLI's own exporter against a hub of ours
//! - [`terminal`]: the CLI's terminal app, as a person runs it
//! - [`uploaded`]: a session that the test itself exports
//! - [`offline`]: the CLI without an account and without a network

// A test fails by a panic.
#![allow(clippy::missing_panics_doc)]

pub mod bridged;
pub mod browser;
pub mod demo;
pub mod native;
pub mod offline;
pub mod parts;
pub mod terminal;
pub mod uploaded;
