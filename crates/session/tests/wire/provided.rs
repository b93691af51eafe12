//! What a client provides besides handlers of questions: canvases, skills, traces, answers to whatever else is asked.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink_session::{
    AnswerOutcome, AnswerReport, Canvas, CanvasCall, CanvasHandler, CanvasView, Client, Deadlines, ExtensionLaunch,
    ExtensionLaunchAsk, HandlerKind, InstallationAsk, InstallationDecision, LimitsAnswer, LimitsAsk, McpAuthAnswer,
    McpAuthAsk, McpToken, Message, RawJson, SecretString, SessionConfig, Skill, SkillProvider, TraceContext,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::fake::{Fake, ephemeral};

const ID: &str = "77777777-7777-4777-8777-777777777777";

/// Does what the ids of its canvases say.
struct Odd;

async fn odd<T>(how: &str, answer: T) -> Result<T, String> {
    match how {
        "panics" => panic!("on purpose"),
        "hangs" => pending().await,
        "fails" => Err("not today".to_owned()),
        _ => Ok(answer),
    }
}

#[async_trait::async_trait]
impl CanvasHandler for Odd {
    async fn open(&self, call: CanvasCall) -> Result<CanvasView, String> {
        odd(&call.instance_id, CanvasView::page("http://x").title("t")).await
    }

    async fn act(&self, call: CanvasCall) -> Result<Value, String> {
        odd(&call.instance_id, json!({"did": call.action})).await
    }

    async fn close(&self, call: CanvasCall) {
        let _ = odd(&call.instance_id, ()).await;
    }
}

#[async_trait::async_trait]
impl SkillProvider for Odd {
    async fn list(&self, _session_id: &str) -> Result<Vec<Skill>, String> {
        pending().await
    }

    async fn read(&self, _session_id: &str, name: &str) -> Result<Option<String>, String> {
        odd(name, (name == "there").then(|| "# Do it".to_owned())).await
    }
}

