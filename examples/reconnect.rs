//! The CLI dies in the middle of things, and the program goes on: the client starts it again, resumes its sessions, and
//! every stream reads on where it was.
//!
//!     cargo run --example reconnect

use groundlink::prelude::*;
use groundlink::session::{ConnectionState, Reconnect};
use groundlink_examples::{Result, Stage, answer, kill};

#[tokio::main]
async fn main() -> Result {
    let stage = Stage::set().await?;
    let client = stage.client().reconnect(Reconnect::new()).start().await?;
    let session = client.create_session(stage.session()).await?;
    let mut events = session.subscribe_from_start().only(["user.message", "assistant.message"]);
    println!("The agent: {}", answer(&session, "stream-text-3").await?);

    let mut states = client.connections();
    kill(&client).await?;
    while let Some(state) = states.next().await {
        match state {
            ConnectionState::Connected { reconnects: 0 } => {}
            ConnectionState::Connected { reconnects } => {
                println!("It is back. Losses so far: {reconnects}.");
                break;
            }
            ConnectionState::Reconnecting { attempt: 1, .. } => println!("The CLI is gone."),
            ConnectionState::Closed { reason } => return Err(format!("it stays away: {reason}").into()),
            _ => {}
        }
    }
    println!("The agent: {}", answer(&session, "stream-text-4").await?);

    // One stream over both connections: each message once, in order.
    for _ in 0..4 {
        if let Some(event) = events.next().await.and_then(EventItem::into_event) {
            println!("- {}", event.kind());
        }
    }
    client.stop().await;
    Ok(())
}
