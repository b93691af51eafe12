//! What the official SDKs document and no other test here runs, with the real CLI. See the guide's page on parity.

use std::time::Duration;

use groundlink::protocol::events::UserMessage;
use groundlink::session::{AgentMode, AutopilotOptions, Event, Message, SendMode, SessionMode};
use groundlink_tests::native::Rig;
use groundlink_tests::offline::{Offline, turn};

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_server_answers_for_itself() {
    let rig = Rig::start().await;
    let builder = rig.client().application("groundlink-tests", "1.0.0").integration("parity", "1.0.0");
    let client = builder.start().await.expect("the CLI starts");
    let pong = client.rpc().ping_with(|params| params.message = Some("x".to_owned())).await.expect("a pong");
    assert_eq!(pong.message, "pong: x");
    let status = client
        .call::<groundlink::protocol::methods::StatusGet>(&groundlink::protocol::Empty::default())
        .await
        .expect("a status");
    assert_eq!(Some(status.version), client.version());
    assert!(client.auth_status().await.expect("a status").is_authenticated);
    let models = client.rpc().models().list().await.expect("models").models;
    assert!(models.iter().any(|model| model.id == groundlink_testkit::github::MODEL), "{models:?}");
    client.stop().await;
}

#[tokio::test]
async fn plans_files_and_modes_are_read_and_written() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let session = client.create_session(offline.config()).await.expect("a session");
    let plan = session.rpc().plan();
    assert!(!plan.read().await.expect("no plan").exists);
    plan.update("# Plan\n- one").await.expect("written");
    let read = plan.read().await.expect("a plan");
    assert_eq!((read.exists, read.content.as_deref()), (true, Some("# Plan\n- one")));
    plan.delete().await.expect("deleted");
    assert!(!plan.read().await.expect("no plan").exists);

    let files = session.rpc().workspaces();
    files.create_file("text", "notes/a.md").await.expect("written");
    assert_eq!(files.read_file("notes/a.md").await.expect("read").content, "text");
    let listed = files.list_files().await.expect("a list").files;
    assert!(listed.iter().any(|file| file.ends_with("a.md")), "{listed:?}");

    session.set_mode(SessionMode::Plan).await.expect("set");
    assert_eq!(session.mode().await.expect("a mode"), SessionMode::Plan);
    session.set_mode(SessionMode::Interactive).await.expect("set");
    session.set_model("another-model").await.expect("switched");
    let model = session.rpc().model().get_current().await.expect("a model").model_id;
    assert_eq!(model.as_deref(), Some("another-model"));
    client.stop().await;
}

#[tokio::test]
async fn history_is_cut_and_forked() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let session = client.create_session(offline.config()).await.expect("a session");
    turn(&session, "stream-text-2").await;
    turn(&session, "stream-text-3").await;
    let history = session.history().await.expect("a log");
    let asked: Vec<_> = history.iter().filter(|event| event.kind() == "user.message").collect();
    assert_eq!(asked.len(), 2);
    let fork = client.rpc().sessions().fork(session.id()).await.expect("a fork").session_id;
    assert_ne!(fork, session.id());
    let forked = client.resume_session(&fork, offline.config()).await.expect("the fork opens");
    let kept = forked.history().await.expect("a log");
    assert_eq!(kept.iter().filter(|event| event.kind() == "user.message").count(), 2);

    session.rpc().history().truncate(asked[1].id()).await.expect("cut");
    let left = session.history().await.expect("a log");
    assert_eq!(left.iter().filter(|event| event.kind() == "user.message").count(), 1, "the second message is gone");
    client.stop().await;
}

