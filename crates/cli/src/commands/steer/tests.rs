use super::*;

fn request(id: &str, kind: RequestKind) -> PendingRequest {
    PendingRequest {
        request_id: id.to_owned(),
        kind,
        tool_call_id: None,
        summary: "Write the time".to_owned(),
        detail: None,
        choices: Vec::new(),
        allow_freeform: true,
        schema: None,
        field_order: Vec::new(),
        permission: None,
        session_scope: false,
        answering: false,
        seq: 1,
        requested_at: String::new(),
        digest: "seen".to_owned(),
    }
}

/// What `respond LINK r WORDS` would post, as JSON, or the error.
fn answer(request: &PendingRequest, words: &[&str]) -> String {
    use clap::Parser as _;
    let line = ["groundlink", "respond", "http://h/t/k", "r"].iter().chain(words);
    let crate::args::Command::Respond(args) = crate::args::Cli::try_parse_from(line).unwrap().command else { panic!() };
    match action(request, &args) {
        Ok(action) => serde_json::to_string(&action).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn requests_are_found_by_id_or_its_beginning() {
    let pending: Vec<_> = ["ab1", "ab2", "ab"].map(|id| request(id, RequestKind::Permission)).into();
    assert_eq!(find(&pending, "ab2").unwrap().request_id, "ab2");
    assert_eq!(find(&pending, "ab").unwrap().request_id, "ab", "the whole id comes first");
    assert!(matches!(find(&pending, "a"), Err(Error::AmbiguousRequest { .. })));
    assert!(matches!(find(&pending, "x"), Err(Error::NoSuchRequest { .. })));
}

#[test]
fn answers_fit_the_request() {
    use RequestKind::{Elicitation, Permission, PlanApproval, UserInput};
    let mut color = request("r", UserInput);
    color.choices = vec!["red".into()];
    let with_schema = |schema: Value| PendingRequest { schema: Some(schema), ..request("r", Elicitation) };
    let name = with_schema(json!({"type": "object", "properties": {"name": {"type": "string"}}}));
    let count = with_schema(json!({"type": "object", "properties": {"n": {"type": "integer"}}}));
    let confirm = with_schema(json!({"type": "object", "properties": {"ok": {"type": "boolean"}}}));
    let two = with_schema(json!({"type": "object", "properties": {"a": {}, "b": {}}}));
    let rows: &[(&PendingRequest, &[&str], &str)] = &[
        (&request("r", Permission), &["approve"], r#"{"type":"permission_response","request_id":"r","approved":true}"#),
        (
            &request("r", Permission),
            &["deny", "--feedback", "no"],
            r#"{"type":"permission_response","request_id":"r","approved":false,"feedback":"no"}"#,
        ),
        (
            &PendingRequest { session_scope: true, ..request("r", Permission) },
            &["approve", "--session"],
            r#"{"type":"permission_response","request_id":"r","approved":true,"scope":"session"}"#,
        ),
        (
            &request("r", Permission),
            &["approve", "--session"],
            "this request wants another answer: `approve` alone: it can be approved once only",
        ),
        (&request("r", Permission), &["--answer", "x"], "this request wants another answer: `approve` or `deny`"),
        (
            &color,
            &["--answer", "red"],
            r#"{"type":"ask_user_response","request_id":"r","answer":"red","freeform":false}"#,
        ),
        (
            &color,
            &["--answer", "mauve"],
            r#"{"type":"ask_user_response","request_id":"r","answer":"mauve","freeform":true}"#,
        ),
        (&color, &["approve"], "this request wants another answer: `--answer TEXT`"),
        (
            &request("r", PlanApproval),
            &["approve"],
            r#"{"type":"plan_approval_response","request_id":"r","approved":true}"#,
        ),
        (
            &request("r", PlanApproval),
            &["--answer", "autopilot"],
            r#"{"type":"plan_approval_response","request_id":"r","approved":true,"selected_action":"autopilot"}"#,
        ),
        (
            &name,
            &["--answer", "Ada"],
            r#"{"type":"elicitation_response","request_id":"r","action":"accept","content":{"name":"Ada"}}"#,
        ),
        (
            &count,
            &["--answer", "3"],
            r#"{"type":"elicitation_response","request_id":"r","action":"accept","content":{"n":3}}"#,
        ),
        (
            &confirm,
            &["approve"],
            r#"{"type":"elicitation_response","request_id":"r","action":"accept","content":{"ok":true}}"#,
        ),
        (&name, &["deny"], r#"{"type":"elicitation_response","request_id":"r","action":"decline"}"#),
        (
            &two,
            &["--answer", r#"{"a":1,"b":2}"#],
            r#"{"type":"elicitation_response","request_id":"r","action":"accept","content":{"a":1,"b":2}}"#,
        ),
        (
            &two,
            &["--answer", "x"],
            "this request wants another answer: `--answer` with the form's fields as a JSON object, or `deny`",
        ),
    ];
    for (request, words, want) in rows {
        assert_eq!(answer(request, words), *want, "{words:?}");
    }
}

#[test]
fn receipts_decide_the_exit_code() {
    let receipt = |state, reason: Option<&str>| CommandReceipt {
        id: "c".into(),
        client_id: "x".into(),
        kind: "abort".into(),
        state,
        reason: reason.map(str::to_owned),
        device: None,
        request_id: None,
        part_of: None,
        accepted_at_ms: 0,
        delivered_at_ms: None,
        ended_at_ms: None,
    };
    assert!(outcome(&receipt(CommandState::Applied, None)).is_ok());
    let error = outcome(&receipt(CommandState::Rejected, Some("no turn is running"))).unwrap_err();
    assert_eq!(error.to_string(), "the session did not take it: no turn is running");
    for state in [CommandState::Superseded, CommandState::Cancelled, CommandState::Unknown] {
        assert!(outcome(&receipt(state, None)).is_err(), "{state}");
    }
}

#[test]
fn a_request_is_described_with_everything_that_matters() {
    let shell = PendingRequest {
        permission: Some("shell".into()),
        detail: Some("date >> x\nrm \u{202e}y".into()),
        answering: true,
        ..request("r1", RequestKind::Permission)
    };
    let question =
        PendingRequest { choices: vec!["red".into(), "blue".into()], ..request("r2", RequestKind::UserInput) };
    insta::assert_snapshot!(format!("{}\n{}", describe(&shell), describe(&question)));
}
