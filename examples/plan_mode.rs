//! The agent plans first, and works once its plan is approved. The first plan is sent back with words.
//!
//!     cargo run --example plan_mode

use std::sync::atomic::{AtomicUsize, Ordering};

use groundlink::prelude::*;
use groundlink_examples::{Result, Stage, answer};

#[tokio::main]
async fn main() -> Result {
    let stage = Stage::set().await?;
    let client = stage.client().start().await?;

    let seen = AtomicUsize::new(0);
    let config = stage.session().on_plan(move |ask: PlanAsk| {
        let first = seen.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            println!("The plan:\n{}", ask.data.summary.unwrap_or_default());
            if first {
                println!("Sent back: add a test.");
                return PlanDecision::reject(Some("add a test".to_owned()));
            }
            println!("Approved; each step is still asked for.");
            PlanDecision::approve("interactive")
        }
    });
    let session = client.create_session(config).await?;
    session.set_mode(SessionMode::Plan).await?;
    println!("The mode is {}.", session.mode().await?);

    for message in ["exit-plan", "exit-plan, with the test"] {
        println!("\n> {message}");
        println!("The agent: {}", answer(&session, message).await?);
    }
    println!("The mode is {}.", session.mode().await?);
    client.stop().await;
    Ok(())
}
