//! A Copilot CLI that is already running (`copilot --headless --port N`) is shared through the bridge: no GitHub
//! account, no repository, no change to the server.
//!
//!     cargo run --example external_server

use groundlink::remote::{Bridge, HubEndpoint};
use groundlink::session::{Client, SessionConfig};
use groundlink_examples::{Result, Stage, somebody_opens, start_server};

/// The whole of it: connect, create (or resume) a session, start a bridge to a hub.
async fn share_external(address: &str, config: SessionConfig, hub: HubEndpoint) -> Result {
    let client = Client::builder().cli_url(address).start().await?;
    let session = client.create_session(config).await?;
    let bridge = Bridge::builder(&session, hub).start().await?;
    println!("The server's session is at {}", bridge.link().url());

    somebody_opens(bridge.link().url().as_str()).await;
    bridge.stop().await;
    client.stop().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    let stage = Stage::set().await?;
    let (mut server, address) = start_server(&stage).await?;
    let hub = stage.hub().handle();
    let endpoint = HubEndpoint::new(hub.export_base(), hub.export_token().clone());
    let shared = share_external(&address, stage.session_without_account(), endpoint).await;
    // It was running before, and it still is: sharing does not own it.
    println!("The server is still running: {}", server.try_wait()?.is_none());
    server.kill().await?;
    shared
}
