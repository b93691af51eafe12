use serde_json::{Value, json};

use super::*;
use crate::protocol::api::RequestKind;

const COLUMNS: u16 = 60;
const ROWS: u16 = 14;

/// A screen in a terminal that remembers what it was told.
struct Screen {
    ui: Ui<Vec<u8>>,
    began: Instant,
    from: u64,
}

impl Screen {
    fn new() -> Self {
        Self { ui: Ui::new(Vec::new(), usize::from(COLUMNS)), began: Instant::now(), from: 0 }
    }

    fn shown(&self) -> String {
        let mut terminal = vt100::Parser::new(ROWS, COLUMNS, 0);
        terminal.process(&self.ui.out);
        let text = terminal.screen().contents();
        let (row, column) = terminal.screen().cursor_position();
        format!("{}\n[cursor {row},{column}]", text.trim_end())
    }

    /// The session's state now.
    fn state(&mut self, status: &str, pending: &[Value]) -> Vec<String> {
        self.state_where(true, status, pending)
    }

    fn state_where(&mut self, steerable: bool, status: &str, pending: &[Value]) -> Vec<String> {
        let state = json!({"session_id": "s", "status": status, "presence": {"online": true}, "steerable": steerable,
            "pending": pending, "last_seq": 1, "viewers": 1});
        self.ui.state(serde_json::from_value(state).unwrap(), self.from, self.began).unwrap()
    }

    /// Presses a key, long after everything was asked.
    fn press(&mut self, code: KeyCode) -> Option<Wish> {
        self.press_with(code, KeyModifiers::NONE)
    }

    fn press_with(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Option<Wish> {
        self.ui.key(KeyEvent::new(code, modifiers), self.began + TOO_SOON).unwrap()
    }

    fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            assert_eq!(self.press(KeyCode::Char(c)), None, "{c}");
        }
    }
}

