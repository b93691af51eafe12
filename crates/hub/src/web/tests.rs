//! Tests of fragments and patches.

use std::collections::{BTreeMap, HashSet};

use groundlink_protocol::Event;
use groundlink_protocol::api::{CommandState, Delivery, Device};
use groundlink_protocol::mc::ExporterInfo;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::patch::regions;
use super::*;
use crate::view::tests::{Feeder, fixture_events};
use crate::view::{Body, CommandNote, Past, Presence, SessionView};

const CONTEXT: fn() -> PageContext = || PageContext {
    api_base: "/api/v1/links/KEY".to_owned(),
    epoch: "e1".to_owned(),
    link_url: "http://hub.example/t/KEY".to_owned(),
    qr: Some("<svg data-a-code=\"\"></svg>".to_owned()),
    push: Some("BKEY".to_owned()),
};

fn exporter() -> ExporterInfo {
    let info = json!({
        "name": "groundlink-bridge",
        "notice": "This model is a script.",
        "suggestions": [{"label": "run a command", "prompt": "run a command"}],
    });
    serde_json::from_value(info).expect("an exporter")
}

/// The view of the fixture's first `count` events.
fn view_at(count: usize) -> SessionView {
    let mut view = SessionView::new("s-1");
    view.set_presence(Presence { online: true, silent: false, last_seen_ms: None });
    view.set_exporter(Some(exporter()));
    for (seq, event) in (1..).zip(fixture_events().iter().take(count)) {
        view.apply_event(event, (!event.ephemeral()).then_some(seq));
    }
    view
}

/// HTML with a line an element, to be reviewed by people.
fn lines(html: &str) -> String {
    html.replace("><", ">\n<")
}

/// The number of events up to and with the one that asks this.
fn until(request_id: &str) -> usize {
    let named = |event: &Event| {
        event.kind().ends_with(".requested") && event.raw().get().contains(&format!("\"{request_id}\""))
    };
    fixture_events().iter().position(named).expect("a request of this id") + 1
}

#[test]
fn the_page() {
    // The addresses of the files change with their content.
    let html = page(&view_at(6), &CONTEXT());
    let tag = without_tags(&html);
    insta::assert_snapshot!(lines(&tag));
}

/// Replaces the content tags of file addresses.
fn without_tags(html: &str) -> String {
    let mut parts = html.split("?v=");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("?v=TAG");
        out.push_str(&part[16..]);
    }
    out
}

#[test]
fn the_page_that_says_that_there_is_nothing() {
    insta::assert_snapshot!(lines(&without_tags(&not_found())));
}

#[test]
fn every_item_of_a_session() {
    let view = view_at(usize::MAX);
    let log: Vec<String> = view.items().map(|item| lines(&items::item(item).into_string())).collect();
    insta::assert_snapshot!(log.join("\n\n"));
}

/// The session with sub-agents, pictures, a list of things to do, changes, code and trouble.
fn rich_view() -> SessionView {
    let mut view = SessionView::new("s-2");
    view.set_presence(Presence { online: true, silent: false, last_seen_ms: None });
    let mut info = exporter();
    info.commands = vec!["model_switch".to_owned()];
    info.models = serde_json::from_value(json!([{"id": "claude-sonnet-4.5", "name": "Sonnet"}, {"id": "gpt-x"}]))
        .expect("models");
    view.set_exporter(Some(info));
    view.apply_command(&CommandNote {
        id: "c-1".to_owned(),
        kind: "user_message".to_owned(),
        state: CommandState::Applied,
        request_id: None,
        text: Some("x".to_owned()),
        reason: None,
        delivery: Delivery::Queue,
        device: Some(Device { id: "d1".to_owned(), name: Some("Ann's <phone>".to_owned()) }),
        taken: true,
    });
    for line in include_str!("fixtures/rich.jsonl").lines() {
        view.apply_event(&Event::parse(line).expect("an event"), None);
    }
    view
}

#[test]
fn a_session_with_everything() {
    let view = rich_view();
    insta::assert_snapshot!("rich log", lines(&log::log(&view).into_string()));
    let around = regions(&view).into_iter().filter(|(id, _)| *id != "log");
    let around: Vec<String> = around.map(|(id, html)| format!("{id}: {}", lines(&html))).collect();
    insta::assert_snapshot!("rich regions", around.join("\n"));
}

