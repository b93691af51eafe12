//! Whole-system tests without a browser.

mod bad_input;

mod with_cli {
    mod canary;
    mod commands;
    mod examples;
    mod hooks;
    mod install;
    mod native;
    mod native_faults;
    mod terminal;
    mod tools;
}
