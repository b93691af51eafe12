//! What a program provides for a session of the real CLI besides tools: canvases, skills, MCP servers' tokens and model
//! calls, answers at a limit; and what the CLI tells a trace collector.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink::session::{
    ApproveAll, AutoModeAnswer, AutoModeAsk, Canvas, CanvasCall, CanvasHandler, CanvasView, Client, ElicitationAnswer,
    ElicitationAsk, ExtensionLaunch, ExtensionLaunchAsk, HookCall, LimitsAnswer, LimitsAsk, McpAuthAsk, McpServer,
    McpToken, Message, SamplingAsk, SecretString, Session, SessionLimitsConfig, Skill, Telemetry, Tool, ToolCall,
    TraceContext, WorkingDirectoryTrust, hooks,
};
use groundlink_testkit::{LockedMcp, eventually};
use groundlink_tests::native::Rig;
use groundlink_tests::offline::{Offline, turn};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

/// What handlers were asked, in order.
type Seen<T> = Arc<Mutex<Vec<T>>>;

fn noted<T: Clone>(seen: &Seen<T>) -> Vec<T> {
    seen.lock().expect("a lock").clone()
}

/// A board that keeps what is put on it.
#[derive(Clone, Default)]
struct Board(Seen<String>);

impl Board {
    fn note(&self, what: String) {
        self.0.lock().expect("a lock").push(what);
    }
}

#[async_trait::async_trait]
impl CanvasHandler for Board {
    async fn open(&self, call: CanvasCall) -> Result<CanvasView, String> {
        let input = call.input.map(|input| input.get().to_owned()).unwrap_or_default();
        self.note(format!("open {} {input}", call.instance_id));
        match call.instance_id.as_str() {
            "broken" => Err("this board is broken".to_owned()),
            "hollow" => panic!("on purpose"),
            _ => Ok(CanvasView::page("http://127.0.0.1:1/board").title("A board")),
        }
    }

    async fn act(&self, call: CanvasCall) -> Result<Value, String> {
        self.note(format!("{} {}", call.action, call.instance_id));
        Ok(json!({"notes": 1}))
    }

    async fn close(&self, call: CanvasCall) {
        self.note(format!("close {}", call.instance_id));
    }
}