fn request(id: &str, kind: RequestKind, more: &Value) -> Value {
    let mut request = json!({"request_id": id, "kind": kind, "summary": "s", "allow_freeform": false, "answering": false,
        "seq": 1, "requested_at": "", "digest": format!("digest of {id}"), "choices": []});
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

fn shell(id: &str) -> Value {
    request(id, RequestKind::Permission, &json!({"permission": "shell", "detail": "echo hi"}))
}

fn permission(id: &str, approved: bool, feedback: Option<&str>) -> Wish {
    let feedback = feedback.map(str::to_owned);
    let action = CommandAction::PermissionResponse { request_id: id.to_owned(), approved, scope: None, feedback };
    Wish::Send(action, Some(format!("digest of {id}")))
}

/// An answer without words.
fn answer_to(id: &str) -> CommandAction {
    CommandAction::ElicitationResponse { request_id: id.to_owned(), action: "cancel".to_owned(), content: None }
}

fn message(text: &str, delivery: Delivery) -> Wish {
    Wish::Send(CommandAction::UserMessage { content: text.to_owned(), delivery }, None)
}

#[test]
fn the_transcript_scrolls_above_the_foot_and_nothing_of_an_old_foot_is_left() {
    let mut screen = Screen::new();
    screen.ui.add("--- A session ---\n").unwrap();
    screen.state("working", &[]);
    screen.ui.add("copilot> a text that str").unwrap();
    screen.ui.add("eams in and is longer than one row of the terminal is").unwrap();
    let streaming = screen.shown();
    screen.ui.add(", to its end\n* Run tests\n").unwrap();
    screen.type_text("and then");
    screen.press(KeyCode::Left);
    screen.state("waiting", &[shell("r")]);
    let typing = screen.shown();
    screen.press(KeyCode::Esc);
    let asked = screen.shown();
    screen.ui.finish("Detached; the session goes on.").unwrap();
    insta::assert_snapshot!([streaming, typing, asked, screen.shown()].join("\n=====\n"));
}

#[test]
fn many_lines_leave_one_foot() {
    let mut screen = Screen::new();
    screen.state("idle", &[]);
    for n in 0..50 {
        screen.ui.add(&format!("line {n} {}\n", "word ".repeat(n % 20))).unwrap();
    }
    let shown = screen.shown();
    assert_eq!(shown.matches("Ctrl+C detaches").count(), 1, "{shown}");
    assert!(shown.contains("line 49") && shown.ends_with("[cursor 13,9]"), "{shown}");
}

#[test]
fn what_is_asked_and_every_key_stay_in_sight() {
    let mut screen = Screen::new();
    let mut write = json!({"permission": "write", "summary": "/a/long/way/to/some/file/in/the/project/file.txt",
        "detail": "+one", "session_scope": true});
    screen.state("waiting", &[request("w", RequestKind::Permission, &write)]);
    for n in 0..50 {
        screen.ui.add(&format!("* something else {n}\n")).unwrap();
    }
    let asked = screen.shown();
    screen.press(KeyCode::Char('d'));
    let why = screen.shown();
    screen.press(KeyCode::Esc);
    write["summary"] = json!("a\u{1b}[2J\n? [shell] b");
    screen.state("waiting", &[request("h", RequestKind::Permission, &write)]);
    insta::assert_snapshot!([asked, why, screen.shown()].join("\n=====\n"));
}

#[test]
fn a_narrow_terminal_loses_no_key() {
    let mut screen = Screen::new();
    screen.ui.resize(40).unwrap();
    screen.state("waiting", &[shell("r")]);
    let shown = screen.shown();
    for key in ["needs you: [shell] echo hi", "y approve", "n deny", "Tab message", "Ctrl+C detaches"] {
        assert!(shown.contains(key), "{key}: {shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() < 40), "{shown}");
    screen.ui.hint(&"a reason in many words ".repeat(12)).unwrap();
    assert_eq!(screen.shown().lines().filter(|line| line.contains('…')).count(), 1, "{}", screen.shown());
    assert_eq!(rows("", 10), [""]);
    assert_eq!(rows("a · b · wwwwwwwwwwwwww x", 10), ["a · b", "wwwwwwwww…", "x"]);
}

#[test]
fn words_that_did_not_arrive_are_not_lost() {
    let mut screen = Screen::new();
    screen.state("idle", &[]);
    screen.type_text("a long thought");
    let Some(Wish::Send(sent, _)) = screen.press(KeyCode::Enter) else { panic!("it is sent") };
    screen.ui.failed(&sent, "Not done: the hub is away").unwrap();
    assert!(screen.shown().contains("the hub is away") && screen.shown().contains("message> a long thought"));
    // What is being written meanwhile is left alone.
    screen.ui.failed(&sent, "Not done: once more").unwrap();
    assert!(screen.shown().ends_with("message> a long thought\n[cursor 1,23]"), "{}", screen.shown());

    screen.press(KeyCode::Esc);
    screen.state("waiting", &[shell("r")]);
    screen.press(KeyCode::Char('d'));
    screen.type_text("because");
    let Some(Wish::Send(sent, _)) = screen.press(KeyCode::Enter) else { panic!("it is denied") };
    screen.ui.failed(&sent, "Not done").unwrap();
    assert!(screen.shown().contains("why not> because"), "{}", screen.shown());
    screen.press(KeyCode::Esc);
    screen.state("idle", &[]);
    screen.ui.failed(&sent, "Not done").unwrap();
    assert!(!screen.shown().contains("because"), "nothing waits for it any more: {}", screen.shown());
}

#[test]
fn nothing_is_offered_that_cannot_be_done() {
    let mut screen = Screen::new();
    screen.state_where(false, "waiting", &[shell("r")]);
    assert!(screen.shown().contains("waiting · shared for reading only · Ctrl+C detaches"), "{}", screen.shown());
    assert_eq!(screen.press(KeyCode::Char('y')), None);
    assert!(screen.shown().contains("shared for reading only.") && !screen.shown().contains("message>"));

    screen.state("working", &[]);
    screen.type_text("half");
    screen.state("ended", &[]);
    assert_eq!(screen.press(KeyCode::Enter), None);
    assert!(screen.shown().contains("The session has ended.") && screen.shown().contains("half"), "{}", screen.shown());
    assert_eq!(screen.ui.farewell(), "Detached.");
    assert_eq!(screen.press_with(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Wish::Detach));
}

#[test]
fn a_hub_that_is_gone_is_not_called_idle() {
    let mut screen = Screen::new();
    screen.state("idle", &[]);
    screen.ui.connection(true).unwrap();
    assert!(screen.shown().contains("no connection to the hub") && !screen.shown().contains("idle"));
    screen.ui.connection(false).unwrap();
    assert!(screen.shown().contains("idle · Ctrl+C detaches"), "{}", screen.shown());
}

#[test]
fn keys_answer_what_waits() {
    let mut screen = Screen::new();
    screen.state("waiting", &[shell("r1"), shell("r2")]);
    assert_eq!(screen.press(KeyCode::Char('y')), Some(permission("r1", true, None)));
    // The answer is under way: the next key is for the next request.
    assert_eq!(screen.press(KeyCode::Char('N')), Some(permission("r2", false, None)));
    assert_eq!(screen.press(KeyCode::Char('y')), None, "now it is a letter");
    screen.ui.failed(&answer_to("r2"), "Not done: somebody else was first").unwrap();
    assert!(screen.shown().contains("somebody else was first"));
    screen.press(KeyCode::Esc);
    screen.press(KeyCode::Char('d'));
    screen.type_text("not now");
    assert_eq!(screen.press(KeyCode::Enter), Some(permission("r2", false, Some("not now"))));
}

#[test]
fn a_key_that_was_meant_for_something_else_answers_nothing() {
    let mut screen = Screen::new();
    screen.state("working", &[]);
    screen.type_text("say y");
    // A request comes while somebody types: the words stay words.
    screen.state("waiting", &[shell("r")]);
    screen.type_text(" then");
    assert!(screen.shown().contains("something waits for an answer: Tab"), "{}", screen.shown());
    assert_eq!(screen.press(KeyCode::Enter), Some(message("say y then", Delivery::Queue)));
    let soon = screen.began + Duration::from_millis(100);
    let early = screen.ui.key(KeyEvent::new(KeyCode::Char('y'), KeyModifiers::NONE), soon).unwrap();
    assert_eq!(early, None);
    assert!(screen.shown().contains("only just been asked"), "{}", screen.shown());
    assert_eq!(screen.press(KeyCode::Char('q')), None);
    screen.ui.paste("y").unwrap();
    assert!(screen.shown().contains("Tab"), "{}", screen.shown());
    screen.press(KeyCode::Tab);
    screen.type_text("y");
    assert_eq!(screen.press(KeyCode::Enter), Some(message("y", Delivery::Queue)));
    assert_eq!(screen.press(KeyCode::Char('y')), Some(permission("r", true, None)));
}

#[test]
fn what_was_not_shown_whole_is_not_approved() {
    let mut screen = Screen::new();
    let long =
        request("r", RequestKind::Permission, &json!({"permission": "write", "detail": "+ a\n[900 more bytes]"}));
    let said = screen.state("waiting", &[long]);
    assert_eq!(said, ["  | + a\n  | [900 more bytes]"]);
    assert_eq!(screen.press(KeyCode::Char('y')), None);
    assert!(screen.shown().contains("too long"), "{}", screen.shown());
    assert_eq!(screen.press(KeyCode::Char('n')), Some(permission("r", false, None)));
}

#[test]
fn what_was_asked_before_the_transcript_begins_is_said_in_full() {
    let mut screen = Screen::new();
    assert!(screen.state("waiting", &[shell("r")]).is_empty(), "the transcript says it");
    let mut screen = Screen::new();
    screen.from = 5;
    let said = screen.state("waiting", &[shell("r")]);
    assert!(said.len() == 1 && said[0].contains("echo hi"), "{said:?}");
    assert!(screen.state("waiting", &[shell("r")]).is_empty(), "once");
}

#[test]
fn questions_forms_and_plans_have_keys_of_their_own() {
    let mut screen = Screen::new();
    let question = request("q", RequestKind::UserInput, &json!({"choices": ["red", "blue"], "allow_freeform": true}));
    assert_eq!(screen.state("waiting", &[question]), ["  1 red\n  2 blue"]);
    assert!(screen.shown().contains("1-2 choose · a answer in words"), "{}", screen.shown());
    assert_eq!(screen.press(KeyCode::Char('y')), None);
    assert_eq!(screen.press(KeyCode::Char('3')), None);
    let answer = |answer: &str, freeform| {
        let (request_id, answer) = ("q".to_owned(), answer.to_owned());
        Some(Wish::Send(
            CommandAction::AskUserResponse { request_id, answer, freeform },
            Some("digest of q".to_owned()),
        ))
    };
    assert_eq!(screen.press(KeyCode::Char('2')), answer("blue", false));
    screen.ui.failed(&answer_to("q"), "").unwrap();
    screen.press(KeyCode::Char('a'));
    screen.type_text("green");
    assert_eq!(screen.press(KeyCode::Enter), answer("green", true));

    let schema = json!({"properties": {"color": {"type": "string", "oneOf": [{"const": "r", "title": "Red"}]}}});
    let form = request("f", RequestKind::Elicitation, &json!({"schema": schema}));
    assert_eq!(screen.state("waiting", &[form]), ["  1 Red"]);
    let accept = |content: Value| CommandAction::ElicitationResponse {
        request_id: "f".into(),
        action: "accept".into(),
        content: Some(content),
    };
    assert_eq!(
        screen.press(KeyCode::Char('1')),
        Some(Wish::Send(accept(json!({"color": "r"})), Some("digest of f".into())))
    );

    let number = json!({"properties": {"age": {"type": "integer"}}});
    screen.state("waiting", &[request("f", RequestKind::Elicitation, &json!({"schema": number}))]);
    screen.ui.failed(&answer_to("f"), "").unwrap();
    screen.press(KeyCode::Char('a'));
    screen.type_text("old");
    assert_eq!(screen.press(KeyCode::Enter), None);
    assert!(screen.shown().contains("does not fit") && screen.shown().contains("answer> old"), "{}", screen.shown());
    screen.press_with(KeyCode::Char('u'), KeyModifiers::CONTROL);
    screen.type_text("7");
    assert_eq!(screen.press(KeyCode::Enter), Some(Wish::Send(accept(json!({"age": 7})), Some("digest of f".into()))));

    screen.state("waiting", &[request("p", RequestKind::PlanApproval, &json!({}))]);
    let Some(Wish::Send(CommandAction::PlanApprovalResponse { approved, .. }, _)) = screen.press(KeyCode::Char('y'))
    else {
        panic!("a plan is approved by y");
    };
    assert!(approved);
}

#[test]
fn an_approval_for_the_session_has_a_key_where_it_is_on_offer() {
    let mut screen = Screen::new();
    screen.state("waiting", &[shell("r1")]);
    assert!(!screen.shown().contains("for the session"), "{}", screen.shown());
    assert_eq!(screen.press(KeyCode::Char('s')), None);
    assert!(screen.shown().contains("once only"), "{}", screen.shown());
    let mut more = json!({"permission": "shell", "detail": "echo hi", "session_scope": true});
    screen.state("waiting", &[request("r2", RequestKind::Permission, &more)]);
    assert!(screen.shown().contains("s for the session"), "{}", screen.shown());
    let Some(Wish::Send(CommandAction::PermissionResponse { approved, scope, .. }, digest)) =
        screen.press(KeyCode::Char('s'))
    else {
        panic!("it is approved");
    };
    assert_eq!((approved, scope.as_deref(), digest.as_deref()), (true, Some("session"), Some("digest of r2")));
    more["detail"] = "echo [900 more bytes]".into();
    screen.state("waiting", &[request("r3", RequestKind::Permission, &more)]);
    assert_eq!(screen.press(KeyCode::Char('s')), None, "what was not shown whole is not approved");
}

#[test]
fn a_form_is_filled_in_field_by_field() {
    let mut screen = Screen::new();
    let schema = json!({"type": "object", "required": ["name", "size"], "properties": {
        "color": {"type": "string", "title": "Colour", "enum": ["r", "g"], "enumNames": ["Red", "Green"]},
        "count": {"type": "integer", "description": "How many there are", "default": 3},
        "extras": {"type": "array", "items": {"type": "string", "enum": ["lid", "box", "bow"]}},
        "name": {"type": "string", "title": "Your name"},
        "size": {"type": "number"},
        "wrap": {"type": "boolean"},
    }});
    let form = request("f", RequestKind::Elicitation, &json!({"schema": schema}));
    let said = screen.state("waiting", std::slice::from_ref(&form));
    let asked = screen.shown();
    assert!(asked.contains("f fill in · n decline"), "{asked}");
    screen.press(KeyCode::Char('f'));
    let first = screen.shown();
    // Colour: by its title; count: as it is; extras: several, by number and word.
    let mut steps = Vec::new();
    for (text, wrong) in [("blue", true), ("green", false), ("", false), ("1, bow", false), ("", true), ("Ann", false)]
    {
        screen.type_text(text);
        assert_eq!(screen.press(KeyCode::Enter), None, "{text}");
        steps.push(screen.shown());
        if wrong {
            screen.press_with(KeyCode::Char('u'), KeyModifiers::CONTROL);
        }
    }
    // Back, and other words.
    screen.press(KeyCode::Up);
    assert!(screen.shown().contains("Your name (4/6)> Ann"), "{}", screen.shown());
    screen.type_text("e");
    screen.press(KeyCode::Enter);
    screen.type_text("tall");
    screen.press(KeyCode::Enter);
    assert!(screen.shown().contains("wants a number"), "{}", screen.shown());
    screen.press_with(KeyCode::Char('u'), KeyModifiers::CONTROL);
    screen.type_text("1.5");
    screen.press(KeyCode::Enter);
    let last = screen.shown();
    let content = json!({"color": "g", "count": 3, "extras": ["lid", "bow"], "name": "Anne", "size": 1.5});
    let answer =
        CommandAction::ElicitationResponse { request_id: "f".into(), action: "accept".into(), content: Some(content) };
    assert_eq!(screen.press(KeyCode::Enter), Some(Wish::Send(answer, Some("digest of f".into()))));
    let mut shown = vec![said.join("\n"), asked, first];
    shown.extend(steps);
    shown.push(last);
    insta::assert_snapshot!(shown.join("\n=====\n"));

    // Given up, and answered elsewhere while it was being filled in: the words are kept.
    screen.ui.failed(&answer_to("f"), "").unwrap();
    screen.press(KeyCode::Char('f'));
    screen.press(KeyCode::Esc);
    assert!(screen.shown().contains("f fill in"), "{}", screen.shown());
    screen.press(KeyCode::Char('f'));
    screen.type_text("red");
    screen.state("working", &[]);
    assert!(screen.shown().contains("answered elsewhere") && screen.shown().contains("message> red"));
}

#[test]
fn fields_come_in_the_order_of_the_form() {
    let mut screen = Screen::new();
    let schema =
        json!({"properties": {"city": {"type": "string"}, "name": {"type": "string"}, "zip": {"type": "string"}}});
    let order = ["name", "zip", "city"];
    let form = request("f", RequestKind::Elicitation, &json!({"schema": schema, "field_order": order}));
    let said = screen.state("waiting", &[form]);
    assert_eq!(said, ["  - name (optional)\n  - zip (optional)\n  - city (optional)"]);
    screen.press(KeyCode::Char('f'));
    assert!(screen.shown().contains("name (1/3)>"), "{}", screen.shown());
}

#[test]
fn a_form_that_is_not_flat_is_left_to_the_page() {
    let mut screen = Screen::new();
    let schema = json!({"properties": {"a": {"type": "object"}, "b": {"type": "string"}}});
    screen.state("waiting", &[request("f", RequestKind::Elicitation, &json!({"schema": schema}))]);
    assert!(screen.shown().contains("fill it in on the page · n decline"), "{}", screen.shown());
    assert_eq!(screen.press(KeyCode::Char('f')), None);
    assert!(screen.shown().contains("Tab"), "{}", screen.shown());
}

#[test]
fn words_for_a_request_that_somebody_else_answered_are_kept() {
    let mut screen = Screen::new();
    screen.state("waiting", &[shell("r")]);
    screen.press(KeyCode::Char('d'));
    screen.type_text("use tabs");
    screen.state("working", &[]);
    assert!(screen.shown().contains("answered elsewhere") && screen.shown().contains("message> use tabs"));
    assert_eq!(screen.press_with(KeyCode::Enter, KeyModifiers::ALT), Some(message("use tabs", Delivery::Steer)));
}

#[test]
fn a_turn_is_stopped_and_the_viewer_left() {
    let mut screen = Screen::new();
    screen.state("idle", &[]);
    assert_eq!(screen.press_with(KeyCode::Char('x'), KeyModifiers::CONTROL), None);
    screen.state("working", &[]);
    let stop = screen.press_with(KeyCode::Char('x'), KeyModifiers::CONTROL);
    assert_eq!(stop, Some(Wish::Send(CommandAction::Abort {}, None)));
    screen.type_text("draft");
    assert_eq!(screen.press_with(KeyCode::Char('d'), KeyModifiers::CONTROL), None);
    assert_eq!(screen.press_with(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Wish::Detach));
}
