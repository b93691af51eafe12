//! Hooks, as the real CLI runs them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use groundlink::session::{ApproveAll, Deadlines, HandlerKind, HookCall, SessionConfig, hooks};
use groundlink_tests::offline::{Offline, turn};
use serde_json::Value;

const RUN: &str = r#"tool:bash {"command":"touch made-by-shell","description":"Make a file"}"#;

/// Every hook there is, watched.
fn watched(mut config: SessionConfig, seen: &Arc<Mutex<Vec<(String, Value)>>>) -> SessionConfig {
    for name in [
        "preToolUse", "preMcpToolCall", "postToolUse", "postToolUseFailure", "userPromptSubmitted",
        "userPromptTransformed", "sessionStart", "sessionEnd", "postResult", "prePRDescription", "errorOccurred",
        "agentStop", "subagentStart", "subagentStop", "preCompact", "permissionRequest", "notification",
    ] {
        let seen = Arc::clone(seen);
        config = config.raw_hook(name, move |call: HookCall<()>| {
            let seen = Arc::clone(&seen);
            async move {
                let input = serde_json::from_str(call.raw.get()).expect("JSON");
                seen.lock().expect("a lock").push((name.to_owned(), input));
                None
            }
        });
    }
    config
}

#[tokio::test]
async fn observe_everything() {
    let offline = Offline::new().await;
    let client = offline.client().await;
    let seen = Arc::default();
    let config = watched(offline.config().on_permission(ApproveAll), &seen);
    let session = client.create_session(config).await.expect("a session");
    turn(&session, RUN).await;
    turn(&session, r#"tool:bash {"command":"exit 3","description":"Fail"}"#).await;
    turn(&session, r#"tool:view {"path":"/nowhere/at/all"}"#).await;
    turn(&session, r#"tool:task {"agent_type":"general-purpose","description":"look","prompt":"hello there","name":"x"}"#).await;
    turn(&session, "model-error-400").await;
    session.destroy().await.expect("destroyed");
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (name, input) in seen.lock().expect("a lock").iter() {
        println!("{name}: {input}");
    }
    client.stop().await;
    panic!("look");
}
