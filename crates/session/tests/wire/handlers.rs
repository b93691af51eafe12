//! Every kind of handler that panics, hangs, is absent, or is asked what nobody can read: always answered, and nothing
//! happens because of it.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink_session::{
    AnswerOutcome, AnswerReport, AutoModeAnswer, AutoModeAsk, CommandCall, Deadlines, ElicitationAsk, GitHubToken,
    GitHubTokenAsk, HandlerEnd, HandlerKind, HookCall, LimitsAnswer, LimitsAsk, McpAuthAsk, McpToken,
    NamedProviderConfig, PermissionAsk, PermissionDecision, PlanAsk, PreToolUse, ProviderTokenAsk, SamplingAsk,
    SecretString, SectionText, Session, SessionConfig, SlashCommand, SystemMessage, Tool, ToolCall, ToolResult,
    UserInputAsk, hooks,
};
use serde_json::{Value, json};

use crate::fake::{Fake, PATIENCE, durable, ephemeral};

const ID: &str = "55555555-5555-4555-8555-555555555555";

/// How a handler fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fails {
    Panics,
    Hangs,
}

async fn fail<T>(how: Fails) -> T {
    assert_eq!(how, Fails::Hangs, "on purpose");
    pending().await
}

/// A session whose handlers all fail.
fn failing(how: Fails) -> SessionConfig {
    use HandlerKind as K;
    let soon = Duration::from_millis(50);
    let kinds = [
        K::Permission,
        K::Tool,
        K::UserInput,
        K::Elicitation,
        K::Plan,
        K::AutoModeSwitch,
        K::SessionLimits,
        K::Sampling,
        K::McpAuth,
        K::Command,
        K::Hook,
    ];
    let deadlines = kinds.into_iter().fold(Deadlines::default(), |all, kind| all.within(kind, soon));
    SessionConfig::new()
        .deadlines(deadlines)
        .on_permission(move |_: PermissionAsk| fail(how))
        .tool(Tool::new("t", "").handler(move |_: ToolCall| fail::<ToolResult>(how)))
        .on_user_input(move |_: UserInputAsk| fail(how))
        .on_elicitation(move |_: ElicitationAsk| fail(how))
        .on_plan(move |_: PlanAsk| fail(how))
        .on_auto_mode_switch(move |_: AutoModeAsk| fail(how))
        .on_session_limits(move |_: LimitsAsk| fail(how))
        .on_sampling(move |_: SamplingAsk| fail(how))
        .on_mcp_auth(move |_: McpAuthAsk| fail::<Option<McpToken>>(how))
        .command(SlashCommand::new("c", "", move |_: CommandCall| fail::<()>(how)))
        .hook(move |_: HookCall<PreToolUse>| fail::<()>(how))
        .hook(move |_: HookCall<hooks::PostToolUse>| fail::<()>(how))
        .raw_hook("permissionRequest", move |_: HookCall<()>| fail(how))
}

struct Row {
    event: Value,
    method: &'static str,
    /// What is sent besides the ids.
    closed: Value,
}