#[test]
fn the_steps_of_a_sub_agent_stand_within_its_call() {
    let view = rich_view();
    let kids = |n: u64| view.items().filter(|item| item.parent == Some(n)).map(|item| item.n).collect::<Vec<_>>();
    let agents: Vec<u64> = view
        .items()
        .filter(|item| matches!(&item.body, Body::Tool(tool) if tool.name == "task"))
        .map(|item| item.n)
        .collect();
    assert_eq!(agents.len(), 2);
    assert_eq!((kids(agents[0]).len(), kids(agents[1]).len()), (2, 1));
    // Also where the page begins after the call.
    let part = older(&view, kids(agents[1])[0] + 1).expect("it is kept");
    assert!(part.html.contains(&format!("data-parent=\"k{}\"", agents[1])));
}

#[test]
fn what_the_view_does_not_keep_comes_from_the_log() {
    let events: Vec<Event> = (0..5_020)
        .map(|n| {
            let event = json!({"id": format!("e{n}"), "type": "user.message", "data": {"content": n.to_string()}});
            Event::parse(&event.to_string()).expect("a well-formed event")
        })
        .collect();
    let mut view = SessionView::new("s-1");
    view.set_trimmed(12_345);
    view.apply_event(&events[0], Some(1));
    let older_part = older(&view, u64::MAX).expect("it is kept").html;
    assert!(older_part.contains("12,345 earlier events were trimmed"), "{older_part}");
    for (seq, event) in (2..).zip(&events[1..]) {
        view.apply_event(event, Some(seq));
    }
    // The first part that is kept leads on to the log.
    let older_part = older(&view, view.dropped() + 10).expect("it is kept");
    assert_eq!((view.dropped(), older_part.first, older_part.more), (500, Some(500), true));
    let leads = |html: &str, before: u64, until: u64| {
        html.contains(&format!("data-before=\"{before}\" data-until=\"{until}\""))
    };
    assert!(
        leads(&older_part.html, 500, 500) && older_part.html.contains("500 earlier items</button>"),
        "{}",
        older_part.html
    );
    assert_eq!(older(&view, 500), None);

    let mut past = Past::new("s-1", 500, HashSet::new());
    assert!((1..).zip(&events).any(|(seq, event)| past.apply_event(event, seq).is_break()), "it need not read on");
    let older_part = older_past(&past, 500, 500, 0);
    assert_eq!((older_part.first, older_part.more), (Some(350), true));
    assert!(leads(&older_part.html, 350, 350) && older_part.html.contains(">499</div>"), "{}", older_part.html);
    // Another page may have counted otherwise.
    let older_part = older_past(&past, 420, 150, 7);
    assert_eq!((older_part.first, older_part.more), (Some(270), false));
    assert!(
        older_part.html.contains("7 earlier events were trimmed") && older_part.html.contains("id=\"i270\""),
        "{}",
        older_part.html
    );
    let older_part = older_past(&past, 100, 150, 0);
    assert_eq!((older_part.first, older_part.more), (Some(0), false));
    assert!(older_part.html.contains("groundlink watch"), "{}", older_part.html);
}

#[test]
fn older_items_come_in_parts() {
    let mut feeder = Feeder::new();
    for n in 0..400 {
        feeder.event("user.message", json!({"content": format!("message {n}")}));
    }
    let first = |html: &str| html.matches("data-testid=\"item-user\"").count();
    assert_eq!(first(&page(&feeder.view, &CONTEXT())), 150);
    let mut before = 250;
    let mut seen = Vec::new();
    loop {
        let part = older(&feeder.view, before).expect("it is kept");
        seen.push((first(&part.html), part.more));
        match part.first {
            Some(n) if part.more => before = n,
            _ => break,
        }
    }
    assert_eq!(seen, [(150, true), (100, false)]);
    assert_eq!(older(&feeder.view, 0), Some(Older { html: String::new(), first: None, more: false }));
    assert_eq!(older(&feeder.view, u64::MAX).and_then(|part| part.first), Some(250));
}

