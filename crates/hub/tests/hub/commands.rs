//! Commands from a viewer to an exporter and back.

use std::time::{Duration, Instant};

use futures::future::join;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestHub, answer, ephemeral, event, eventually, json_of, permission, permission_completed};

fn ids(commands: &[Value]) -> Vec<&str> {
    commands.iter().map(|c| c["id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn a_message_is_delivered_acknowledged_and_proved() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let first = viewer.message("one").await;
    let second = viewer.message("two").await;
    assert_eq!(viewer.state(&first).await, "accepted");
    let commands = exporter.poll().await;
    assert_eq!(ids(&commands), [first.as_str()], "one message at a time");
    insta::assert_json_snapshot!(commands, {"[].id" => "[id]"});
    assert_eq!(viewer.state(&first).await, "delivered");
    assert!(exporter.poll().await.is_empty());
    exporter.acknowledge(&[&first]).await;
    assert_eq!(viewer.state(&first).await, "delivered", "an acknowledgement alone proves nothing");
    let proof = json!({"content": "one", "source": format!("command-{first}")});
    exporter.upload(&[event("m", Some("steerable"), "user.message", &proof)]).await;
    assert_eq!(viewer.state(&first).await, "applied");
    assert!(exporter.poll().await.is_empty(), "the turn runs");

    exporter.upload(&[ephemeral("i", "session.idle", &json!({}))]).await;
    assert_eq!(ids(&exporter.poll().await), [second.as_str()]);
    exporter.carry_out(&second, "two").await;
    assert_eq!(viewer.state(&second).await, "applied");
    assert!(exporter.poll().await.is_empty());
}

#[tokio::test]
async fn every_kind_of_command_has_its_words_on_the_wire() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter
        .upload(&[
            permission("P1"),
            permission("P2"),
            ephemeral("q", "user_input.requested", &json!({"requestId": "Q", "question": "Which?"})),
            ephemeral("f", "elicitation.requested", &json!({"requestId": "F", "message": "Fill in"})),
            ephemeral("x", "exit_plan_mode.requested", &json!({"requestId": "X", "actions": ["autopilot"]})),
            ephemeral("y", "exit_plan_mode.requested", &json!({"requestId": "Y"})),
        ])
        .await;
    let intents = [
        json!({"type": "permission_response", "request_id": "P1", "approved": true, "scope": "session"}),
        json!({"type": "permission_response", "request_id": "call-P2", "approved": false, "feedback": "no"}),
        json!({"type": "ask_user_response", "request_id": "Q", "answer": "red", "freeform": true}),
        json!({"type": "elicitation_response", "request_id": "F", "action": "accept", "content": {"a": [1, "ü"]}}),
        json!({"type": "plan_approval_response", "request_id": "X", "approved": true, "selected_action": "autopilot"}),
        json!({"type": "plan_approval_response", "request_id": "Y", "approved": false, "feedback": "add tests"}),
        json!({"type": "mode_switch", "mode": "plan"}),
        json!({"type": "abort"}),
    ];
    for (n, mut intent) in intents.into_iter().enumerate() {
        intent["client_id"] = format!("c{n}").into();
        viewer.command(&intent).await;
    }
    let abort = exporter.poll().await;
    let answers = exporter.poll().await;
    let mode = exporter.poll().await;
    insta::assert_json_snapshot!([abort, answers, mode], {"[][].id" => "[id]"});
}

#[tokio::test]
async fn a_held_poll_is_answered_at_once_when_a_command_comes() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let held = exporter.poll_with("?wait=20");
    let started = Instant::now();
    let post = async {
        // Once the poll is there, the session is online without any upload.
        tokio::time::sleep(Duration::from_millis(100)).await;
        viewer.message("now").await
    };
    let (commands, id) = join(held, post).await;
    assert_eq!(ids(&commands), [id.as_str()]);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_end_of_a_hold_is_429_for_the_cli_and_200_for_the_bridge() {
    let hub = TestHub::with(|b| b.poll_hold(Duration::from_millis(100))).await;
    let (exporter, _) = hub.session("s1").await;
    let cli = exporter.poll_request("").send().await.unwrap();
    assert_eq!(cli.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(cli.headers()["retry-after"], "0");
    assert_eq!(cli.text().await.unwrap(), "");
    let bridge = exporter.poll_request("?wait=0").send().await.unwrap();
    assert_eq!(bridge.status(), StatusCode::OK);
    assert_eq!(json_of(bridge).await, json!({"commands": []}));
    let other = exporter.http.get(format!("{}/sessions/s1/commands", exporter.base)).bearer_auth(&exporter.token);
    let other = other.header("copilot-integration-id", "vscode-chat").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn of_two_pollers_one_gets_the_command() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    for round in 0..3 {
        let polls = join(exporter.poll_with("?wait=1"), exporter.poll_with("?wait=1"));
        let post = async {
            tokio::task::yield_now().await;
            viewer.message(&format!("round {round}")).await
        };
        let ((a, b), id) = join(polls, post).await;
        let both: Vec<_> = ids(&a).into_iter().chain(ids(&b)).collect();
        assert_eq!(both, [id.as_str()]);
        exporter.carry_out(&id, "round").await;
    }
}

#[tokio::test]
async fn a_client_that_hung_up_does_not_lose_the_command() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let gone = tokio::time::timeout(Duration::from_millis(150), exporter.poll_with("?wait=30")).await;
    assert!(gone.is_err(), "nothing came");
    // The poll counts as contact until the hub has seen that it is gone.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let id = viewer.message("still there").await;
    assert_eq!(ids(&exporter.poll_with("?wait=5").await), [id.as_str()]);
}

#[tokio::test]
async fn a_lease_that_runs_out_hands_it_out_again_but_not_what_was_proved() {
    let hub = TestHub::with(|b| b.command_lease(Duration::from_millis(400))).await;
    let (exporter, viewer) = hub.session("s1").await;
    let id = viewer.message("again").await;
    assert_eq!(ids(&exporter.poll().await), [id.as_str()]);
    assert!(exporter.poll().await.is_empty(), "in somebody's hand");
    // Heard well after the hand-out, and of it nothing.
    tokio::time::sleep(Duration::from_millis(250)).await;
    exporter.upload(&[]).await;
    assert_eq!(ids(&exporter.poll_with("?wait=10").await), [id.as_str()], "nobody has confirmed it");
    let proof = json!({"content": "again", "source": format!("command-{id}")});
    exporter.upload(&[event("m", Some("steerable"), "user.message", &proof)]).await;
    assert!(exporter.poll_with("?wait=1").await.is_empty());
    assert_eq!(viewer.state(&id).await, "applied");
}

#[tokio::test]
async fn an_answer_needs_an_open_request_of_its_kind() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[permission("R")]).await;
    let problem = async |intent: Value| {
        let response = viewer.post(&intent).await;
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        json_of(response).await
    };
    let mut problems = vec![
        problem(answer("a", "unknown", true)).await,
        problem(json!({"client_id": "b", "type": "ask_user_response", "request_id": "R", "answer": "x"})).await,
    ];
    viewer.command(&answer("c", "R", true)).await;
    problems.push(problem(answer("d", "R", false)).await);
    exporter.upload(&[permission_completed("R", "approved")]).await;
    problems.push(problem(answer("e", "R", true)).await);
    exporter.upload(&[event("bye", Some("steerable"), "session.shutdown", &json!({}))]).await;
    problems.push(problem(json!({"client_id": "f", "type": "abort"})).await);
    insta::assert_json_snapshot!(problems);
}

