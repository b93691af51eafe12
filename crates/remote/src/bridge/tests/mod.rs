//! The bridge's engine between a session and a hub that misbehave on command.

mod commands;
mod ends;
mod exporting;
mod hub;
mod resuming;
mod session;

use std::time::Duration;

use groundlink_protocol::mc::{ExporterInfo, Suggestion};

use super::*;
use hub::{FakeHub, Fault, TOKEN};
use session::FakeSession;

/// Options with short waits.
fn options(hub: &FakeHub) -> Options {
    let mut options = Options::new(hub.endpoint());
    options.limits.retry = (Duration::from_millis(20), Duration::from_millis(100));
    options
}

fn info() -> ExporterInfo {
    ExporterInfo {
        version: Some("1.2.3".to_owned()),
        notice: Some("The model is a script.".to_owned()),
        suggestions: vec![Suggestion::new("Run", "run a command")],
        ..ExporterInfo::new("groundlink")
    }
}

/// Waits until `condition` holds.
#[track_caller]
fn eventually<'a>(what: &'a str, condition: impl Fn() -> bool + 'a) -> impl Future<Output = ()> + 'a {
    let at = std::panic::Location::caller();
    async move {
        let waiting = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        assert!(found.is_ok(), "{at}: not in time: {what}");
    }
}

async fn state(handle: &BridgeHandle, what: &str, wanted: impl FnMut(&BridgeStatus) -> bool) -> BridgeStatus {
    let mut status = handle.status();
    let found = tokio::time::timeout(Duration::from_secs(20), status.wait_for(wanted)).await;
    found.unwrap_or_else(|_| panic!("not in time: {what}")).expect("a running bridge").clone()
}
