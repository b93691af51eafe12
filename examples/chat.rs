//! A chat in the terminal: the answer is printed while the model writes it.
//!
//!     cargo run --example chat [MESSAGE]...

use std::io::Write as _;

use groundlink::protocol::events::{AssistantMessageDelta, SessionError, ToolExecutionStart};
use groundlink::session::{Message, Session};
use groundlink_examples::{Result, Stage};

/// The whole of it: subscribe, send, and print what comes until the turn is over.
async fn say(session: &Session, message: &str) -> Result {
    println!("> {message}");
    // Before sending, so that nothing is missed.
    let mut events = session.subscribe();
    session.send(Message::text(message)).await?;
    while let Some(item) = events.next().await {
        // A reader that is too slow is told what it missed; this one prints what there is.
        let Some(event) = item.event() else { continue };
        match event.kind() {
            "assistant.message_delta" => {
                print!("{}", event.data::<AssistantMessageDelta>()?.delta_content);
                std::io::stdout().flush()?;
            }
            "tool.execution_start" => println!("\n[{}]", event.data::<ToolExecutionStart>()?.tool_name),
            "session.error" => println!("\n! {}", event.data::<SessionError>()?.message),
            "session.idle" => break,
            _ => {}
        }
    }
    println!("\n");
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    let messages: Vec<String> = std::env::args().skip(1).collect();
    let stage = Stage::set().await?;
    // Yours: `Client::builder().start()` and `SessionConfig::new().streaming(true)`.
    let client = stage.client().start().await?;
    let session = client.create_session(stage.session().streaming(true)).await?;
    if messages.is_empty() {
        say(&session, "hello").await?;
        say(&session, "stream-text-12").await?;
    }
    for message in &messages {
        say(&session, message).await?;
    }
    client.stop().await;
    Ok(())
}
