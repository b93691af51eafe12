//! A policy decides what the agent may do: reading is free, writing stays below one directory, commands come from a
//! list, everything else is refused with a reason that the agent gets to read.
//!
//!     cargo run --example permission_policy

use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use groundlink::prelude::*;
use groundlink::session::PermissionHandler;
use groundlink_examples::{Result, Stage, outcome};

/// What the agent may do.
struct Policy {
    writable: PathBuf,
    commands: &'static [&'static str],
}

impl Policy {
    fn allows_write(&self, file: &str) -> bool {
        let file = Path::new(file);
        // A path with `..` in it may lead anywhere.
        file.starts_with(&self.writable) && !file.components().any(|part| part == Component::ParentDir)
    }
}

#[async_trait]
impl PermissionHandler for Policy {
    async fn decide(&self, ask: PermissionAsk) -> PermissionDecision {
        match &ask.data.permission_request {
            PermissionRequest::Read(_) => PermissionDecision::ApproveOnce,
            PermissionRequest::Write(write) if self.allows_write(&write.file_name) => PermissionDecision::ApproveOnce,
            PermissionRequest::Write(_) => {
                PermissionDecision::reject_with(format!("write below {} only", self.writable.display()))
            }
            // The whole command, not its first word: `ls; rm -rf .` begins harmlessly, too.
            PermissionRequest::Shell(shell) if self.commands.contains(&shell.full_command_text.as_str()) => {
                PermissionDecision::ApproveOnce
            }
            PermissionRequest::Shell(_) => {
                PermissionDecision::reject_with(format!("only these commands: {}", self.commands.join(", ")))
            }
            // Whatever a newer CLI may ask for.
            _ => PermissionDecision::reject_with("this is not in the policy"),
        }
    }
}

#[tokio::main]
async fn main() -> Result {
    let stage = Stage::set().await?;
    let client = stage.client().start().await?;
    let policy = Policy { writable: stage.directory().join("out"), commands: &["git status --short"] };
    std::fs::create_dir_all(&policy.writable)?;
    let session = client.create_session(stage.session().on_permission(policy)).await?;

    let inside = stage.directory().join("out/notes.md").display().to_string();
    let outside = stage.directory().join("notes.md").display().to_string();
    for (what, call) in [
        ("list what has changed", r#"tool:bash {"command":"git status --short","description":"List"}"#.to_owned()),
        (
            "delete everything",
            r#"tool:bash {"command":"git status --short; rm -rf .","description":"List"}"#.to_owned(),
        ),
        ("write into out/", format!(r#"tool:create {{"path":"{inside}","file_text":"one\n"}}"#)),
        ("write elsewhere", format!(r#"tool:create {{"path":"{outside}","file_text":"one\n"}}"#)),
    ] {
        println!("The agent wants to {what}: {}", outcome(&session, &call).await?);
    }
    client.stop().await;
    Ok(())
}
