//! What the people and programs around an example do.

use std::process::Stdio;

use groundlink::protocol::events::{AssistantMessage, ToolExecutionComplete};
use groundlink::session::{Client, Event, Session};
use groundlink_testkit::Viewer;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{Result, Stage};

/// Plays the person with the phone: opens the link, asks for a command, approves it, and waits for the answer.
pub async fn somebody_opens(link: &str) {
    let viewer = Viewer::open_live(link).await;
    println!("Somebody opens the link and says: run-shell");
    viewer.say("run-shell").await;
    let request = viewer.permit(true).await;
    println!("They approve: {}", request["detail"].as_str().unwrap_or_default());
    let answer = viewer.event("the answer", |event| {
        event["type"] == "assistant.message"
            && event["data"]["content"].as_str().is_some_and(|content| content.starts_with("Done."))
    });
    let answer = answer.await;
    viewer.until_idle().await;
    println!("The agent answers: {}", answer["data"]["content"].as_str().unwrap_or_default());
}

/// Plays somebody whose phone says that an agent waits: opens the link and approves what is asked. Gives what that was.
pub async fn somebody_approves(link: &str) -> String {
    let request = Viewer::open_live(link).await.permit(true).await;
    let text = |name: &str| request[name].as_str().map(str::to_owned);
    text("summary").unwrap_or_default()
}

/// Kills the CLI of a client, as a machine that runs out of memory would.
pub async fn kill(client: &Client) -> Result {
    let pid = client.pid().ok_or("this client has started no CLI")?;
    groundlink_testkit::process::signal("KILL", &[pid]).await;
    Ok(())
}

/// Sends a message, and gives the agent's last words on it.
pub async fn answer(session: &Session, message: &str) -> Result<String> {
    let last = last_of_turn(session, message, "assistant.message").await?;
    Ok(last.data::<AssistantMessage>()?.content)
}

/// Sends a message that makes the agent use a tool, and says what became of that.
pub async fn outcome(session: &Session, message: &str) -> Result<String> {
    let done: ToolExecutionComplete = last_of_turn(session, message, "tool.execution_complete").await?.data()?;
    Ok(match done.error {
        Some(error) => error.message,
        None if done.success => "done".to_owned(),
        None => "failed".to_owned(),
    })
}

async fn last_of_turn(session: &Session, message: &str, kind: &str) -> Result<Event> {
    let mut events = session.subscribe();
    session.send(message).await?;
    let mut last = None;
    while let Some(item) = events.next().await {
        let Some(event) = item.into_event() else { continue };
        if event.kind() == "session.idle" {
            break;
        }
        if event.kind() == kind {
            last = Some(event);
        }
    }
    last.ok_or_else(|| format!("the turn had no {kind}").into())
}

/// Somebody else's server, as they would have started it, and its address.
pub async fn start_server(stage: &Stage) -> Result<(Child, String)> {
    let mut server = Command::new(stage.cli())
        .args(["--headless", "--port", "0", "--no-auto-update", "--no-auto-login"])
        .env("COPILOT_HOME", stage.home())
        // An offline server wants a model of its own; the session brings another.
        .envs([
            ("COPILOT_OFFLINE", "true"),
            ("COPILOT_MODEL", "none"),
            ("COPILOT_PROVIDER_BASE_URL", "http://127.0.0.1:1"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(server.stdout.take().ok_or("no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(port) = line.strip_prefix("CLI server listening on port ") {
            println!("A Copilot CLI is running at 127.0.0.1:{}", port.trim());
            return Ok((server, format!("127.0.0.1:{}", port.trim())));
        }
    }
    Err("the server ended before it listened".into())
}
