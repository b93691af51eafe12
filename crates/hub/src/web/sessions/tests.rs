use groundlink_protocol::api::{Presence, RequestKind, WaitingFor};

use super::*;

const HEARD: Presence = Presence { online: true, silent: false, last_seen_ms: None };

fn entry(id: &str, status: SessionStatus) -> SessionEntry {
    SessionEntry {
        session_id: id.to_owned(),
        link: format!("http://hub.example/base/t/key-of-{id}"),
        name: None,
        title: Some(format!("Title of {id}")),
        status,
        since: Some("2026-03-02T09:00:00.000Z".to_owned()),
        error: None,
        presence: HEARD,
        repository: Some("ann/orbit".to_owned()),
        branch: Some("main".to_owned()),
        cwd: Some("/home/ann/orbit".to_owned()),
        machine: Some("desk".to_owned()),
        model: Some("claude".to_owned()),
        waiting: Vec::new(),
        archived: false,
        created_at_ms: 1_000,
    }
}

fn waiting(id: &str, summaries: &[&str]) -> SessionEntry {
    let ask = |summary: &&str| WaitingFor {
        kind: RequestKind::Permission,
        summary: (*summary).to_owned(),
        requested_at: String::new(),
    };
    SessionEntry { waiting: summaries.iter().map(ask).collect(), ..entry(id, SessionStatus::Waiting) }
}

fn context() -> ListContext {
    ListContext {
        api_base: "/base/api/v1/hubs/KEY".into(),
        cursor: "e:7".into(),
        link_url: "http://hub.example/base/h/KEY".into(),
        qr: Some("<svg></svg>".into()),
        push: Some("BKEY".into()),
    }
}

#[test]
fn rows() {
    let failed = SessionEntry { error: Some("rate limited".into()), ..entry("e", SessionStatus::Error) };
    let bare = SessionEntry {
        title: None,
        repository: None,
        branch: None,
        machine: None,
        model: None,
        ..entry("bare", SessionStatus::Idle)
    };
    let rows = [
        row(&waiting("w", &["echo hi", "rm x"])),
        row(&failed),
        row(&SessionEntry { name: Some("Release".into()), archived: true, ..entry("a", SessionStatus::Ended) }),
        row(&bare),
    ];
    insta::assert_json_snapshot!(rows);
}

#[test]
fn only_a_session_that_goes_on_is_called_silent() {
    let silent = Presence { online: true, silent: true, last_seen_ms: Some(5_000) };
    for (status, expected) in
        [(SessionStatus::Working, true), (SessionStatus::Idle, true), (SessionStatus::Ended, false)]
    {
        let html = row(&SessionEntry { presence: silent, ..entry("s", status) }).html;
        assert_eq!(html.contains(">Silent<"), expected, "{html}");
    }
}

#[test]
fn each_session_has_its_group() {
    let away = Presence { online: false, silent: false, last_seen_ms: Some(5_000) };
    let cases = [
        (waiting("1", &["x"]), "needs"),
        (entry("2", SessionStatus::Working), "working"),
        (entry("3", SessionStatus::Idle), "idle"),
        (entry("4", SessionStatus::Error), "idle"),
        (entry("5", SessionStatus::Starting), "idle"),
        (SessionEntry { presence: away, ..waiting("6", &["x"]) }, "offline"),
        (SessionEntry { presence: away, ..entry("7", SessionStatus::Ended) }, "ended"),
        (SessionEntry { archived: true, ..waiting("8", &["x"]) }, "archived"),
    ];
    for (entry, expected) in &cases {
        assert_eq!(group(entry), *expected, "{}", entry.session_id);
    }
    assert_eq!(moment_ms(&cases[5].0), 5_000, "offline since it was heard last");
    let page = list(&cases.map(|(entry, _)| entry), &context());
    for (name, _) in GROUPS {
        assert!(page.contains(&format!("data-testid=\"group-{name}\">")), "{name} is shown");
    }
    assert!(page.contains("(1) Sessions"));
}

#[test]
fn the_order_is_that_of_a_person_who_looks_for_work() {
    let at = |id: &str, status, time: &str| SessionEntry {
        since: Some(format!("2026-03-02T{time}:00.000Z")),
        ..entry(id, status)
    };
    let sessions = [
        at("idle-old", SessionStatus::Idle, "08:00"),
        at("waits-short", SessionStatus::Waiting, "09:30"),
        at("idle-new", SessionStatus::Idle, "09:00"),
        at("waits-long", SessionStatus::Waiting, "09:10"),
        at("works", SessionStatus::Working, "07:00"),
    ];
    let page = list(&sessions, &context());
    let mut places: Vec<(usize, &str)> = sessions
        .iter()
        .map(|entry| (page.find(&format!("data-id=\"{}\"", entry.session_id)).unwrap(), entry.session_id.as_str()))
        .collect();
    places.sort_unstable();
    let order: Vec<&str> = places.into_iter().map(|(_, id)| id).collect();
    assert_eq!(order, ["waits-long", "waits-short", "works", "idle-new", "idle-old"]);
}

#[test]
fn without_sessions_the_page_says_so() {
    let page = list(&[], &context());
    assert!(page.contains("No sessions yet."));
    assert!(!page.contains("id=\"empty\" data-testid=\"empty\" hidden"), "{page}");
    assert!(page.contains("/base/assets/sessions.js?v="));
    // Nothing inline: the policy would refuse it.
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick"));
}

#[test]
fn hostile_names_are_inert() {
    let hostile = "<img src=x onerror=alert(1)>\u{202e}\u{200b}\"'";
    let sessions = [SessionEntry {
        name: Some(hostile.into()),
        repository: Some(hostile.into()),
        branch: Some(hostile.into()),
        machine: Some(hostile.into()),
        model: Some(hostile.into()),
        cwd: Some(hostile.into()),
        ..waiting("h", &[hostile])
    }];
    let page = list(&sessions, &context());
    assert!(!page.contains("<img"), "{page}");
    let shown = page.split("<strong").nth(1).unwrap().split("</strong>").next().unwrap();
    assert!(
        !shown.contains('\u{202e}') && !shown.contains('\u{200b}'),
        "direction and nothing are made visible: {shown}"
    );
}
