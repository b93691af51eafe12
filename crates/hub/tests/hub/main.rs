//! The hub over real HTTP on a loopback port: exporters on one side, viewers on the other.

mod commands;
mod errors;
mod heal;
mod limits;
mod list;
mod log;
mod older;
mod openapi;
mod push;
mod restart;
mod secrets;
mod storm;
mod streams;
mod support;
mod uploads;
mod viewer;
