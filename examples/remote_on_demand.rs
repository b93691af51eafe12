//! A session is shared when its user wants it, and no longer than that.
//!
//!     cargo run --example remote_on_demand

use groundlink::remote::RemoteExt;
use groundlink::session::{Message, Session};
use groundlink_examples::{Result, Stage, somebody_opens};

/// The whole of it: `enable()` gives the link, `disable()` ends it.
async fn on_demand(session: &Session) -> Result {
    let remote = session.remote().enable().await?;
    let link = remote.link.ok_or("the session has no link")?;
    println!("Shared at {} (steerable: {})", link.url(), remote.steerable);
    somebody_opens(link.url().as_str()).await;

    session.remote().disable().await?;
    println!("No longer shared.");
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    let stage = Stage::set().await?;
    // Yours: `Client::builder().start()`, in a clone of a GitHub repository.
    let client = stage.client().start().await?;
    let session = client.create_session(stage.session()).await?;

    // Some work on the machine first; whoever opens the link later sees it too.
    let mut events = session.subscribe();
    session.send(Message::text("hello from the machine")).await?;
    events.next_of_kind("session.idle").await;

    on_demand(&session).await?;
    client.stop().await;
    Ok(())
}
