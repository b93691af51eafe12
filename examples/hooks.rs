//! Hooks run at moments of a session and may change what comes next: a guard before every tool, words that are added to
//! every message, a diary of what was done.
//!
//!     cargo run --example hooks

use std::sync::{Arc, Mutex, PoisonError};

use groundlink::prelude::*;
use groundlink::session::hooks::{PostToolUse, UserPromptSubmitted, UserPromptSubmittedOutput};
use groundlink_examples::{Result, Stage, answer, outcome};

#[tokio::main]
async fn main() -> Result {
    let stage = Stage::set().await?;
    let client = stage.client().start().await?;

    let diary: Arc<Mutex<Vec<String>>> = Arc::default();
    let pages = Arc::clone(&diary);
    let config = stage
        .session()
        .on_permission(ApproveAll)
        // A guard that panics, hangs or cannot be read forbids the tool: it fails closed.
        .hook(|call: HookCall<PreToolUse>| async move {
            let arguments = call.data.tool_args.map(|arguments| arguments.to_string()).unwrap_or_default();
            arguments.contains("rm -rf").then(|| PreToolUseOutput::deny("nothing is deleted here"))
        })
        .hook(|call: HookCall<UserPromptSubmitted>| async move {
            call.data.prompt.starts_with("please").then(|| UserPromptSubmittedOutput::replace("stream-text-3"))
        })
        .hook(move |call: HookCall<PostToolUse>| {
            let pages = Arc::clone(&pages);
            async move {
                pages.lock().unwrap_or_else(PoisonError::into_inner).push(call.data.tool_name);
            }
        });
    let session = client.create_session(config).await?;

    for (what, command) in [("list", "ls"), ("delete everything", "rm -rf .")] {
        let call = format!("tool:bash {}", serde_json::json!({"command": command, "description": what}));
        println!("The agent wants to {what}: {}", outcome(&session, &call).await?);
    }
    println!("Asked politely, the agent says: {}", answer(&session, "please greet me").await?);
    println!("The diary: {:?}", diary.lock().unwrap_or_else(PoisonError::into_inner));
    client.stop().await;
    Ok(())
}