/// The questions that are answered by call, and the answer that lets nothing happen.
fn table() -> Vec<Row> {
    let row = |event: Value, method, closed| Row { event, method, closed };
    let request = json!({"kind": "shell", "fullCommandText": "ls", "commands": []});
    vec![
        row(
            durable("p", "permission.requested", json!({"requestId": "p", "permissionRequest": request})),
            "session.permissions.handlePendingPermissionRequest",
            json!({"result": {
                "kind": "reject",
                "feedback": "The program that decides about permissions failed; the tool was not run.",
            }}),
        ),
        row(
            durable("t", "external_tool.requested", json!({"requestId": "t", "toolCallId": "x", "toolName": "t"})),
            "session.tools.handlePendingToolCall",
            json!({"error": "the program that runs this tool failed"}),
        ),
        row(
            ephemeral("e", "elicitation.requested", json!({"requestId": "e", "message": "ok?"})),
            "session.ui.handlePendingElicitation",
            json!({"result": {"action": "cancel"}}),
        ),
        row(
            ephemeral("pl", "exit_plan_mode.requested", json!({"requestId": "pl", "summary": "do it"})),
            "session.ui.handlePendingExitPlanMode",
            json!({"response": {"approved": false}}),
        ),
        row(
            ephemeral("a", "auto_mode_switch.requested", json!({"requestId": "a"})),
            "session.ui.handlePendingAutoModeSwitch",
            json!({"response": "no"}),
        ),
        row(
            ephemeral("l", "session_limits_exhausted.requested", json!({"requestId": "l"})),
            "session.ui.handlePendingSessionLimitsExhausted",
            json!({"response": {"action": "cancel"}}),
        ),
        row(
            ephemeral("s", "sampling.requested", json!({"requestId": "s", "serverName": "lamp"})),
            "session.ui.handlePendingSampling",
            json!({}),
        ),
        row(
            ephemeral(
                "m",
                "mcp.oauth_required",
                json!({"requestId": "m", "serverName": "lamp", "serverUrl": "http://l", "reason": "initial"}),
            ),
            "session.mcp.oauth.handlePendingRequest",
            json!({"result": {"kind": "cancelled"}}),
        ),
        row(
            ephemeral("c", "command.execute", json!({"requestId": "c", "commandName": "c", "command": "/c"})),
            "session.commands.handlePendingCommand",
            json!({"error": "the program that runs this command failed"}),
        ),
    ]
}

async fn open(fake: &Fake, config: SessionConfig) -> Session {
    for row in table() {
        fake.answer(row.method, json!({"success": true}));
    }
    fake.client().await.create_session(config.session_id(ID)).await.expect("a session")
}

async fn hook(fake: &Fake, hook_type: &str, input: Value) -> Value {
    let asked = fake.ask("hooks.invoke", json!({"sessionId": ID, "hookType": hook_type, "input": input}));
    tokio::time::timeout(PATIENCE, asked).await.expect("a hook is answered").expect("and not with an error")
}

