//! Whole-system tests without a browser.

mod bad_input;
mod guide;

mod with_cli {
    mod attach;
    mod bridge;
    mod canary;
    mod commands;
    mod config;
    mod doctor;
    mod examples;
    mod facade;
    mod faults;
    mod files;
    mod hooks;
    mod install;
    mod models;
    mod native;
    mod native_faults;
    mod outage;
    mod parity;
    mod provided;
    mod questions;
    mod queue;
    mod requests;
    mod rpc;
    mod stored;
    mod terminal;
    mod tools;
}