#[tokio::test]
async fn an_answer_given_in_the_terminal_first_supersedes() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[permission("R"), permission("S")]).await;
    let waiting = viewer.command(&answer("a", "R", true)).await;
    exporter.upload(&[permission_completed("R", "denied-interactively-by-user")]).await;
    let receipt = viewer.receipt(waiting["id"].as_str().unwrap()).await;
    assert_eq!(receipt["state"], "superseded");
    insta::assert_json_snapshot!(receipt, {".id" => "[id]", ".accepted_at_ms" => "[ms]", ".ended_at_ms" => "[ms]"});
    assert!(exporter.poll().await.is_empty());

    let out = viewer.command(&answer("b", "S", true)).await;
    let id = out["id"].as_str().unwrap();
    assert_eq!(ids(&exporter.poll().await), [id]);
    exporter.upload(&[permission_completed("S", "denied-interactively-by-user")]).await;
    exporter.acknowledge(&[id]).await;
    assert_eq!(viewer.state(id).await, "superseded");
}

#[tokio::test]
async fn an_answer_is_applied_when_the_session_says_so() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[permission("R")]).await;
    assert_eq!(viewer.snapshot().await["status"], "waiting");
    let receipt = viewer.command(&answer("a", "R", true)).await;
    let id = receipt["id"].as_str().unwrap();
    assert_eq!(viewer.snapshot().await["pending"][0]["answering"], true);
    exporter.poll().await;
    exporter.acknowledge(&[id]).await;
    assert_eq!(viewer.state(id).await, "delivered", "an acknowledgement alone proves nothing");
    exporter.upload(&[permission_completed("R", "approved")]).await;
    assert_eq!(viewer.state(id).await, "applied");
    assert_eq!(viewer.snapshot().await["pending"], json!([]));
}