#[tokio::test]
async fn whoever_panics_or_hangs_is_answered_for() {
    for how in [Fails::Panics, Fails::Hangs] {
        let fake = Fake::new();
        let reports: Arc<Mutex<Vec<AnswerReport>>> = Arc::default();
        let told = Arc::clone(&reports);
        let config = failing(how).on_answered(move |report| told.lock().unwrap().push(report));
        let _session = open(&fake, config).await;
        let rows = table();
        for row in &rows {
            fake.event(ID, row.event.clone()).await;
        }
        for row in &rows {
            let mut closed = row.closed.clone();
            closed["sessionId"] = ID.into();
            closed["requestId"] = row.event["data"]["requestId"].clone();
            assert_eq!(fake.called(row.method, 1).await, closed, "{how:?}");
        }
        // A question that nobody answers has no call of its own.
        fake.event(ID, ephemeral("q", "user_input.requested", json!({"requestId": "q", "question": "?"}))).await;
        let asked = fake.ask("userInput.request", json!({"sessionId": ID, "question": "?"})).await.unwrap();
        assert_eq!(asked, json!({"noResponse": true}), "{how:?}");

        let denied = hook(&fake, "preToolUse", json!({"toolName": "bash"})).await;
        assert_eq!(denied["output"]["permissionDecision"], "deny", "{how:?}");
        assert_eq!(hook(&fake, "permissionRequest", json!({})).await["output"]["behavior"], "deny", "{how:?}");
        assert_eq!(hook(&fake, "postToolUse", json!({"toolName": "bash"})).await, json!({}), "{how:?}");

        let expected = if how == Fails::Panics { HandlerEnd::Panicked } else { HandlerEnd::TooLate };
        let all = async {
            while reports.lock().unwrap().len() < rows.len() + 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("a report each");
        for report in reports.lock().unwrap().iter() {
            assert_eq!((report.handler, &report.outcome), (expected, &AnswerOutcome::First), "{report:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let fake = Fake::new();
    let _session = open(&fake, failing(Fails::Hangs)).await;
    // Events without what a handler needs: only the tool, the permission and the form have such.
    let unreadable = [
        ("permission.requested", json!({"requestId": "p"}), 0),
        ("external_tool.requested", json!({"requestId": "t", "toolName": "t"}), 1),
    ];
    for (kind, data, row) in unreadable {
        fake.event(ID, durable(kind, kind, data)).await;
        let closed = table().remove(row);
        let sent = fake.called(closed.method, 1).await;
        for (name, value) in closed.closed.as_object().unwrap() {
            assert_eq!(&sent[name], value, "{kind}");
        }
    }
    let denied = hook(&fake, "preToolUse", json!({"nothing": "of use"})).await;
    assert_eq!(denied["output"]["permissionDecision"], "deny");
    assert_eq!(hook(&fake, "postToolUse", json!({})).await, json!({}));
    let nonsense = fake.ask("hooks.invoke", json!({"sessionId": 7})).await.expect("answered");
    assert_eq!(nonsense["output"]["permissionDecision"], "deny");
}

#[tokio::test]
async fn without_handlers_nothing_is_answered_for_others() {
    let fake = Fake::new();
    let session = open(&fake, SessionConfig::new().ask_permission(true)).await;
    let mut stream = session.subscribe();
    for row in table() {
        fake.event(ID, row.event).await;
    }
    assert_eq!(hook(&fake, "preToolUse", json!({"toolName": "bash"})).await, json!({}), "no hook, nothing to change");
    stream.next_of_kind("command.execute").await.expect("all events have come");
    for row in table() {
        assert!(fake.calls(row.method).is_empty(), "{}: other clients may answer", row.method);
    }
}

#[tokio::test]
async fn answers_that_work() {
    let fake = Fake::new();
    let config = SessionConfig::new()
        .on_permission(|_: PermissionAsk| async { PermissionDecision::Leave })
        .tool(Tool::new("t", "").handler(|call: ToolCall| async move { call.tool_name }))
        .on_auto_mode_switch(|_: AutoModeAsk| async { AutoModeAnswer::YesAlways })
        .on_session_limits(|_: LimitsAsk| async { LimitsAnswer::Add { additional_ai_credits: 10.0 } })
        .command(SlashCommand::new("c", "does it", |call: CommandCall| async move {
            if call.line == "/c" { Ok(()) } else { Err("which?") }
        }));
    let session = open(&fake, config).await;
    let created = fake.calls("session.create").remove(0);
    assert_eq!(created["commands"], json!([{"name": "c", "description": "does it"}]));
    assert_eq!(created["tools"], json!([{"name": "t", "description": ""}]));
    assert_eq!(created["requestAutoModeSwitch"], true);
    for row in table() {
        fake.event(ID, row.event).await;
    }
    let tool = fake.called("session.tools.handlePendingToolCall", 1).await;
    assert_eq!(tool["result"]["textResultForLlm"], "t");
    assert_eq!(fake.called("session.ui.handlePendingAutoModeSwitch", 1).await["response"], "yes_always");
    let limits = fake.called("session.ui.handlePendingSessionLimitsExhausted", 1).await;
    assert_eq!(limits["response"], json!({"action": "add", "additionalAiCredits": 10.0}));
    assert_eq!(fake.called("session.commands.handlePendingCommand", 1).await.get("error"), None);
    let left = fake.calls("session.permissions.handlePendingPermissionRequest");
    assert!(left.is_empty(), "left to others: {left:?}");
    let refused = session.respond_permission("p", PermissionDecision::Leave).await;
    assert!(refused.is_err(), "`Leave` is not sent");
}

#[tokio::test]
async fn bad_tools_are_refused_before_they_are_sent() {
    let fake = Fake::new();
    let client = fake.client().await;
    let too_long = "x".repeat(65);
    for names in [vec![""], vec!["with space"], vec!["a", "a"], vec![too_long.as_str()]] {
        let config = SessionConfig::new().tools(names.iter().map(|name| Tool::new(*name, "")));
        assert!(client.create_session(config).await.is_err(), "{names:?}");
    }
    assert!(fake.calls("session.create").is_empty());
    assert!(Tool::new("t", "").parameters(&"no object").is_err());
}

/// What the server asks directly, of a handler that fails or is absent.
#[tokio::test]
async fn direct_requests_are_answered_whatever_happens() {
    let soon = Duration::from_millis(50);
    let deadlines = Deadlines::default()
        .within(HandlerKind::Transform, soon)
        .within(HandlerKind::ProviderToken, soon)
        .within(HandlerKind::GitHubToken, soon);
    for how in [Some(Fails::Panics), Some(Fails::Hangs), None] {
        let fake = Fake::new();
        let mut config = SessionConfig::new().deadlines(deadlines.clone());
        if let Some(how) = how {
            let system = SystemMessage::customize().transform("tone", move |_: SectionText| fail(how));
            config = config
                .system_message(&system)
                .unwrap()
                .on_provider_token(move |_: ProviderTokenAsk| fail::<Result<_, String>>(how))
                .on_github_token(move |_: GitHubTokenAsk| fail(how));
        }
        let _session = open(&fake, config).await;
        let created = fake.calls("session.create").remove(0);
        let sections = json!({"tone": {"content": "x"}, "other": {"content": "y"}});
        let transform = json!({"sessionId": ID, "sections": sections});
        assert_eq!(fake.ask("systemMessage.transform", transform).await.unwrap()["sections"], sections, "{how:?}");
        let provider = json!({"sessionId": ID, "providerName": "default"});
        assert!(fake.ask("providerToken.getToken", provider).await.is_err(), "{how:?}");
        let github = json!({"registrationId": created["gitHubTokenProviderRegistrationId"], "sessionId": ID});
        if how.is_some() {
            let none = fake.ask("gitHubToken.getToken", github).await.unwrap();
            assert_eq!(none, json!({"kind": "cancelled"}), "{how:?}");
        } else {
            assert!(fake.ask("gitHubToken.getToken", github).await.is_err(), "a name that nobody gave");
        }
    }
}

#[tokio::test]
async fn requests_are_served_while_the_session_is_being_made() {
    let fake = Fake::new();
    fake.on("session.create", |fake, params| {
        Box::pin(async move {
            let ask = json!({"registrationId": params["gitHubTokenProviderRegistrationId"], "sessionId": ID});
            let token = fake.ask("gitHubToken.getToken", ask).await.expect("an answer");
            assert_eq!(token, json!({"kind": "token", "accessToken": "gho_x", "expiresIn": 7200}));
            let provider = json!({"sessionId": ID, "providerName": "mine"});
            let token = fake.ask("providerToken.getToken", provider).await.expect("an answer");
            assert_eq!(token, json!({"token": "of-mine"}));
            Ok(json!({"sessionId": ID}))
        })
    });
    let config = SessionConfig::new()
        .session_id(ID)
        .providers([NamedProviderConfig::new("mine", "http://127.0.0.1:1")])
        .on_named_provider_token("mine", |_: ProviderTokenAsk| async { Ok::<_, String>(SecretString::from("of-mine")) })
        .on_github_token(|_: GitHubTokenAsk| async {
            GitHubToken::new(SecretString::from("gho_x"), Duration::from_hours(2)).ok()
        });
    let client = fake.client().await;
    let made = client.create_session(config);
    tokio::time::timeout(PATIENCE, made).await.expect("no deadlock").expect("a session");
    let created = fake.calls("session.create").remove(0);
    assert_eq!(created["providers"][0]["hasBearerTokenProvider"], true);
}