#[tokio::test]
async fn a_message_waits_or_steers() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let session = client.create_session(offline.config()).await.expect("a session");
    let mut events = session.subscribe().only(["user.message", "assistant.message_delta"]);
    let first = session.send("slow-stream-10").await.expect("taken");
    let waiting = async {
        while events.next().await.expect("open").event().is_none_or(|event| event.kind() != "assistant.message_delta") {
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the turn runs");
    let steering = session.send(Message::text("stream-text-1").mode(SendMode::Immediate)).await.expect("taken");
    let queued = session.send(Message::text("stream-text-2").mode(SendMode::Enqueue)).await.expect("taken");
    let mut seen = Vec::new();
    let waiting = async {
        while seen.len() < 2 {
            let item = events.next().await.expect("open");
            let Some(event) = item.event().filter(|event| event.kind() == "user.message") else { continue };
            let data: groundlink::protocol::events::UserMessage = event.data().expect("it decodes");
            seen.push(data.message_id.expect("an id"));
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("both are taken up");
    assert_eq!(seen, [steering, queued], "after {first}");
    client.stop().await;
}

#[tokio::test]
async fn autopilot_goes_on_by_itself_until_the_task_is_complete() {
    let offline = Offline::new().await;
    let (client, overheard) = offline.overheard().await;
    let autopilot = AutopilotOptions { max_continues: Some(2), ..AutopilotOptions::default() };
    let session = client.create_session(offline.config().autopilot(autopilot)).await.expect("a session");
    let mut events = session.subscribe();
    // A message may be for another mode than the session's.
    session.send(Message::text("hello").agent_mode(AgentMode::Plan)).await.expect("taken");
    let said: UserMessage = events.next_of_kind("user.message").await.expect("an event").data().expect("it decodes");
    assert_eq!(said.agent_mode.as_ref().map(ToString::to_string).as_deref(), Some("plan"));
    tokio::time::timeout(PATIENCE, events.next_of_kind("session.idle")).await.expect("in time").expect("the end");
    assert!(overheard.take().say("<plan_mode>"));
    assert_eq!(session.mode().await.expect("a mode"), SessionMode::Interactive);
    session.send(Message::text("touch by-shell").agent_mode(AgentMode::Shell)).await.expect("taken");
    tokio::time::timeout(PATIENCE, events.next_of_kind("session.idle")).await.expect("in time").expect("the end");
    assert!(
        overheard.take().say("touch by-shell") && !offline.repo.has("by-shell"),
        "the model reads it; nothing runs"
    );

    // The model does not say that it is done: it is told to go on, but not for ever.
    session.set_mode(SessionMode::Autopilot).await.expect("set");
    turn(&session, "stream-text-2").await;
    let stopped = events.next_of_kind("session.autopilot_stopped").await.expect("autopilot's end");
    assert!(stopped.data_raw().get().contains("cap_reached"), "{}", stopped.data_raw());
    let history = session.history().await.expect("a log");
    let by_itself =
        |event: &&Event| event.data::<UserMessage>().is_ok_and(|said| said.is_autopilot_continuation == Some(true));
    assert_eq!(history.iter().filter(|event| event.kind() == "user.message").filter(by_itself).count(), 2);
    turn(&session, r#"tool:task_complete {"summary":"All of it."}"#).await;
    let complete = events.next_of_kind("session.task_complete").await.expect("the task's end");
    assert!(complete.data_raw().get().contains("All of it."), "{}", complete.data_raw());

    // What all that took: six messages (two of autopilot's own), each with one request to the model.
    let usage = session.rpc().usage().get_metrics().await.expect("the usage");
    let model = usage.model_metrics.get("scripted").expect("the model's figures");
    assert_eq!((usage.total_user_requests, model.requests.count), (6, 6), "{usage:?}");
    assert_eq!((usage.current_model.as_deref(), model.usage.input_tokens), (Some("scripted"), 600), "{usage:?}");
    client.stop().await;
}

#[tokio::test]
async fn agents_are_listed() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let agent = groundlink::session::CustomAgent::new("reviewer", "You review.");
    let session =
        client.create_session(offline.config().custom_agent(&agent).expect("an agent")).await.expect("a session");
    let agents = session.rpc().agent().list().await.expect("agents").agents;
    assert!(agents.iter().any(|agent| agent.name == "reviewer"), "{agents:?}");
    client.stop().await;
}
