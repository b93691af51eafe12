//! What records, words, unions and secrets do.

use groundlink_protocol::types::{
    ApproveForSession, ConnectParams, PermissionDecision, PermissionRequest, Reject, SendMode, SessionApproval,
    SessionRemoteEnableResult, SessionSendParams,
};
use groundlink_protocol::{Empty, Extra, Secret, mc};
use serde_json::json;

use crate::support::{read, written};

#[test]
fn a_record_is_made_of_what_it_needs() {
    let send = SessionSendParams { mode: Some(SendMode::Immediate), ..SessionSendParams::new("s1", "hi") };
    assert_eq!(written(&send), json!({"sessionId": "s1", "prompt": "hi", "mode": "immediate"}));
    assert_eq!(written(&ConnectParams::default()), json!({}));
}

#[test]
fn a_missing_field_is_named() {
    let error = read::<SessionSendParams>(&json!({"sessionId": "s1"})).expect_err("no prompt");
    insta::assert_snapshot!(error, @"SessionSendParams needs the field `prompt`");
    let error = read::<SessionSendParams>(&json!({"sessionId": 7, "prompt": "hi"})).expect_err("no text");
    insta::assert_snapshot!(error, @"SessionSendParams cannot read its field `sessionId`: invalid type: integer `7`, expected a string at line 1 column 1");
    let error = read::<SessionSendParams>(&json!([])).expect_err("no object");
    insta::assert_snapshot!(error, @"invalid type: sequence, expected an object at line 1 column 0");
}

#[test]
fn odd_optional_values_count_as_absent_and_are_kept() {
    let json = json!({"id": "a", "owner_id": "7", "repo_id": null, "task_id": ["t"], "exporter": {"version": "1"}});
    let attach: mc::AttachRequest = read(&json).expect("still an attach request");
    assert_eq!(attach.id.as_deref(), Some("a"));
    assert!(attach.owner_id.is_none() && attach.repo_id.is_none() && attach.task_id.is_none());
    assert!(attach.exporter.is_none(), "it has no name");
    assert_eq!(written(&attach), json);
    // What is set afterwards wins over what was kept.
    let attach = mc::AttachRequest { owner_id: Some(7), task_id: Some("t".into()), ..attach };
    let json = json!({"id": "a", "owner_id": 7, "repo_id": null, "task_id": "t", "exporter": {"version": "1"}});
    assert_eq!(written(&attach), json);
}

#[test]
fn the_last_of_repeated_keys_counts() {
    let result: SessionRemoteEnableResult =
        serde_json::from_str(r#"{"remoteSteerable":false,"x":1,"remoteSteerable":true,"x":2}"#).expect("a result");
    assert!(result.remote_steerable);
    assert_eq!(result.extra.get_as::<u8>("x"), Some(2));
    assert_eq!(result.extra.get("remoteSteerable").map(serde_json::value::RawValue::get), Some("false"));
    assert_eq!(serde_json::to_string(&result).expect("JSON"), r#"{"remoteSteerable":true,"x":1,"x":2}"#);
}

#[test]
fn numbers_and_order_of_unknown_fields_are_kept() {
    let text = r#"{"remoteSteerable":true,"z":1.0,"a":123456789012345678901234567890,"m":1e400}"#;
    let result: SessionRemoteEnableResult = serde_json::from_str(text).expect("a result");
    assert_eq!(serde_json::to_string(&result).expect("JSON"), text);
}

#[test]
fn unknown_words_are_kept() {
    let mode: SendMode = read(&json!("telepathic")).expect("a word");
    assert_eq!(mode, SendMode::Unknown("telepathic".into()));
    assert_eq!(mode.to_string(), "telepathic");
    assert_eq!(written(&mode), json!("telepathic"));
    assert_eq!(SendMode::from("enqueue"), SendMode::Enqueue);
}

#[test]
fn unions_go_by_their_tag() {
    let decision: PermissionDecision = Reject { feedback: Some("not today".into()), ..Reject::default() }.into();
    assert_eq!(written(&decision), json!({"kind": "reject", "feedback": "not today"}));

    let approval = SessionApproval::from(groundlink_protocol::types::ApproveCommands::new(vec!["ls".into()]));
    let decision: PermissionDecision =
        ApproveForSession { approval: Some(approval), ..ApproveForSession::default() }.into();
    assert_eq!(
        written(&decision),
        json!({"kind": "approve-for-session", "approval": {"kind": "commands", "commandIdentifiers": ["ls"]}})
    );

    // A kind of a later release, a kind that lacks what it needs, and no kind at all.
    for (json, tag) in [
        (json!({"kind": "teleport", "to": "Oslo"}), "teleport"),
        (json!({"kind": "shell"}), "shell"),
        (json!({"to": "Oslo"}), ""),
        (json!({"kind": 7}), ""),
    ] {
        let request: PermissionRequest = read(&json).expect("a permission request");
        assert!(matches!(request, PermissionRequest::Unknown(_)));
        assert_eq!(request.tag(), tag);
        assert_eq!(written(&request), json);
    }
}

#[test]
fn nothing_is_read_from_anything() {
    for json in [json!(null), json!({}), json!([]), json!("ok"), json!(7)] {
        assert_eq!(written(&read::<Empty>(&json).expect("nothing")), json!({}));
    }
    assert_eq!(written(&read::<Empty>(&json!({"new": 1})).expect("nothing")), json!({"new": 1}));
}

#[test]
fn secrets_are_written_but_not_shown() {
    let params = ConnectParams { token: Some(Secret::new("canary")), ..ConnectParams::default() };
    assert_eq!(written(&params), json!({"token": "canary"}));
    assert_eq!(params.token.as_ref().map(Secret::expose), Some("canary"));
    assert!(!format!("{params:?}").contains("canary"));
    // Nor are fields that might be secrets.
    let params: ConnectParams = read(&json!({"password": "canary"})).expect("parameters");
    assert!(!format!("{params:?}").contains("canary"));
}

#[test]
fn extra_fields_are_a_small_map() {
    let mut extra = Extra::new();
    extra.set("a", &1).expect("JSON");
    extra.set("b", &[true]).expect("JSON");
    extra.set("a", &2).expect("JSON");
    assert_eq!((extra.len(), extra.is_empty()), (2, false));
    assert_eq!(extra.get_as::<u8>("a"), Some(2));
    assert_eq!(extra.get_as::<String>("a"), None);
    assert!(extra.remove("a") && !extra.remove("a"));
    assert_eq!(extra.iter().map(|(name, value)| (name, value.get())).collect::<Vec<_>>(), [("b", "[true]")]);
}

#[test]
fn types_can_be_read_from_values_too() {
    let json = json!({"id": "cmd-1", "state": "in_progress", "type": "abort", "content": "", "new": {"a": [1]}});
    let command: mc::Command = serde_json::from_value(json.clone()).expect("a command");
    assert_eq!(command.kind, mc::CommandType::Abort);
    assert_eq!(serde_json::to_value(&command).expect("JSON"), json);
}
