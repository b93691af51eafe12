//! Hooks, as the real CLI runs them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink::session::hooks::{
    AgentStop, AgentStopOutput, ContextOutput, ErrorOccurred, HookPermission, PostToolUse, PostToolUseFailure,
    PostToolUseOutput, PreToolUse, PreToolUseOutput, SessionEnd, SessionStart, SessionStartOutput, SubagentStart,
    SubagentStop, SubagentStopOutput, UserPromptSubmitted, UserPromptSubmittedOutput, UserPromptTransformed,
};
use groundlink::session::{ApproveAll, Deadlines, HandlerKind, HookCall};
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

#[tokio::test]
async fn hooks_change_what_comes_next() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let config = offline
        .config()
        .hook(|_: HookCall<SessionStart>| async {
            SessionStartOutput { additional_context: Some("begun".to_owned()), ..SessionStartOutput::default() }
        })
        .hook(|call: HookCall<UserPromptSubmitted>| async move {
            match call.data.prompt.as_str() {
                "replace me" => Some(UserPromptSubmittedOutput::replace("tool:bash {\"command\":\"false\"}")),
                "block me" => Some(UserPromptSubmittedOutput::block("not today")),
                _ => None,
            }
        })
        .hook(|call: HookCall<PreToolUse>| async move {
            let modified = json!({"command": "echo changed by the hook", "description": "Say"});
            (call.data.tool_name == "bash").then(|| PreToolUseOutput {
                permission_decision: Some(HookPermission::Allow),
                modified_args: to_raw_value(&modified).ok(),
                ..PreToolUseOutput::default()
            })
        })
        .hook(|call: HookCall<PostToolUse>| async move {
            let result = call.data.tool_result.expect("a result");
            assert!(result.get().contains("changed by the hook"), "{result}");
            let modified = json!({"resultType": "success", "textResultForLlm": "changed again"});
            PostToolUseOutput { modified_result: to_raw_value(&modified).ok(), ..PostToolUseOutput::default() }
        })
        .hook(|_: HookCall<PostToolUseFailure>| async { ContextOutput::context("it failed") })
        .hook(|_: HookCall<SubagentStop>| async {
            SubagentStopOutput { modified_response: Some("said instead".to_owned()), ..SubagentStopOutput::default() }
        });
    let session = client.create_session(config).await.expect("a session");
    let said = turn(&session, "replace me").await;
    assert!(said.contains("changed again"), "{said}");
    let mut events = session.subscribe();
    session.send("block me").await.expect("sent");
    let idle = tokio::time::timeout(Duration::from_mins(1), events.next_of_kind("session.idle")).await;
    idle.expect("a blocked message ends").expect("an event");
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
