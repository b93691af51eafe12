//! Every session of a client is shared through a hub in this program: no account, no repository.
//!
//!     cargo run --example remote_to_hub

use futures::StreamExt as _;
use groundlink::EmbeddedHub;
use groundlink::remote::{RemoteBuilderExt as _, RemoteClientExt as _, RemoteExt as _};
use groundlink::session::{ClientBuilder, SessionConfig};
use groundlink_examples::{Result, Stage, somebody_opens};

/// The whole of it: `remote_to` names the other end, and the links come as a stream.
async fn to_hub(builder: ClientBuilder, config: SessionConfig, hub: EmbeddedHub) -> Result {
    let client = builder.remote(true).remote_to(hub).start().await?;
    let mut links = client.remote_links();
    let session = client.create_session(config).await?;

    while let Some(shared) = links.next().await {
        if let Some(link) = shared.link {
            println!("This session is at {}", link.url());
            somebody_opens(link.as_str()).await;
            break;
        }
    }
    let status = session.remote().status()?;
    if let (Some(way), Some(reason)) = (status.way, status.reason) {
        println!("Shared by way of the {way}: {reason}.");
    }
    client.stop().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    // Yours: `Client::builder()`, and a directory that stays, so that the links do.
    let stage = Stage::set().await?;
    let hub = EmbeddedHub::in_dir(stage.home().join("hub-data"));
    to_hub(stage.client_without_account(), stage.session_without_account(), hub).await
}
