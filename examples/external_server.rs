//! A Copilot CLI that is already running (`copilot --headless --port N`) is shared through the bridge: no GitHub
//! account, no repository, no change to the server.
//!
//!     cargo run --example external_server

use std::process::Stdio;

use groundlink::remote::{Bridge, HubEndpoint};
use groundlink::session::{Client, SessionConfig};
use groundlink_examples::{Result, Stage, somebody_opens};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

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

/// Somebody else's server, as they would have started it.
async fn start_server(stage: &Stage) -> Result<(Child, String)> {
    let mut server = Command::new(stage.cli())
        .args(["--headless", "--port", "0", "--no-auto-update", "--no-auto-login"])
        .env("COPILOT_HOME", stage.home())
        // An offline server wants a model of its own; the session brings another.
        .envs([
            ("COPILOT_OFFLINE", "true"),
            ("COPILOT_MODEL", "none"),
            ("COPILOT_PROVIDER_BASE_URL", "http://127.0.0.1:1"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(server.stdout.take().ok_or("no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(port) = line.strip_prefix("CLI server listening on port ") {
            println!("A Copilot CLI is running at 127.0.0.1:{}", port.trim());
            return Ok((server, format!("127.0.0.1:{}", port.trim())));
        }
    }
    Err("the server ended before it listened".into())
}
