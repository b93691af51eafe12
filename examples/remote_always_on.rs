//! Every session of a client is shared from its first moment.
//!
//!     cargo run --example remote_always_on

use groundlink::protocol::events::SessionInfo;
use groundlink::session::{ClientBuilder, SessionConfig};
use groundlink_examples::{Result, Stage, somebody_opens};

/// The whole of it: `remote(true)`, and the link comes as a typed event.
async fn always_on(builder: ClientBuilder, config: SessionConfig) -> Result {
    let client = builder.remote(true).start().await?;
    let session = client.create_session(config).await?;

    let mut events = session.subscribe_from_start();
    while let Some(event) = events.next_of_kind("session.info").await {
        let info: SessionInfo = event.data()?;
        if let ("remote", Some(link)) = (info.info_type.as_ref(), info.url) {
            println!("This session is at {link}");
            somebody_opens(&link).await;
            break;
        }
    }
    client.stop().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    // Yours: `always_on(Client::builder(), SessionConfig::new()...)`, in a clone of a GitHub repository.
    let stage = Stage::set().await?;
    always_on(stage.client(), stage.session()).await
}
