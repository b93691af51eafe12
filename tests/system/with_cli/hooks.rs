//! Hooks, as the real CLI runs them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink::protocol::events::{SessionWarning, UserMessage};
use groundlink::protocol::types::PermissionRequest;
use groundlink::session::hooks::{
    AgentStop, AgentStopOutput, ContextOutput, ErrorOccurred, HookInput as _, HookPermission, Notification,
    PermissionRequestHook, PostToolUse, PostToolUseFailure, PostToolUseOutput, PreCompact, PreToolUse,
    PreToolUseOutput, SessionEnd, SessionStart, SessionStartOutput, SubagentStart, SubagentStop, SubagentStopOutput,
    UserPromptSubmitted, UserPromptSubmittedOutput, UserPromptTransformed, UserPromptTransformedOutput,
};
use groundlink::session::{
    ApproveAll, Deadlines, HandlerKind, HookCall, PermissionAsk, PermissionDecision, WorkingDirectoryTrust,
};
use groundlink_tests::offline::{Offline, turn};
use serde_json::json;
use serde_json::value::to_raw_value;

const RUN: &str = r#"tool:bash {"command":"touch made-by-shell","description":"Make a file"}"#;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeSet<&'static str>>>);

impl Seen {
    fn saw(&self, what: &'static str) {
        self.0.lock().expect("a lock").insert(what);
    }
}