#[test]
fn a_queued_message_can_be_changed_until_it_goes_out() {
    let mut feeder = Feeder::new();
    feeder.event("user.message", json!({"content": "x"}));
    let text = [None, Some("and <b>then</b>"), None];
    feeder.command("q1", "user_message", CommandState::Accepted, text);
    let row = |feeder: &Feeder| items::queued(&feeder.view, &feeder.view.queue()[0]).into_string();
    insta::assert_snapshot!(lines(&row(&feeder)));
    feeder.command("q1", "user_message", CommandState::Delivered, text);
    assert!(!row(&feeder).contains("queue-edit"));
    // Where nobody takes messages any more it can be taken back, and nothing else.
    feeder.command("q2", "user_message", CommandState::Accepted, text);
    feeder.event("session.shutdown", json!({}));
    let last = items::queued(&feeder.view, &feeder.view.queue()[1]).into_string();
    assert!(
        last.contains("the session has ended") && last.contains("queue-cancel") && !last.contains("queue-steer"),
        "{last}"
    );
}

#[test]
fn every_card() {
    for request in ["q-write", "q-shell", "q-ask", "q-hidden", "q-plan", "q-form"] {
        let view = view_at(until(request));
        let card = cards::card(&view, view.requests().last().expect("an open request"));
        insta::assert_snapshot!(format!("card {request}"), lines(&card.into_string()));
    }
}

#[test]
fn a_card_without_groundlinks_bridge_says_how_the_message_goes() {
    let mut view = view_at(until("q-shell"));
    view.set_exporter(None);
    let card = cards::card(&view, &view.requests()[0]).into_string();
    assert!(card.contains("deny-message"), "the hub sends the words after the refusal");
    assert!(card.contains("Deny also ends"));
}

#[test]
fn a_card_whose_answer_is_on_its_way_or_failed() {
    let mut feeder = Feeder::new();
    feeder
        .event(
            "permission.requested",
            json!({"requestId": "R", "permissionRequest": {"kind": "url", "url": "http://a"}}),
        )
        .command("c", "permission_response", CommandState::Accepted, [Some("R"), None, None]);
    let card = |feeder: &Feeder| cards::card(&feeder.view, &feeder.view.requests()[0]).into_string();
    let sent = card(&feeder);
    assert!(sent.contains("data-state=\"sent\"") && sent.contains("<fieldset disabled>"));
    feeder.command(
        "c",
        "permission_response",
        CommandState::Superseded,
        [Some("R"), None, Some("It was answered <at the terminal>.")],
    );
    let failed = card(&feeder);
    assert!(failed.contains("data-state=\"open\"") && failed.contains("answered &lt;at the terminal&gt;."));
}

#[test]
fn what_cannot_be_shown_whole_cannot_be_approved() {
    let mut feeder = Feeder::new();
    let command = "x".repeat(1_100_000);
    feeder.event("permission.requested", json!({"requestId": "R", "permissionRequest": {"kind": "shell", "fullCommandText": command, "canOfferSessionApproval": true}}));
    let card = cards::card(&feeder.view, &feeder.view.requests()[0]).into_string();
    assert_eq!(card.matches("disabled>").count(), 2, "both ways to approve");
}

#[test]
fn the_surroundings() {
    let mut shown = Vec::new();
    let mut show = |name: &str, view: &SessionView| {
        let parts = regions(view).into_iter().filter(|(id, _)| *id != "log" && *id != "dock");
        shown.extend(parts.map(|(id, html)| format!("{name} {id}: {}", lines(&html))));
    };
    let mut view = view_at(usize::MAX);
    show("ended", &view);
    view = view_at(8);
    view.set_presence(Presence { online: false, silent: false, last_seen_ms: Some(1_772_442_000_000) });
    show("silent", &view);
    let mut feeder = Feeder::new();
    show("new", &feeder.view);
    feeder
        .event("user.message", json!({"content": "x"}))
        .event(
            "tool.execution_start",
            json!({"toolCallId": "c", "toolName": "report_intent", "arguments": {"intent": "Exploring the code"}}),
        )
        .command("a", "abort", CommandState::Accepted, [None; 3])
        .command("m", "mode_switch", CommandState::Accepted, [None, Some("plan"), None])
        .command("u", "user_message", CommandState::Accepted, [None, Some("and <then>"), None]);
    show("stopping", &feeder.view);
    insta::assert_snapshot!(shown.join("\n"));
}