#[tokio::test]
async fn the_agent_opens_a_canvas_and_works_on_it() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let board = Board::default();
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let canvas = Canvas::new("board", "Board", "Notes on a board", board.clone())
        .input(&schema)
        .expect("a schema")
        .action("add", "Adds a note");
    let session = client.create_session(offline.config().on_permission(ApproveAll).canvas(canvas)).await.expect("made");
    let mut events = session.subscribe();
    let said = turn(&session, r#"tool:open_canvas {"canvasId":"board","instanceId":"b1","input":{"title":"x"}}"#).await;
    assert!(said.contains("http://127.0.0.1:1/board") || said.contains("instanceId"), "{said}");
    let opened = events.next_of_kind("session.canvas.opened").await.expect("an event");
    let opened: Value = serde_json::from_str(opened.data_raw().get()).expect("JSON");
    assert_eq!((&opened["url"], &opened["title"]), (&json!("http://127.0.0.1:1/board"), &json!("A board")));
    let said = turn(&session, r#"tool:invoke_canvas_action {"instanceId":"b1","actionName":"add","input":{}}"#).await;
    assert!(said.contains(r#""notes": 1"#), "{said}");
    // The model reads why it could not be opened; a handler that panics is answered for.
    let said = turn(&session, r#"tool:open_canvas {"canvasId":"board","instanceId":"broken"}"#).await;
    assert!(said.contains("this board is broken"), "{said}");
    let said = turn(&session, r#"tool:open_canvas {"canvasId":"board","instanceId":"hollow"}"#).await;
    assert!(said.contains("the handler panicked"), "{said}");
    session.rpc().canvas().close("b1").await.expect("closed");
    let seen = noted(&board.0);
    assert_eq!(seen, [r#"open b1 {"title":"x"}"#, "add b1", "open broken {}", "open hollow {}", "close b1"]);
    client.stop().await;
}

#[tokio::test]
async fn the_agent_asks_by_a_form() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let config = offline.config().ask_user_by_form(true).on_elicitation(|ask: ElicitationAsk| async move {
        assert!(ask.event.data_raw().get().contains("Which color?"));
        ElicitationAnswer::accept(&json!({"answer": "blue"})).expect("an object")
    });
    let session = client.create_session(config).await.expect("a session");
    let said = turn(&session, "ask-choice").await;
    assert!(said.contains("blue"), "{said}");
    client.stop().await;
}

#[tokio::test]
async fn what_others_can_do_for_a_session_is_known() {
    let offline = Offline::new().await;
    let server = offline.server().await;
    let (one, two) = (server.client().await, server.client().await);
    let session = one.create_session(offline.config()).await.expect("a session");
    assert!(!session.capabilities().elicitation && session.workspace_path().is_some());
    let able = offline.config().on_elicitation(|_: ElicitationAsk| async { ElicitationAnswer::Decline });
    let other = two.resume_session(session.id(), able).await.expect("joined");
    assert!(other.capabilities().elicitation);
    eventually("somebody who fills in forms", PATIENCE, || async { session.capabilities().elicitation.then_some(()) })
        .await;
    two.stop().await;
    eventually("nobody", PATIENCE, || async { (!session.capabilities().elicitation).then_some(()) }).await;
    one.stop().await;
}

#[tokio::test]
async fn the_agent_uses_a_skill_of_the_programs() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let skill = Skill::new("greet", "Greets people: with their \"names\"");
    let config = offline.config().skill(skill, "Say hello and the name.");
    let session = client.create_session(config).await.expect("a session");
    let mut events = session.subscribe();
    let said = turn(&session, r#"tool:skill {"skill":"greet"}"#).await;
    assert!(said.contains("Say hello and the name."), "the model reads it: {said}");
    let invoked = events.next_of_kind("skill.invoked").await.expect("an event");
    let invoked: Value = serde_json::from_str(invoked.data_raw().get()).expect("JSON");
    assert_eq!((&invoked["name"], &invoked["content"]), (&json!("greet"), &json!("Say hello and the name.")));
    assert_eq!(invoked["description"], "Greets people: with their \"names\"");
    client.stop().await;
}

async fn until_server_is(session: &Session, status: &str) {
    eventually(status, PATIENCE, || async {
        let servers = session.rpc().mcp().list().await.expect("a list").servers;
        servers.iter().any(|server| server.status.to_string() == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_wants_a_token_is_signed_in_to_by_the_program() {
    let (offline, locked) = (Offline::new().await, LockedMcp::start("a-canary-of-the-tests").await);
    let client = offline.client().await;
    let server = || [("lamp", McpServer::http(locked.url()).tools(["*"]))];
    let asked: Seen<McpAuthAsk> = Seen::default();
    let asks = Arc::clone(&asked);
    let config = offline.config().on_permission(ApproveAll).mcp_servers(server()).expect("servers");
    let config = config.on_mcp_auth(move |ask: McpAuthAsk| {
        asks.lock().expect("a lock").push(ask);
        async { McpToken::new(SecretString::from("a-canary-of-the-tests")).expires_in(Duration::from_hours(1)) }
    });
    let session = client.create_session(config).await.expect("a session");
    until_server_is(&session, "connected").await;
    let said = turn(&session, "tool:lamp-switch {}").await;
    assert!(said.contains("the lamp is on"), "{said}");
    let ask = noted(&asked).remove(0);
    assert_eq!((ask.session_id.as_str(), ask.server_name.as_str()), (session.id(), "lamp"));
    assert_eq!((ask.server_url, ask.reason.as_str()), (locked.url(), "initial"));
    assert_eq!(ask.challenge.expect("a challenge").scope.as_deref(), Some("read"));
    assert!(ask.resource_metadata.expect("metadata").contains("authorization_servers"));

    // Nobody signs in: the session goes on without the server.
    for nobody in [true, false] {
        let config = offline.config().mcp_servers(server()).expect("servers");
        let config = if nobody { config.on_mcp_auth(|_: McpAuthAsk| async { None::<McpToken> }) } else { config };
        let session = client.create_session(config).await.expect("a session");
        until_server_is(&session, "needs-auth").await;
        assert!(turn(&session, "hello").await.contains("hello"));
    }
    client.stop().await;
}

/// An MCP server that asks the model, and gives what it is told.
const SAMPLER: &str = r"
const lines = require('node:readline').createInterface({input: process.stdin});
const say = (message) => console.log(JSON.stringify({jsonrpc: '2.0', ...message}));
let call;
lines.on('line', (line) => {
    const {id, method, params, result, error} = JSON.parse(line);
    if (method === 'initialize') {
        const serverInfo = {name: 'thinker', version: '1'};
        say({id, result: {protocolVersion: params.protocolVersion, capabilities: {tools: {}}, serverInfo}});
    } else if (method === 'tools/list') {
        say({id, result: {tools: [{name: 'think', inputSchema: {type: 'object'}}]}});
    } else if (method === 'tools/call') {
        call = id;
        const messages = [{role: 'user', content: {type: 'text', text: 'What is 1 + 1?'}}];
        say({id: 'sample', method: 'sampling/createMessage', params: {messages, maxTokens: 9}});
    } else if (id === 'sample') {
        say({id: call, result: {content: [{type: 'text', text: JSON.stringify(result ?? error)}]}});
    } else if (method && id !== undefined) {
        say({id, error: {code: -32601, message: 'no such method'}});
    }
});
";

#[tokio::test]
async fn a_server_asks_the_model_through_the_program() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    for answered in [true, false] {
        let thinker = [("thinker", McpServer::stdio("node", ["-e", SAMPLER]).tools(["*"]))];
        let config = offline.config().on_permission(ApproveAll).mcp_servers(thinker).expect("servers");
        let config = config.on_sampling(move |ask: SamplingAsk| async move {
            assert_eq!(ask.data.server_name.as_deref(), Some("thinker"));
            assert!(ask.event.data_raw().get().contains("What is 1 + 1?"));
            let message = json!({"role": "assistant", "content": {"type": "text", "text": "two"}, "model": "m"});
            serde_json::value::to_raw_value(&message).ok().filter(|_| answered)
        });
        let calls: Seen<(String, String)> = Seen::default();
        let noting = Arc::clone(&calls);
        let config = config.hook(move |call: HookCall<hooks::PreMcpToolCall>| {
            noting.lock().expect("a lock").push((call.data.server_name, call.data.tool_name));
            async {}
        });
        let session = client.create_session(config).await.expect("a session");
        until_server_is(&session, "connected").await;
        let said = turn(&session, "tool:thinker-think {}").await;
        assert_eq!(noted(&calls), [("thinker".to_owned(), "think".to_owned())], "its hook is told");
        let expected = if answered { r#""text":"two""# } else { "cancelled" };
        assert!(said.contains(expected), "{said}");
    }
    client.stop().await;
}

#[tokio::test]
async fn another_model_is_offered_at_a_rate_limit() {
    let rig = Rig::start().await;
    let client = rig.signed_in(Client::builder()).start().await.expect("the CLI starts");
    for (answer, word) in [(AutoModeAnswer::No, "no"), (AutoModeAnswer::Yes, "yes")] {
        let asked: Seen<AutoModeAsk> = Seen::default();
        let asks = Arc::clone(&asked);
        let config = rig.config().on_auto_mode_switch(move |ask: AutoModeAsk| {
            asks.lock().expect("a lock").push(ask);
            async move { answer }
        });
        let session = client.create_session(config).await.expect("a session");
        let mut events = session.subscribe();
        session.send("rate-limited-7200").await.expect("sent");
        let done = tokio::time::timeout(PATIENCE, events.next_of_kind("auto_mode_switch.completed")).await;
        let done = done.expect("in time").expect("an event");
        assert!(done.data_raw().get().contains(&format!(r#""response":"{word}""#)), "{}", done.data_raw());
        let ask = noted(&asked).remove(0);
        assert_eq!(ask.data.error_code.as_deref(), Some("rate_limited"));
        assert_eq!(ask.data.retry_after_seconds, Some(7200.into()));
        session.abort().await.expect("ended");
    }
    client.stop().await;
}

#[tokio::test]
async fn a_session_at_its_limit_asks_whether_to_go_on() {
    let rig = Rig::start().await;
    let client = rig.signed_in(Client::builder()).start().await.expect("the CLI starts");
    let asked: Seen<LimitsAsk> = Seen::default();
    let asks = Arc::clone(&asked);
    let limits = SessionLimitsConfig { max_ai_credits: Some(30.into()), ..SessionLimitsConfig::default() };
    let config = rig.config().session_limits(limits).on_session_limits(move |ask: LimitsAsk| {
        let mut asks = asks.lock().expect("a lock");
        asks.push(ask);
        let first = asks.len() == 1;
        async move { if first { LimitsAnswer::Add { additional_ai_credits: 60.0 } } else { LimitsAnswer::Cancel } }
    });
    let session = client.create_session(config).await.expect("a session");
    turn(&session, "costly-text-50").await;
    let said = turn(&session, "costly-text-50 again").await;
    assert!(said.contains("not cheap"), "60 more credits: it goes on: {said}");
    assert_eq!(turn(&session, "costly-text-50 once more").await, "", "cancelled: nothing is said");
    let credits = |number: Option<serde_json::Number>| number.and_then(|number| number.as_f64());
    let figures: Vec<_> = noted(&asked)
        .into_iter()
        .map(|ask| (credits(ask.data.used_ai_credits), credits(ask.data.max_ai_credits)))
        .collect();
    assert_eq!(figures, [(Some(50.0), Some(30.0)), (Some(100.0), Some(90.0))]);
    client.stop().await;
}

#[tokio::test]
async fn work_is_traced_under_the_programs_own_spans() {
    let offline = Offline::new().await;
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("spans.jsonl");
    let (here, theirs) = (
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-11111111111111111111111111111111-2222222222222222-01",
    );
    let client = offline
        .builder()
        .telemetry(Telemetry::file(&file).source_name("groundlink-tests").capture_content(false))
        .trace_context(move || Some(TraceContext::new(here)))
        .start()
        .await
        .expect("the CLI starts");
    let traces: Seen<Option<TraceContext>> = Seen::default();
    let told = Arc::clone(&traces);
    let tool = Tool::new("lamp", "Switches the lamp").skip_permission(true).handler(move |call: ToolCall| {
        told.lock().expect("a lock").push(call.trace);
        async { "on" }
    });
    let session = client.create_session(offline.config().tool(tool)).await.expect("a session");
    turn(&session, "tool:lamp {}").await;
    let mut context = TraceContext::new(theirs);
    context.tracestate = Some("a=b".to_owned());
    let mut events = session.subscribe();
    session.send(Message::text("tool:lamp {}").trace(context)).await.expect("sent");
    tokio::time::timeout(PATIENCE, events.next_of_kind("session.idle")).await.expect("in time").expect("the end");
    client.stop().await;

    // A tool's own span has the CLI's for its parent.
    let traces: Vec<TraceContext> = noted(&traces).into_iter().flatten().collect();
    assert_eq!(traces.len(), 2);
    assert!(traces[0].traceparent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{traces:?}");
    assert!(traces[1].traceparent.starts_with("00-11111111111111111111111111111111-"), "{traces:?}");
    assert_eq!(traces[1].tracestate.as_deref(), Some("a=b"));
    // And the CLI's spans have the program's.
    let text = std::fs::read_to_string(&file).expect("the CLI wrote it");
    let spans: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (trace, parent) in [
        ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"),
        ("11111111111111111111111111111111", "2222222222222222"),
    ] {
        let turn = spans.iter().find(|span| span["traceId"] == trace && span["name"] == "invoke_agent");
        assert_eq!(turn.expect("the agent's work")["parentSpanId"], parent);
        // Without content, the names of a program's tools are no names either.
        let call = |span: &&Value| span["name"].as_str().is_some_and(|name| name.starts_with("execute_tool "));
        assert!(spans.iter().filter(call).any(|span| span["traceId"] == trace), "{trace}");
    }
    assert!(text.contains("groundlink-tests"), "the source's name");
}

#[cfg(unix)]
#[tokio::test]
async fn an_extension_is_started_as_the_program_says() {
    let offline = Offline::new().await;
    let folder = offline.repo.path().join(".github/extensions/notes");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("extension.mjs"), "").expect("a file");
    let (asked, proof) = (Seen::default(), offline.repo.path().join("started"));
    let (asks, place) = (Arc::clone(&asked), proof.clone());
    let builder = offline.builder().on_extension_launch(move |ask: ExtensionLaunchAsk| {
        asks.lock().expect("a lock").push(ask);
        let script = r#"echo "$WORD $SESSION_ID" > "$PROOF.new" && mv "$PROOF.new" "$PROOF""#;
        let launch = ExtensionLaunch::new("/bin/sh").arg("-c").arg(script).env("WORD", "launched");
        let launch = launch.env("PROOF", place.display().to_string());
        async { Ok::<_, String>(Some(launch)) }
    });
    let client = builder.start().await.expect("the CLI starts");
    let config = offline.config().request_extensions(true).enable_config_discovery(true);
    let config = config.trust_working_directory(WorkingDirectoryTrust::Session);
    let session = client.create_session(config).await.expect("a session");
    let said = eventually("the extension", PATIENCE, || async { std::fs::read_to_string(&proof).ok() }).await;
    assert_eq!(said.trim(), format!("launched {}", session.id()));
    let asked = noted(&asked).remove(0);
    assert_eq!((asked.id.as_str(), asked.source.as_str()), ("project:notes", "project"));
    assert!(asked.module_path.ends_with("extension.mjs"), "{asked:?}");
    client.stop().await;
}