#[tokio::test]
async fn every_hook_of_a_turn_is_told_what_happens() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let seen = Seen::default();
    macro_rules! watch {
        ($config:expr, $($input:ty: |$call:ident| $holds:expr;)*) => {
            $config$(.hook({
                let seen = seen.clone();
                move |$call: HookCall<$input>| {
                    let seen = seen.clone();
                    async move {
                        assert!($holds, "{:?}", $call);
                        assert!($call.timestamp.is_some() && $call.working_directory.is_some());
                        seen.saw(std::any::type_name::<$input>().rsplit("::").next().unwrap_or_default());
                    }
                }
            }))*
        };
    }
    let config = watch!(offline.config().on_permission(ApproveAll),
        SessionStart: |call| call.data.source.as_deref() == Some("new") && call.data.initial_prompt.is_some();
        UserPromptSubmitted: |call| !call.data.prompt.is_empty();
        UserPromptTransformed: |call| call.data.transformed_prompt.contains(&call.data.prompt);
        PreToolUse: |call| call.data.tool_args.is_some();
        PostToolUse: |call| call.data.tool_result.is_some();
        PostToolUseFailure: |call| call.data.error.as_deref() == Some("Path does not exist");
        SubagentStart: |call| call.data.agent_name.as_deref() == Some("general-purpose") && call.agent_id.is_some();
        SubagentStop: |call| call.data.response.is_some();
        AgentStop: |call| call.data.stop_reason.is_some() && call.data.stop_hook_active == Some(false);
        ErrorOccurred: |call| call.data.error_context.as_deref() == Some("model_call");
        SessionEnd: |call| call.data.reason.is_some();
    );
    let session = client.create_session(config).await.expect("a session");
    turn(&session, RUN).await;
    turn(&session, r#"tool:view {"path":"/nowhere/at/all"}"#).await;
    turn(&session, r#"tool:task {"agent_type":"general-purpose","description":"look","prompt":"hi","name":"x"}"#).await;
    turn(&session, "model-error-400").await;
    session.destroy().await.expect("destroyed");
    let all = async {
        while seen.0.lock().expect("a lock").len() < 11 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let all = tokio::time::timeout(Duration::from_secs(30), all).await;
    assert!(all.is_ok(), "only these hooks ran well: {:?}", seen.0.lock().expect("a lock"));
    client.stop().await;
}

/// What the documentation of three kinds of hooks says of this version of the CLI.
#[tokio::test]
async fn some_hooks_are_run_from_files_and_told_to_no_client() {
    let offline = Offline::new().await;
    let (folder, log) = (offline.repo.path().join(".github/hooks"), offline.repo.path().join("hooks.log"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let kinds = ["permissionRequest", "notification", "preCompact", "preToolUse"];
    let hook = |kind: &str| json!([{"type": "command", "bash": format!("echo {kind} >> '{}'", log.display())}]);
    let hooks: BTreeMap<&str, serde_json::Value> = kinds.iter().map(|kind| (*kind, hook(kind))).collect();
    std::fs::write(folder.join("all.json"), json!({"version": 1, "hooks": hooks}).to_string()).expect("written");

    let client = offline.client().await;
    let told = Seen::default();
    macro_rules! watch {
        ($config:expr, $($input:ty),*) => {
            $config$(.hook({
                let told = told.clone();
                move |_: HookCall<$input>| {
                    told.saw(<$input>::TYPE);
                    async {}
                }
            }))*
        };
    }
    let config = offline
        .config()
        .on_permission(ApproveAll)
        .enable_config_discovery(true)
        .enable_file_hooks(true)
        .trust_working_directory(WorkingDirectoryTrust::Session);
    let config = watch!(config, PermissionRequestHook, Notification, PreCompact, PreToolUse);
    let session = client.create_session(config).await.expect("a session");
    turn(&session, RUN).await;
    session.rpc().history().compact().await.expect("compacted");
    let all = async {
        loop {
            let ran = std::fs::read_to_string(&log).unwrap_or_default();
            if kinds.iter().all(|kind| ran.contains(kind)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), all).await.is_ok(), "{:?}", std::fs::read_to_string(&log));
    assert_eq!(told.0.lock().expect("a lock").iter().copied().collect::<Vec<_>>(), ["preToolUse"]);
    client.stop().await;
}

#[tokio::test]
async fn hooks_change_what_comes_next() {
    let offline = Offline::new().await;
    let (client, overheard) = offline.overheard().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asks = Arc::clone(&asked);
    let config = offline
        .config()
        .on_permission(move |ask: PermissionAsk| {
            asks.lock().expect("a lock").push(ask.data.permission_request);
            async { PermissionDecision::ApproveOnce }
        })
        .hook(|_: HookCall<SessionStart>| async {
            SessionStartOutput { additional_context: Some("as it began".to_owned()), ..SessionStartOutput::default() }
        })
        .hook(|call: HookCall<UserPromptSubmitted>| async move {
            match call.data.prompt.as_str() {
                "replace me" => Some(UserPromptSubmittedOutput {
                    additional_context: Some("with the message".to_owned()),
                    ..UserPromptSubmittedOutput::replace("tool:bash {\"command\":\"false\"}")
                }),
                "block me" => Some(UserPromptSubmittedOutput::block("not today")),
                _ => None,
            }
        })
        .hook(|call: HookCall<UserPromptTransformed>| async move {
            (call.data.prompt == "transform me").then(|| UserPromptTransformedOutput {
                modified_transformed_prompt: Some("transformed by the hook".to_owned()),
            })
        })
        .hook(|call: HookCall<PreToolUse>| async move {
            let arguments = call.data.tool_args.as_ref().map_or("", |arguments| arguments.get());
            let modified = json!({"command": "echo $((6 * 7)) by the hook", "description": "Say"});
            match call.data.tool_name.as_str() {
                "bash" if arguments.contains("made-by-shell") => Some(PreToolUseOutput::ask("it makes a file")),
                "bash" => Some(PreToolUseOutput {
                    permission_decision: Some(HookPermission::Allow),
                    modified_args: to_raw_value(&modified).ok(),
                    additional_context: Some("before the tool".to_owned()),
                    ..PreToolUseOutput::default()
                }),
                _ => None,
            }
        })
        .hook(|call: HookCall<PostToolUse>| async move {
            let result = call.data.tool_result.expect("a result");
            let modified = json!({"resultType": "success", "textResultForLlm": "changed again"});
            result.get().contains("42 by the hook").then(|| PostToolUseOutput {
                modified_result: to_raw_value(&modified).ok(),
                additional_context: Some("after the tool".to_owned()),
                ..PostToolUseOutput::default()
            })
        })
        .hook(|_: HookCall<PostToolUseFailure>| async { ContextOutput::context("as it failed") })
        .hook(|_: HookCall<SubagentStart>| async { ContextOutput::context("for the helper") })
        .hook(|_: HookCall<SubagentStop>| async {
            SubagentStopOutput { modified_response: Some("said instead".to_owned()), ..SubagentStopOutput::default() }
        });
    let session = client.create_session(config).await.expect("a session");
    let mut events = session.subscribe();

    // The message, the tool's arguments and its result are others than those that came, and the model reads more.
    turn(&session, "replace me").await;
    assert_eq!(asked.lock().expect("a lock").len(), 0, "a hook allowed it");
    let requests = overheard.take();
    for told in ["as it began", "with the message", "before the tool", "changed again", "after the tool"] {
        assert!(requests.say(told), "the model was not told `{told}`: {requests:?}");
    }
    for kept in ["replace me", "42 by the hook"] {
        assert!(!requests.say(kept), "the model was told `{kept}`: {requests:?}");
    }
    turn(&session, r#"tool:view {"path":"/nowhere/at/all"}"#).await;
    assert!(overheard.take().say("as it failed"));
    let task = r#"tool:task {"agent_type":"general-purpose","description":"look","prompt":"hi","name":"x"}"#;
    let said = turn(&session, task).await;
    assert!(said.contains("said instead"), "{said}");
    assert!(overheard.take().say("for the helper"));
    let said = turn(&session, "transform me").await;
    assert!(said.contains("transformed by the hook") && !overheard.take().say("transform me"), "{said}");
    let history = session.history().await.expect("the history");
    let said = history.iter().filter_map(|event| event.data::<UserMessage>().ok()).next_back().expect("a message");
    assert_eq!(
        (said.content.as_str(), said.transformed_content.as_deref()),
        ("transform me", Some("transformed by the hook"))
    );

    // A person decides, and reads why.
    asked.lock().expect("a lock").clear();
    turn(&session, RUN).await;
    assert!(offline.repo.has("made-by-shell"));
    {
        let asked = asked.lock().expect("a lock");
        let [PermissionRequest::Hook(hook)] = asked.as_slice() else {
            panic!("one question, of the hook's: {asked:?}")
        };
        assert_eq!(hook.hook_message.as_deref(), Some("it makes a file"));
    }

    // A message that is not let through: the model is not asked, and people are told why.
    overheard.take();
    turn(&session, "block me").await;
    assert_eq!(overheard.take().count(), 0);
    let warning = events.next_of_kind("session.warning").await.expect("a warning");
    let warning: SessionWarning = warning.data().expect("it decodes");
    assert_eq!((warning.warning_type.as_str(), warning.message.as_str()), ("policy_blocked", "not today"));
    client.stop().await;
}

#[tokio::test]
async fn an_agent_that_would_stop_is_made_to_go_on() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let config = offline.config().hook(|call: HookCall<AgentStop>| async move {
        (call.data.stop_hook_active == Some(false)).then(|| AgentStopOutput::go_on("say goodbye"))
    });
    let session = client.create_session(config).await.expect("a session");
    let said = turn(&session, "hello").await;
    assert!(said.contains("say goodbye"), "{said}");
    client.stop().await;
}

#[tokio::test]
async fn a_hook_before_a_tool_that_fails_forbids_it() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    // What the hook does, and how the tool fares.
    let table = [("deny", false), ("panic", false), ("hang", false), ("allow", true)];
    for (behaviour, runs) in table {
        let config = offline
            .config()
            .on_permission(ApproveAll)
            .deadlines(Deadlines::default().within(HandlerKind::Hook, Duration::from_secs(1)))
            .hook(move |_: HookCall<PreToolUse>| async move {
                match behaviour {
                    "deny" => PreToolUseOutput::deny("not today"),
                    "panic" => panic!("on purpose"),
                    "hang" => std::future::pending().await,
                    _ => PreToolUseOutput::allow(),
                }
            });
        let session = client.create_session(config).await.expect("a session");
        let file = format!("hook-{behaviour}");
        turn(&session, &format!(r#"tool:bash {{"command":"touch {file}","description":"Make a file"}}"#)).await;
        assert_eq!(offline.repo.has(&file), runs, "{behaviour}");
        session.destroy().await.expect("destroyed");
    }
    client.stop().await;
}