/// The patches a page gets when it follows the fixture event by event.
#[test]
fn the_patches_of_a_turn() {
    let mut view = view_at(until("q-shell") + 2);
    let mut cursor = ViewerCursor::at(&view, "e1");
    let mut patches: Vec<Value> = Vec::new();
    for (seq, event) in (1..).zip(fixture_events()).skip(until("q-shell") + 2).take(46) {
        view.apply_event(&event, (!event.ephemeral()).then_some(seq));
        if let Some(patch) = patch_since(&view, &mut cursor) {
            patches.push(json!({"id": cursor.to_string(), "patch": patch}));
        }
    }
    insta::assert_json_snapshot!(patches);
}

#[test]
fn cursors_survive_the_journey() {
    let view = view_at(until("q-shell") + 10);
    let cursor = ViewerCursor::at(&view, "e1");
    let text = cursor.to_string();
    assert!(text.matches('.').count() >= 2, "{text} speaks of the growing text");
    assert_eq!(ViewerCursor::parse(&text), Some(cursor.clone()));
    assert_eq!(ViewerCursor::resume("e1", Some(&text)), cursor);
    for other in [None, Some("e2.5"), Some("e1"), Some("e1.x"), Some("e1.5.3-4"), Some(""), Some("..")] {
        let mut cursor = ViewerCursor::resume("e1", other);
        assert_eq!(cursor, ViewerCursor::new("e1"), "{other:?}");
        let patch = patch_since(&view, &mut cursor).expect("everything");
        assert!(matches!(patch.ops.as_slice(), [Op::Reset { .. }]));
    }
}

#[test]
fn a_cursor_from_the_future_or_with_wrong_lengths_starts_over() {
    let view = view_at(until("q-shell") + 10);
    let mut ahead = ViewerCursor::resume("e1", Some("e1.99999.7"));
    assert!(matches!(patch_since(&view, &mut ahead).expect("everything").ops[0], Op::Reset { .. }));
    let item = view.items().last().expect("a growing text");
    let rev = view.rev() - 1;
    for lengths in ["1-2", "0-99999", "5-3"] {
        let mut odd = ViewerCursor::resume("e1", Some(&format!("e1.{rev}.3.{}-{lengths}", item.n)));
        let patch = patch_since(&view, &mut odd).expect("news");
        assert!(patch.ops.iter().any(|op| matches!(op, Op::Item { n, .. } if *n == item.n)), "{lengths}");
    }
}

#[test]
fn a_cursor_knows_how_many_events_it_is_behind() {
    let view = view_at(usize::MAX);
    let seen = view_at(20);
    let behind = view.last_seq() - seen.last_seq();
    assert!(behind > 0);
    let text = ViewerCursor::at(&seen, "e1").to_string();
    assert_eq!(ViewerCursor::resume("e1", Some(&text)).behind(&view), behind);
    // Also where everything is drawn anew, by a hub that started again.
    let elsewhere = ViewerCursor::resume("e2", Some(&text));
    assert_eq!((elsewhere.epoch(), elsewhere.behind(&view)), ("e2", behind));
    assert_eq!(ViewerCursor::resume("e1", None).behind(&view), view.last_seq());
    assert_eq!(ViewerCursor::at(&view, "e1").behind(&seen), 0, "of a longer log");
}

#[test]
fn a_page_can_be_installed_as_an_app() {
    let manifest: Value = serde_json::from_str(&manifest(&rich_view(), "KEY")).expect("JSON");
    assert_eq!((&manifest["start_url"], &manifest["scope"]), (&json!("../KEY"), &json!("../../")));
    let icons = manifest["icons"].as_array().expect("icons");
    for icon in icons {
        let file = icon["src"].as_str().and_then(|src| src.strip_prefix("../../assets/")).expect("a file of ours");
        let name = file.split('?').next().expect("a name");
        assert_eq!(icon["type"], asset(name).expect("it is there").content_type.split(';').next().expect("a type"));
    }
    assert!(icons.iter().any(|icon| icon["purpose"] == "maskable"));
}

