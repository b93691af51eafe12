//! Tools of a client's own, as the real CLI calls them.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use groundlink::session::{
    AnswerOutcome, ApproveAll, HandlerEnd, HandlerKind, Message, Tool, ToolCall, ToolResult, WeakSession, schemars,
};
use groundlink_tests::offline::{Offline, turn};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(2);

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Weather {
    /// The city's name.
    city: String,
}

fn weather() -> Tool {
    Tool::typed("lookup_weather", "The weather of a city", |weather: Weather, call: ToolCall| async move {
        let place = call.working_directory.is_some_and(|directory| !directory.is_empty());
        assert!(place && !call.tool_call_id.is_empty(), "the call has its context");
        format!("Sunny in {}", weather.city)
    })
    .skip_permission(true)
}

#[tokio::test]
async fn the_model_calls_a_typed_tool_and_reads_every_kind_of_result() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let kinds = Tool::new("kinds", "Gives what it is asked for")
        .parameters(&json!({"type": "object", "properties": {"kind": {"type": "string"}}}))
        .expect("a schema")
        .skip_permission(true)
        .handler(|call: ToolCall| async move {
            let kind: Value = call.arguments().expect("arguments");
            match kind["kind"].as_str().unwrap_or_default() {
                "failure" => ToolResult::failure("failed on purpose"),
                "rejected" => ToolResult::rejected("rejected on purpose"),
                "denied" => ToolResult::denied("denied on purpose"),
                "timeout" => ToolResult::timeout("timed out on purpose"),
                "error" => ToolResult::error("broke on purpose"),
                "panic" => panic!("on purpose"),
                _ => ToolResult::success("worked").session_log("a line for people"),
            }
        });
    let session = client.create_session(offline.config().tools([weather(), kinds])).await.expect("a session");

    assert_eq!(turn(&session, r#"tool:lookup_weather {"city":"Oslo"}"#).await, "Done. The tool said: Sunny in Oslo");
    // Arguments that do not fit are the model's to correct.
    let wrong = turn(&session, r#"tool:lookup_weather {"town":"Oslo"}"#).await;
    assert!(wrong.contains("missing field `city`"), "{wrong}");

    // What the model reads of each kind, and what the event says. A rejection ends the turn: a person said no. The words
    // of an error are kept from the model.
    let table = [
        ("success", "worked", true),
        ("failure", "failed on purpose", false),
        ("rejected", "rejected on purpose", false),
        ("denied", "denied on purpose", false),
        ("timeout", "timed out on purpose", false),
        ("error", "Tool execution failed", false),
        ("panic", "Tool execution failed", false),
    ];
    for (kind, words, success) in table {
        let mut events = session.subscribe();
        let said = turn(&session, &format!(r#"tool:kinds {{"kind":"{kind}"}}"#)).await;
        let end = events.next_of_kind("tool.execution_complete").await.expect("the tool's end");
        let end: Value = serde_json::from_str(end.data_raw().get()).expect("JSON");
        assert_eq!(end["success"], success, "{kind}: {end}");
        let told = if kind == "rejected" { end["error"]["message"].as_str().unwrap_or_default() } else { &said };
        assert!(told.contains(words), "{kind}: the model says {said:?}, the event {end}");
    }
    client.stop().await;
}

#[tokio::test]
async fn a_tool_asks_for_its_permission_unless_it_is_declared_without() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let tool = || Tool::new("touch", "Touches").handler(|_: ToolCall| async { "touched" });
    let config = offline.config().tool(tool()).on_permission(ApproveAll);
    let session = client.create_session(config).await.expect("a session");
    let mut events = session.subscribe();
    assert!(turn(&session, "tool:touch {}").await.contains("touched"));
    let asked = events.next_of_kind("permission.requested").await.expect("a permission was asked for");
    assert!(asked.data_raw().get().contains("custom-tool"), "{}", asked.data_raw());

    // Nobody to ask: it does not run.
    let session = client.create_session(offline.config().tool(tool())).await.expect("a session");
    assert!(!turn(&session, "tool:touch {}").await.contains("touched"));
    client.stop().await;
}

#[tokio::test]
async fn a_tool_stands_in_for_one_of_the_clis() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let ours = || Tool::new("bash", "Ours").skip_permission(true).handler(|_: ToolCall| async { "not a shell" });
    let config = offline.config().tool(ours().overrides_built_in(true));
    let session = client.create_session(config).await.expect("a session");
    let said = turn(&session, r#"tool:bash {"command":"touch should-not-be","description":"Make a file"}"#).await;
    assert!(said.contains("not a shell"), "{said}");
    assert!(!offline.repo.has("should-not-be"));
    client.stop().await;
}

#[tokio::test]
async fn a_tool_shows_a_picture_ends_the_turn_or_clears_the_context() {
    // One dot.
    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let offline = Offline::new().await;
    let (client, overheard) = offline.overheard().await;
    let map = Tool::new("map", "Draws a map")
        .skip_permission(true)
        .handler(|_: ToolCall| async { ToolResult::success("a map").image("image/png", PNG) });
    let finish = Tool::new("finish", "Ends the work")
        .skip_permission(true)
        .terminal(true)
        .handler(|_: ToolCall| async { "finished" });
    // Only a model that is known to see gets pictures.
    for sees in [false, true] {
        let config = offline.config().tool(map.clone());
        let config = config.model_capabilities(&json!({"supports": {"vision": sees}})).expect("capabilities");
        let session = client.create_session(config).await.expect("a session");
        turn(&session, "tool:map {}").await;
        let requests = overheard.take();
        assert!(requests.say("a map"), "{requests:?}");
        assert_eq!(requests.say(PNG), sees, "{requests:?}");
    }
    // One of the tools forgets what was said so far: the CLI takes that from a tool that ends the turn.
    let opened = Arc::new(OnceLock::<WeakSession>::new());
    let inside = Arc::clone(&opened);
    let forget =
        Tool::new("forget", "Begins again").skip_permission(true).terminal(true).handler(move |_: ToolCall| {
            let session = inside.get().and_then(WeakSession::upgrade).expect("the session");
            async move { session.rpc().history().clear_context("begin again").await.map(|_| "forgotten") }
        });
    let session = client.create_session(offline.config().tools([finish, forget])).await.expect("a session");
    opened.set(session.downgrade()).expect("set once");
    let mut events = session.subscribe();
    turn(&session, "tool:finish {}").await;
    assert_eq!(overheard.take().count(), 1, "the model is not asked again");
    let end = events.next_of_kind("tool.execution_complete").await.expect("the tool's end");
    assert!(end.data_raw().get().contains("finished"), "{}", end.data_raw());

    turn(&session, "tool:forget {}").await;
    let cleared = events.next_of_kind("session.context_cleared").await.expect("the context is cleared");
    assert!(cleared.data_raw().get().contains("begin again"), "{}", cleared.data_raw());
    overheard.take();
    turn(&session, "hello").await;
    let requests = overheard.take();
    assert!(requests.say("begin again") && !requests.say("tool:finish"), "{requests:?}");
    client.stop().await;
}

#[tokio::test]
async fn an_aborted_turn_drops_the_tools_future_and_progress_is_seen() {
    struct Told(Option<tokio::sync::oneshot::Sender<()>>);
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.take().expect("dropped once").send(());
        }
    }
    let offline = Offline::new().await;
    let client = offline.client().await;
    let (dropped, is_dropped) = tokio::sync::oneshot::channel();
    let dropped = Arc::new(Mutex::new(Some(dropped)));
    let reports = Arc::new(Mutex::new(Vec::new()));
    let slow = Tool::new("slow", "Takes for ever").skip_permission(true).handler(move |call: ToolCall| {
        let told = Told(dropped.lock().expect("a lock").take());
        async move {
            let _told = told;
            call.progress("half of it").await.expect("progress is taken");
            std::future::pending::<ToolResult>().await
        }
    });
    let seen = Arc::clone(&reports);
    let config = offline.config().tool(slow).on_answered(move |report| seen.lock().expect("a lock").push(report));
    let session = client.create_session(config).await.expect("a session");
    let mut events = session.subscribe();
    session.send(Message::text("tool:slow {}")).await.expect("sent");
    let progress = async {
        loop {
            let event = events.next_of_kind("session.info").await.expect("an event");
            if event.data_raw().get().contains("half of it") {
                return event.ephemeral();
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE, progress).await.expect("progress"), "progress is not stored");
    session.abort().await.expect("aborted");
    tokio::time::timeout(PATIENCE, is_dropped).await.expect("the future is dropped").expect("it told so");
    let reported = async {
        while reports.lock().expect("a lock").is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reported).await.expect("a report");
    let report = reports.lock().expect("a lock").remove(0);
    let told = (report.kind, report.handler, report.outcome);
    assert_eq!(told, (HandlerKind::Tool, HandlerEnd::Dropped, AnswerOutcome::None));
    client.stop().await;
}

#[tokio::test]
async fn a_session_gets_other_tools_while_it_is_open() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let says = |name: &str, words: &'static str| {
        Tool::new(name, "Says something").skip_permission(true).handler(move |_: ToolCall| async move { words })
    };
    let session = client.create_session(offline.config().tool(says("first", "one"))).await.expect("a session");
    assert!(turn(&session, "tool:first {}").await.contains("one"));
    session.set_tools([says("second", "two")]).await.expect("changed");
    assert!(turn(&session, "tool:second {}").await.contains("two"));
    session.set_tools([]).await.expect("taken away");
    for gone in ["first", "second"] {
        let said = turn(&session, &format!("tool:{gone} {{}}")).await;
        assert!(said.contains(&format!("Tool '{gone}' does not exist")), "{said}");
    }
    client.stop().await;
}
