//! Functions of this program that the model may call: one with typed parameters, one that takes whatever comes.
//!
//!     cargo run --example custom_tools

use std::collections::BTreeMap;
use std::sync::Mutex;

use groundlink::prelude::*;
use groundlink_examples::{Result, Stage, answer};
use serde_json::{Value, json};

/// The doc comments are what the model reads.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Order {
    /// What is ordered, in the singular.
    item: String,
    /// How many, from 1.
    count: u32,
}

#[tokio::main]
async fn main() -> Result {
    let stage = Stage::set().await?;
    let client = stage.client().start().await?;

    let stock = std::sync::Arc::new(Mutex::new(BTreeMap::from([("lamp".to_owned(), 3u32)])));
    let shelf = std::sync::Arc::clone(&stock);
    let order = Tool::typed("order", "Takes something off the shelf", move |order: Order, call: ToolCall| {
        let shelf = std::sync::Arc::clone(&shelf);
        async move {
            // Everybody who watches sees it; the model does not.
            let _ = call.progress(format!("looking for {} of {}", order.count, order.item)).await;
            let mut shelf = shelf.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match shelf.get_mut(&order.item) {
                Some(left) if *left >= order.count => {
                    *left -= order.count;
                    ToolResult::success(format!("{} left", *left))
                }
                // The model reads why, and may do something about it.
                Some(left) => ToolResult::failure(format!("there are only {left}")),
                None => ToolResult::failure("there is no such thing"),
            }
        }
    });
    let echo = Tool::new("echo", "Gives back what it is given")
        .parameters(&json!({"type": "object", "properties": {"value": {}}, "required": ["value"]}))?
        .handler(|call: ToolCall| async move {
            match call.arguments::<Value>() {
                Ok(arguments) => ToolResult::success(arguments["value"].to_string()),
                Err(error) => ToolResult::failure(error.to_string()),
            }
        });
    // Neither of them harms anything: nobody need be asked.
    let tools = [order.skip_permission(true), echo.skip_permission(true)];
    let session = client.create_session(stage.session().tools(tools)).await?;

    for call in [
        r#"tool:order {"item":"lamp","count":2}"#,
        r#"tool:order {"item":"lamp","count":2}"#,
        r#"tool:order {"item":"lamp"}"#,
        r#"tool:echo {"value":[1,2]}"#,
    ] {
        println!("> {call}\n{}\n", answer(&session, call).await?);
    }
    println!("On the shelf: {:?}", stock.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    client.stop().await;
    Ok(())
}