#[test]
fn nothing_new_is_no_patch() {
    let view = view_at(usize::MAX);
    assert_eq!(patch_since(&view, &mut ViewerCursor::at(&view, "e1")), None);
}

#[test]
fn a_page_far_behind_is_drawn_anew() {
    let mut feeder = Feeder::new();
    feeder.event("user.message", json!({"content": "first"}));
    let mut cursor = ViewerCursor::at(&feeder.view, "e1");
    for n in 0..1000 {
        feeder.event("user.message", json!({"content": n.to_string()}));
    }
    let patch = patch_since(&feeder.view, &mut cursor).expect("news");
    let [Op::Reset { regions }] = patch.ops.as_slice() else { panic!("one reset") };
    assert!(regions["log"].contains("851 earlier items"));
}

#[test]
fn hostile_content_is_inert_everywhere() {
    let evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\u{1b}[31m\u{1b}]8;;javascript:alert(3)\u{7}\u{202e}\" onclick=\"alert(4)";
    let mut feeder = Feeder::new();
    let tool = |call: &str, name: &str| {
        json!({"toolCallId": call, "toolName": name, "toolTitle": evil, "mcpServerName": evil, "mcpToolName": evil,
        "arguments": {"command": evil, "path": evil, "question": evil, "intent": evil}})
    };
    feeder
        .event("session.start", json!({"selectedModel": evil, "context": {"cwd": evil, "branch": evil, "repository": evil}}))
        .event("session.title_changed", json!({"title": evil}))
        .event("session.mode_changed", json!({"newMode": evil}))
        .event("user.message", json!({"content": evil, "source": format!("command-{evil}")}))
        .event("assistant.message", json!({"messageId": evil, "content": evil, "reasoningText": evil}))
        .event("assistant.message_delta", json!({"messageId": "m2", "deltaContent": format!("```{evil}\n{evil}")}))
        .event("tool.execution_start", tool("c1", "bash"))
        .event("tool.execution_complete", json!({"toolCallId": "c1", "success": true, "result": {"content": evil}}))
        .event("tool.execution_start", tool("c2", evil))
        .event("tool.execution_complete", json!({"toolCallId": "c2", "success": false, "error": {"message": evil}}))
        .event("tool.execution_start", tool("c3", "edit"))
        .event("tool.execution_complete", json!({"toolCallId": "c3", "success": true, "result": {"content": "", "detailedContent": format!("diff --git {evil}\n@@\n+{evil}")}}))
        .event("tool.execution_start", tool("c4", "report_intent"))
        .event("session.error", json!({"message": evil}))
        .event("permission.requested", json!({"requestId": evil, "permissionRequest": {"kind": evil, "intention": evil, "warning": evil}}))
        .event("permission.requested", json!({"requestId": "b", "permissionRequest": {"kind": "write", "fileName": evil, "diff": evil}}))
        .event("user_input.requested", json!({"requestId": "c", "question": evil, "choices": [evil]}))
        .event("elicitation.requested", json!({"requestId": "d", "message": evil, "elicitationSource": evil, "requestedSchema": {"properties": {evil: {"type": "string", "title": evil, "enum": [evil]}}}}))
        .event("elicitation.requested", json!({"requestId": "e", "message": "", "mode": "url", "url": "javascript:alert(5)"}))
        .event("exit_plan_mode.requested", json!({"requestId": "f", "planContent": evil, "actions": [evil]}))
        .command("u", "user_message", CommandState::Accepted, [None, Some(evil), None]);
    let mut info = exporter();
    info.notice = Some(evil.to_owned());
    feeder.view.set_exporter(Some(info));
    let html = page(&feeder.view, &CONTEXT());
    assert_eq!(html.matches("<script").count(), 1, "only our own");
    assert!(!html.contains("<img") && !html.contains("href=\"javascript"));
    for name in attribute_names(&html) {
        assert!(!name.starts_with("on") && name != "style", "{name}");
    }
    assert!(html.contains("U+202E"));
}

