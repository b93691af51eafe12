//! The client against a scripted server over an in-memory connection: what is sent, what is answered,
//! and what happens when the other side misbehaves.

mod asks;
#[cfg(unix)]
mod child;
mod config;
mod events;
mod fake;
mod files;
mod handlers;
mod handshake;
mod lifecycle;
mod models;
mod provided;
mod reconnect;
mod remote;
mod rpc;
mod turn;
