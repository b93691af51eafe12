//! Whole-system tests without a browser.

mod bad_input;

mod with_cli {
    mod canary;
    mod commands;
    mod examples;
    mod install;
    mod native;
    mod native_faults;
    mod queue;
    mod rpc;
    mod terminal;
}