/// The names of all attributes, as a parser sees them: what looks like one within a value or in the
/// text between tags is none.
fn attribute_names(html: &str) -> Vec<String> {
    let mut names = Vec::new();
    for tag in html.split('<').skip(1) {
        let mut quoted = false;
        let inside = tag.split(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let inside = inside.into_iter().next().unwrap_or_default();
        for (index, part) in inside.split('"').enumerate().filter(|(index, _)| index % 2 == 0) {
            let words = part.split_whitespace().skip(usize::from(index == 0));
            names.extend(words.map(|word| word.trim_end_matches('=').to_lowercase()));
        }
    }
    names
}

#[test]
fn attributes_are_found_where_a_parser_finds_them() {
    let html = r#"<a href="x" onclick="y">text onload="z"</a><input disabled value="a > onx=">"#;
    assert_eq!(attribute_names(html), ["href", "onclick", "disabled", "value"]);
}

// ---------------------------------------------------------------- patches and pages agree

/// What a page shows, as its script would keep it.
struct Dom {
    regions: BTreeMap<String, String>,
    log: BTreeMap<u64, String>,
    lists: BTreeMap<String, Vec<(String, String)>>,
    cursor: String,
}

impl Dom {
    fn new(view: &SessionView) -> Self {
        let mut dom = Self {
            regions: BTreeMap::new(),
            log: BTreeMap::new(),
            lists: BTreeMap::new(),
            cursor: ViewerCursor::at(view, "e1").to_string(),
        };
        dom.reset(view);
        dom
    }

    /// A page loaded now. Lists and log are taken apart as a browser's parser would do.
    fn reset(&mut self, view: &SessionView) {
        self.regions = regions(view).into_iter().map(|(id, html)| (id.to_owned(), html)).collect();
        self.log = view.items().map(|item| (item.n, items::item(item).into_string())).collect();
        let dock = view.requests().iter().map(|one| (cards::card_id(one.n), cards::card(view, one).into_string()));
        let queue = view.queue().iter().map(|one| (items::queued_id(one.n), items::queued(view, one).into_string()));
        self.lists = BTreeMap::from([("dock".to_owned(), dock.collect()), ("queue".to_owned(), queue.collect())]);
        for taken_apart in ["log", "dock", "queue"] {
            self.regions.remove(taken_apart);
        }
    }

    /// Asks for what is new, over a cursor that went through the browser, and does it.
    fn poll(&mut self, view: &SessionView) {
        let mut cursor = ViewerCursor::resume("e1", Some(&self.cursor));
        let patch = patch_since(view, &mut cursor);
        self.cursor = cursor.to_string();
        for op in patch.map(|patch| patch.ops).unwrap_or_default() {
            match op {
                Op::Reset { .. } => self.reset(view),
                Op::Region { target, html } => {
                    self.regions.insert(target.to_owned(), html);
                }
                Op::Item { n, html, .. } => {
                    self.log.insert(n, html);
                }
                Op::Text { target, blocks, tail, append } => self.text(&target, &blocks, tail, append),
                Op::List { target, order, html } => {
                    let old = self.lists.remove(target).unwrap_or_default();
                    let known: BTreeMap<_, _> = old.into_iter().chain(html).collect();
                    let list = order.into_iter().map(|id| (id.clone(), known[&id].clone())).collect();
                    self.lists.insert(target.to_owned(), list);
                }
            }
        }
    }

    fn text(&mut self, target: &str, blocks: &str, tail: Option<String>, append: Option<String>) {
        let n: u64 = target[1..].parse().expect("an item's id");
        let html = self.log.get_mut(&n).expect("an item that the page shows");
        let (head, rest) = html.rsplit_once("</div><div class=\"tail\">").expect("a growing text");
        let end = if rest.ends_with("</details>") { "</div></div></div></details>" } else { "</div></div></article>" };
        let old = rest.strip_suffix(end).expect("the end of a growing text");
        let new = match (tail, append) {
            (Some(tail), None) => tail,
            (None, Some(text)) => {
                let text = maud::html! { (text) }.into_string();
                let close = if old.ends_with("</code></pre>") { "</code></pre>" } else { "</div>" };
                let inside = old.strip_suffix(close).expect("a place to append to");
                format!("{inside}{text}{close}")
            }
            other => panic!("either or: {other:?}"),
        };
        *html = format!("{head}{blocks}</div><div class=\"tail\">{new}{end}");
    }

    fn assert_shows(&self, view: &SessionView) {
        let fresh = Self::new(view);
        assert_eq!(self.regions, fresh.regions);
        assert_eq!(self.lists, fresh.lists);
        // A page keeps the old items that a page loaded now does not get any more.
        for (n, html) in &fresh.log {
            assert_eq!(Some(html), self.log.get(n), "item {n}");
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// An event of the fixture, again and again if `fresh` gives it a new id.
    Event {
        index: usize,
        fresh: bool,
    },
    Delta {
        message: u8,
        text: &'static str,
        reasoning: bool,
    },
    Whole {
        message: u8,
    },
    Command {
        kind: &'static str,
        id: u8,
        state: CommandState,
    },
    Presence(bool),
    Poll(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let texts = prop::sample::select(vec![
        "word ",
        "**bold",
        "\n",
        "\n\n",
        "```rust\n",
        "code <b>\n",
        "```\n",
        "- x\n",
        "1. y\n",
        "# h\n",
        "| a | b |\n",
        "|---|---|\n",
        "&amp; ",
        "~~~\n",
    ]);
    let states = prop::sample::select(vec![
        CommandState::Accepted,
        CommandState::Delivered,
        CommandState::Applied,
        CommandState::Rejected,
        CommandState::Expired,
        CommandState::Superseded,
    ]);
    let kinds =
        prop::sample::select(vec!["user_message", "abort", "mode_switch", "permission_response", "ask_user_response"]);
    let count = fixture_events().len();
    prop_oneof![
        4 => (0..count, any::<bool>()).prop_map(|(index, fresh)| Step::Event { index, fresh }),
        6 => (0_u8..3, texts, prop::bool::weighted(0.2)).prop_map(|(message, text, reasoning)| Step::Delta { message, text, reasoning }),
        1 => (0_u8..3).prop_map(|message| Step::Whole { message }),
        2 => (kinds, 0_u8..4, states).prop_map(|(kind, id, state)| Step::Command { kind, id, state }),
        1 => any::<bool>().prop_map(Step::Presence),
        4 => (0_usize..3).prop_map(Step::Poll),
    ]
}

proptest! {
    /// Any order and repetition of events and commands: nothing panics, revisions go up, and every
    /// page that polled whenever it liked shows what a page loaded now shows.
    #[test]
    fn a_followed_page_shows_what_a_fresh_page_shows(steps in prop::collection::vec(step(), 1..120)) {
        let events = fixture_events();
        let mut feeder = Feeder::new();
        let mut pages: Vec<Dom> = (0..3).map(|_| Dom::new(&feeder.view)).collect();
        for step in steps {
            let rev = feeder.view.rev();
            match step {
                Step::Event { index, fresh: false } => feeder.view.apply_event(&events[index], None),
                Step::Event { index, fresh: true } => {
                    let data = serde_json::from_str(events[index].data_raw().get()).expect("data");
                    feeder.event(events[index].kind(), data);
                }
                Step::Delta { message, text, reasoning: true } => {
                    feeder.event("assistant.reasoning_delta", json!({"reasoningId": format!("r{message}"), "deltaContent": text}));
                }
                Step::Delta { message, text, reasoning: false } => {
                    feeder.event("assistant.message_delta", json!({"messageId": format!("m{message}"), "deltaContent": text}));
                }
                Step::Whole { message } => {
                    feeder.event("assistant.message", json!({"messageId": format!("m{message}"), "content": "whole\n\ntext"}));
                }
                Step::Command { kind, id, state } => {
                    let request = ["q-write", "q-shell", "q-ask", "c5"][usize::from(id)];
                    feeder.command(&format!("cmd-{id}"), kind, state, [Some(request), Some("plan"), None]);
                }
                Step::Presence(online) => feeder.view.set_presence(Presence { online, silent: false, last_seen_ms: Some(5) }),
                Step::Poll(page) => pages[page].poll(&feeder.view),
            }
            prop_assert!(feeder.view.rev() >= rev);
        }
        for page in &mut pages {
            page.poll(&feeder.view);
            page.assert_shows(&feeder.view);
        }
    }
}