#[tokio::test(start_paused = true)]
async fn canvases_are_declared_and_always_answered_for() {
    let fake = Fake::new();
    let canvas = Canvas::new("board", "Board", "Notes", Odd)
        .input(&json!({"type": "object"}))
        .unwrap()
        .action("add", "adds")
        .action_with("drop", "drops", &json!({"type": "object"}))
        .unwrap();
    let plain = Canvas::new("plain", "Plain", "A page", |_: CanvasCall| async { Ok(CanvasView::default()) });
    assert!(Canvas::new("x", "", "", Odd).input(&"no object").is_err());
    let config = SessionConfig::new().session_id(ID).canvas(canvas).canvas(plain);
    let _session = fake.client().await.create_session(config).await.unwrap();
    let created = fake.calls("session.create").remove(0);
    assert_eq!(created["requestCanvasRenderer"], true);
    assert_eq!(
        created["canvases"],
        json!([
            {
                "id": "board", "displayName": "Board", "description": "Notes", "inputSchema": {"type": "object"},
                "actions": [
                    {"name": "add", "description": "adds"},
                    {"name": "drop", "description": "drops", "inputSchema": {"type": "object"}},
                ],
            },
            {"id": "plain", "displayName": "Plain", "description": "A page"},
        ])
    );
    let call = |canvas: &str, instance: &str| json!({"sessionId": ID, "canvasId": canvas, "instanceId": instance, "extensionId": "e", "actionName": "add"});
    for (method, canvas, instance, answer) in [
        ("canvas.open", "board", "good", Ok(json!({"url": "http://x", "title": "t"}))),
        ("canvas.open", "plain", "good", Ok(json!({}))),
        ("canvas.open", "board", "fails", Err("not today")),
        ("canvas.open", "board", "panics", Err("the handler panicked")),
        ("canvas.open", "board", "hangs", Err("no answer within 60s")),
        ("canvas.action.invoke", "board", "good", Ok(json!({"did": "add"}))),
        ("canvas.action.invoke", "board", "hangs", Err("no answer within 60s")),
        ("canvas.action.invoke", "plain", "good", Err("no action `add`")),
        ("canvas.close", "board", "good", Ok(Value::Null)),
        ("canvas.close", "board", "panics", Err("the handler panicked")),
        ("canvas.open", "nowhere", "good", Err("no such canvas")),
        ("canvas.something", "board", "good", Err("something")),
    ] {
        match (fake.ask(method, call(canvas, instance)).await, answer) {
            (Ok(answered), Ok(answer)) => assert_eq!(answered, answer, "{method} {instance}"),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part) || part == "something", "{method} {instance}: {error}");
            }
            (answered, answer) => panic!("{method} {instance}: {answered:?} for {answer:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn skills_are_given_and_a_provider_that_fails_has_none() {
    let fake = Fake::new();
    let config = SessionConfig::new()
        .skill(Skill::new("b", "does: b"), "B")
        .skill(Skill::new("a", "does a").user_invocable(false), "A");
    let client = fake.client().await;
    let _session = client.create_session(config.session_id(ID)).await.unwrap();
    assert_eq!(fake.calls("session.create").remove(0)["hasSkillProvider"], true);
    let listed = fake.ask("skillProvider.list", json!({"sessionId": ID})).await.unwrap();
    let skills = json!([{"name": "a", "description": "does a", "userInvocable": false}, {"name": "b", "description": "does: b"}]);
    assert_eq!(listed, json!({"skills": skills}));
    let read = fake.ask("skillProvider.read", json!({"sessionId": ID, "name": "b"})).await.unwrap();
    assert_eq!(read, json!({"markdown": "---\nname: b\ndescription: \"does: b\"\n---\nB"}));

    let other = "88888888-8888-4888-8888-888888888888";
    let _session = client.create_session(SessionConfig::new().session_id(other).on_skills(Odd)).await.unwrap();
    let listed = fake.ask("skillProvider.list", json!({"sessionId": other})).await.unwrap();
    assert_eq!(listed, json!({"skills": []}), "late");
    for (name, text) in
        [("there", json!("# Do it")), ("gone", Value::Null), ("fails", Value::Null), ("panics", Value::Null)]
    {
        let read = fake.ask("skillProvider.read", json!({"sessionId": other, "name": name})).await.unwrap();
        assert_eq!(read["markdown"], text, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_handler_of_its_own_is_answered_by_the_clients() {
    let fake = Fake::new();
    let builder = Client::builder()
        .on_request("tasks.cancel", |params: RawJson| async move {
            let params: Value = serde_json::from_str(params.get()).map_err(|error| error.to_string())?;
            Ok(json!({"cancelled": params["id"] == "t1"}))
        })
        .on_request("uiThread.run", |_: RawJson| async { Err::<(), _>("no such thread".to_owned()) })
        .on_request("workflow.execute", |_: RawJson| pending::<Result<(), String>>())
        .on_request("workflow.abort", |_: RawJson| async { panic!("on purpose") as Result<(), String> })
        .on_request("hooks.invoke", |_: RawJson| async { Ok("never asked") });
    let _client = fake.start(builder).await.unwrap();
    let cancelled = fake.ask("tasks.cancel", json!({"id": "t1"})).await.unwrap();
    assert_eq!(cancelled, json!({"cancelled": true}));
    for (method, part) in
        [("uiThread.run", "no such thread"), ("workflow.execute", "60s"), ("workflow.abort", "panicked")]
    {
        let error = fake.ask(method, json!({})).await.unwrap_err().to_string();
        assert!(error.contains(part), "{method}: {error}");
    }
    for nobodys in ["installations.confirm", "extensionLaunchProvider.resolve", "llmInference.httpRequestStart"] {
        assert!(fake.ask(nobodys, json!({})).await.unwrap_err().is_method_not_found(), "nobody answers {nobodys}");
    }
    let hook = json!({"sessionId": ID, "hookType": "preToolUse", "input": {}});
    assert_eq!(fake.ask("hooks.invoke", hook).await.unwrap()["output"]["permissionDecision"], "deny");
}

/// As the protocol's types have it; nothing makes the CLI ask it here.
#[tokio::test(start_paused = true)]
async fn an_installation_is_confirmed_by_nothing_but_a_word() {
    let fake = Fake::new();
    let builder = Client::builder().on_installation(|ask: InstallationAsk| async move {
        let review: Value = serde_json::from_str(ask.review.get()).expect("JSON");
        assert_eq!((review["resource"].as_str(), ask.expires_at.as_str()), (Some("skill"), "2026-01-01T00:00:00Z"));
        match ask.operation_id.as_str() {
            "mine" => Ok(InstallationDecision::Confirm),
            "declined" => Ok(InstallationDecision::Decline),
            "closed" => Ok(InstallationDecision::Cancel),
            "panics" => panic!("on purpose"),
            "slow" => pending().await,
            unknown => Err(format!("nobody here began {unknown}")),
        }
    });
    let _client = fake.start(builder).await.unwrap();
    let ask = |operation: &str| {
        json!({
            "confirmationId": "c1", "operationId": operation, "expiresAt": "2026-01-01T00:00:00Z",
            "review": {"resource": "skill", "review": {}}, "reviewFingerprint": "f1",
        })
    };
    for (operation, word) in [("mine", "confirm"), ("declined", "decline"), ("closed", "cancel")] {
        let answer = fake.ask("installations.confirm", ask(operation)).await.unwrap();
        assert_eq!(answer, json!({"confirmationId": "c1", "reviewFingerprint": "f1", "decision": word}));
    }
    for (operation, part) in [("panics", "the handler panicked"), ("other", "nobody here began other")] {
        let error = fake.ask("installations.confirm", ask(operation)).await.unwrap_err().to_string();
        assert!(error.contains(part), "{operation}: {error}");
    }
    assert!(fake.ask("installations.confirm", json!({"operationId": "mine"})).await.is_err(), "no challenge, no word");
    // A person may take a day, unless the program says otherwise.
    let waiting = tokio::time::timeout(Duration::from_hours(24), fake.ask("installations.confirm", ask("slow")));
    assert!(waiting.await.is_err(), "still open");
}

#[tokio::test(start_paused = true)]
async fn extensions_are_started_as_the_program_says() {
    let fake = Fake::new();
    fake.answer("registerExtensionLaunchProvider", Value::Null);
    let deadlines = Deadlines::default().within(HandlerKind::ExtensionLaunch, Duration::from_secs(2));
    let builder = Client::builder().deadlines(deadlines).on_extension_launch(|ask: ExtensionLaunchAsk| async move {
        match (ask.name.as_str(), ask.source.as_str()) {
            ("notes", "project") => Ok(Some(ExtensionLaunch::new("/usr/bin/node").arg(ask.module_path).env("A", "b"))),
            ("hangs", _) => pending().await,
            ("fails", _) => Err("there is no node".to_owned()),
            _ => Ok(None),
        }
    });
    let _client = fake.start(builder).await.unwrap();
    assert_eq!(fake.calls("registerExtensionLaunchProvider").len(), 1);
    let resolve = |name: &str| {
        let params =
            json!({"id": format!("project:{name}"), "name": name, "modulePath": "/x.mjs", "source": "project"});
        fake.ask("extensionLaunchProvider.resolve", params)
    };
    let launch = json!({"executable": "/usr/bin/node", "args": ["/x.mjs"], "env": {"A": "b"}});
    assert_eq!(resolve("notes").await.unwrap(), json!({"launch": launch}));
    assert_eq!(resolve("other").await.unwrap(), json!({}));
    assert!(resolve("fails").await.unwrap_err().to_string().contains("there is no node"));
    assert!(resolve("hangs").await.unwrap_err().to_string().contains("no answer within 2s"));
}

/// What the CLI asks only of those who are interested.
#[tokio::test]
async fn a_token_for_an_mcp_server_and_an_answer_at_the_limit() {
    let fake = Fake::new();
    let (auth, limits) = ("session.mcp.oauth.handlePendingRequest", "session.ui.handlePendingSessionLimitsExhausted");
    for method in [auth, limits] {
        fake.answer(method, json!({"success": true}));
    }
    let interest = "session.eventLog.registerInterest";
    fake.answer(interest, json!({"handle": "1"}));
    let reports: Arc<Mutex<Vec<AnswerReport>>> = Arc::default();
    let told = Arc::clone(&reports);
    let config = SessionConfig::new()
        .session_id(ID)
        .on_mcp_auth(|ask: McpAuthAsk| async move {
            assert_eq!((ask.session_id.as_str(), ask.server_name.as_str()), (ID, "lamp"));
            let client = ask.client.expect("a client");
            assert!(!format!("{client:?}").contains("canary") && client.client_secret.is_some());
            if ask.runtime_refresh_supported {
                McpAuthAnswer::RuntimeRefresh
            } else {
                let token = McpToken::new(SecretString::from("a-canary")).expires_in(Duration::from_mins(1));
                token.token_type("Bearer").into()
            }
        })
        .on_session_limits(|_: LimitsAsk| async { LimitsAnswer::Unset })
        .on_answered(move |report| told.lock().unwrap().push(report));
    let session = fake.client().await.create_session(config).await.unwrap();
    let wanted: Vec<Value> = fake.calls(interest).into_iter().map(|call| call["eventType"].clone()).collect();
    assert_eq!(wanted, ["mcp.oauth_required", "session_limits_exhausted.requested"]);
    for (id, refresh) in [("1", false), ("2", true)] {
        let data = json!({
            "requestId": id, "serverName": "lamp", "serverUrl": "http://l", "reason": "initial",
            "staticClientConfig": {"clientId": "c", "clientSecret": "canary"}, "runtimeRefreshSupported": refresh,
        });
        fake.event(ID, ephemeral(id, "mcp.oauth_required", data)).await;
        fake.called(auth, id.parse().unwrap()).await;
    }
    let answers: Vec<Value> = fake.calls(auth).into_iter().map(|call| call["result"].clone()).collect();
    let token = json!({"kind": "token", "accessToken": "a-canary", "tokenType": "Bearer", "expiresIn": 60});
    assert_eq!(answers, [token, json!({"kind": "runtimeRefresh"})]);
    let secrets = session.secrets();
    assert!(secrets.iter().any(|secret| secret.expose_secret() == "a-canary"), "so that a bridge blanks it");
    let asked = json!({"requestId": "l", "usedAiCredits": 1, "maxAiCredits": 1});
    fake.event(ID, ephemeral("l", "session_limits_exhausted.requested", asked)).await;
    assert_eq!(fake.called(limits, 1).await["response"], json!({"action": "unset"}));
    let all = async {
        while reports.lock().unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), all).await.expect("a report each");
    assert!(reports.lock().unwrap().iter().all(|report| report.outcome == AnswerOutcome::First));
}

#[tokio::test]
async fn the_trace_of_the_caller_goes_along_unless_another_is_given() {
    let fake = Fake::new();
    fake.answer("session.send", json!({"messageId": "m"}));
    let count = Arc::new(AtomicUsize::new(0));
    let builder = Client::builder().trace_context(move || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        (number < 3)
            .then(|| TraceContext { tracestate: Some("a=b".to_owned()), ..TraceContext::new(format!("t{number}")) })
    });
    let client = fake.start(builder).await.unwrap();
    let session = client.create_session(SessionConfig::new().session_id(ID)).await.unwrap();
    session.send("one").await.unwrap();
    session.send(Message::text("two").trace(TraceContext::new("of its own"))).await.unwrap();
    client.resume_session("other", SessionConfig::new()).await.unwrap();
    client.resume_session("third", SessionConfig::new().traceparent("given")).await.unwrap();
    session.send("three").await.unwrap();
    let trace = |call: &Value| (call["traceparent"].clone(), call["tracestate"].clone());
    assert_eq!(trace(&fake.calls("session.create")[0]), (json!("t0"), json!("a=b")));
    let sent: Vec<_> = fake.calls("session.send").iter().map(trace).collect();
    let none = (Value::Null, Value::Null);
    assert_eq!(sent, [(json!("t1"), json!("a=b")), (json!("of its own"), Value::Null), none]);
    let resumed: Vec<_> = fake.calls("session.resume").iter().map(trace).collect();
    assert_eq!(resumed, [(json!("t2"), json!("a=b")), (json!("given"), Value::Null)]);
}
