//! Two programs on one session: both see the request, the first answer wins, and the other is told so.
//!
//!     cargo run --example multi_client

use groundlink::prelude::*;
use groundlink_examples::{Result, Stage, start_server};

#[tokio::main]
async fn main() -> Result {
    let stage = Stage::set().await?;
    let (mut server, address) = start_server(&stage).await?;

    let desk = Client::builder().cli_url(&address).start().await?;
    let at_desk = desk.create_session(stage.session_without_account()).await?;
    // The same session, from another program: it says for itself what it will answer.
    let phone = Client::builder().cli_url(&address).start().await?;
    let on_phone = phone.resume_session(at_desk.id(), stage.session_without_account()).await?;

    let (mut desk_events, mut phone_events) = (at_desk.subscribe(), on_phone.subscribe());
    at_desk.send("run-shell").await?;
    let asked = desk_events.next_of_kind("permission.requested").await.ok_or("no request")?;
    phone_events.next_of_kind("permission.requested").await.ok_or("no request on the phone")?;
    let request = asked.data::<groundlink::protocol::events::PermissionRequested>()?.request_id;

    let first = on_phone.respond_permission(&request, PermissionDecision::ApproveOnce).await?;
    println!("The phone approves: {}", if first { "it counts" } else { "too late" });
    let second = at_desk.respond_permission(&request, PermissionDecision::reject()).await?;
    println!("The desk denies: {}", if second { "it counts" } else { "too late" });

    desk_events.next_of_kind("session.idle").await;
    phone_events.next_of_kind("session.idle").await;
    println!("Both have seen the turn end.");
    phone.stop().await;
    desk.stop().await;
    server.kill().await?;
    Ok(())
}