#[tokio::test]
async fn an_acknowledged_answer_without_effect_is_rejected_and_may_be_given_again() {
    let hub = TestHub::with(|b| b.command_lease(Duration::from_millis(200))).await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[permission("R")]).await;
    let receipt = viewer.command(&answer("a", "R", true)).await;
    let id = receipt["id"].as_str().unwrap();
    exporter.poll().await;
    exporter.acknowledge(&[id]).await;
    viewer.wait_for_state(id, "rejected").await;
    viewer.command(&answer("b", "R", true)).await;
}

#[tokio::test]
async fn a_bridge_may_refuse_with_a_reason() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    exporter.upload(&[permission("R")]).await;
    let message = viewer.message("x").await;
    let receipt = viewer.command(&answer("a", "R", true)).await;
    let id = receipt["id"].as_str().unwrap();
    exporter.poll().await;
    exporter.poll().await;
    let body = json!({"events": [permission_completed("R", "approved")], "rejected_commands":
        [{"id": message, "reason": "the session is gone"}, {"id": id, "reason": "success was false"}]});
    exporter.post(body.to_string()).await;
    let refused = viewer.receipt(&message).await;
    assert_eq!((&refused["state"], &refused["reason"]), (&json!("rejected"), &json!("the session is gone")));
    assert_eq!(viewer.state(id).await, "superseded", "somebody else's answer was the one");
}

#[tokio::test]
async fn the_same_client_id_is_the_same_command() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.session("s1").await;
    let intent = json!({"client_id": "once", "type": "user_message", "content": "hi"});
    let first = viewer.command(&intent).await;
    let again = viewer.post(&intent).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(json_of(again).await, first);
    assert_eq!(exporter.poll().await.len(), 1);
    assert!(exporter.poll().await.is_empty());
}

#[tokio::test]
async fn who_exports_only_cannot_be_steered_until_they_poll() {
    let hub = TestHub::start().await;
    let (exporter, viewer) = hub.attach("s1").await;
    assert_eq!(viewer.snapshot().await["steerable"], true, "as long as nobody knows");
    let read_only = json!({"infoType": "remote", "message": "Read-only remote session as octo"});
    let said = event("info", Some("start"), "session.info", &read_only);
    exporter.upload(&[crate::support::start("s1"), said]).await;
    assert_eq!(viewer.snapshot().await["steerable"], false);
    let refused = viewer.post(&json!({"client_id": "a", "type": "abort"})).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    exporter.poll().await;
    assert_eq!(viewer.snapshot().await["steerable"], true);
    viewer.command(&json!({"client_id": "a", "type": "abort"})).await;
}

#[tokio::test]
async fn too_many_waiting_commands_are_refused() {
    let hub = TestHub::start().await;
    let (_, viewer) = hub.session("s1").await;
    for n in 0..100 {
        viewer.message(&n.to_string()).await;
    }
    let refused = viewer.post(&json!({"client_id": "x", "type": "user_message", "content": "x"})).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    viewer.command(&json!({"client_id": "y", "type": "abort"})).await;
}

#[tokio::test]
async fn presence_comes_and_goes() {
    let hub = TestHub::with(|b| b.presence_timeout(Duration::from_millis(300))).await;
    let (exporter, viewer) = hub.session("s1").await;
    let online = async || viewer.snapshot().await["presence"]["online"] == true;
    assert!(online().await);
    eventually(async || !online().await, "offline").await;
    exporter.upload(&[]).await;
    assert!(online().await);
    let held = exporter.poll_with("?wait=1");
    let look = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        online().await
    };
    let (_, still) = join(held, look).await;
    assert!(still, "a held poll is contact");
}
