use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const LEASE: u64 = 15_000;

fn ledger() -> Ledger {
    Ledger::new(Limits::default())
}

fn new(id: &str, kind: CommandKind) -> NewCommand {
    NewCommand {
        id: id.to_owned(),
        client_id: format!("client-{id}"),
        kind,
        content: format!("content of {id}"),
        request_id: None,
        tool_call_id: None,
        answer: None,
        at_seq: 0,
    }
}

fn message(id: &str) -> NewCommand {
    new(id, CommandKind::UserMessage)
}

fn permission(id: &str, request: &str, approved: bool) -> NewCommand {
    NewCommand {
        request_id: Some(request.to_owned()),
        tool_call_id: Some(format!("call-{request}")),
        answer: Some(Answer::Approved(approved)),
        ..new(id, CommandKind::PermissionResponse)
    }
}

fn closed(request: &str, how: Closing) -> Evidence {
    Evidence::Closed { request_id: request.to_owned(), tool_call_id: None, how }
}

fn approved(yes: bool) -> Closing {
    Closing::Answered(Some(Answer::Approved(yes)))
}

fn taken(ledger: &mut Ledger, now: u64) -> Vec<String> {
    ledger.take(now).into_iter().map(|e| e.id).collect()
}

fn state(ledger: &Ledger, id: &str) -> CommandState {
    ledger.get(id).expect("known").state
}

#[test]
fn messages_go_one_at_a_time_and_in_order() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    l.accept(message("b"), 1).unwrap();
    assert_eq!(taken(&mut l, 2), ["a"]);
    assert!(taken(&mut l, 3).is_empty(), "b waits for a");
    l.acknowledge("a", 4);
    assert_eq!(state(&l, "a"), CommandState::Applied);
    assert_eq!(taken(&mut l, 5), ["b"]);
}

#[test]
fn a_mode_switch_keeps_its_place_between_messages() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    l.accept(new("plan", CommandKind::ModeSwitch), 0).unwrap();
    l.accept(message("b"), 0).unwrap();
    for id in ["a", "plan", "b"] {
        assert_eq!(taken(&mut l, 1), [id]);
        l.acknowledge(id, 1);
    }
}

#[test]
fn answers_and_aborts_overtake_and_aborts_travel_alone() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    l.accept(message("b"), 0).unwrap();
    assert_eq!(taken(&mut l, 1), ["a"]);
    l.accept(permission("p", "R", true), 2).unwrap();
    l.accept(permission("q", "S", true), 2).unwrap();
    l.accept(new("stop", CommandKind::Abort), 2).unwrap();
    assert_eq!(taken(&mut l, 3), ["stop"]);
    assert_eq!(taken(&mut l, 3), ["p", "q"]);
    assert!(taken(&mut l, 3).is_empty());
}

#[test]
fn a_lease_must_be_over_and_the_exporter_heard_before_a_second_hand_out() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    assert_eq!(taken(&mut l, 1_000), ["a"]);
    assert!(taken(&mut l, 1_000 + LEASE - 1).is_empty());
    assert!(taken(&mut l, 1_000 + LEASE).is_empty(), "its acknowledgement may still be on the way");
    l.heard(900);
    assert!(taken(&mut l, 1_000 + LEASE).is_empty(), "that upload was made before the hand-out");
    l.heard(2_000);
    assert_eq!(taken(&mut l, 1_000 + LEASE), ["a"]);
    assert_eq!(state(&l, "a"), CommandState::Delivered);
}

#[test]
fn a_silent_exporter_gets_it_again_after_four_leases() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    assert_eq!(taken(&mut l, 0), ["a"]);
    assert!(taken(&mut l, 4 * LEASE - 1).is_empty());
    assert_eq!(taken(&mut l, 4 * LEASE), ["a"]);
}

#[test]
fn a_command_is_not_handed_out_for_ever() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    let mut now = 0;
    for _ in 0..Limits::default().attempts {
        assert_eq!(taken(&mut l, now), ["a"]);
        l.heard(now + 1);
        now += LEASE;
    }
    assert!(taken(&mut l, now).is_empty());
    assert_eq!(state(&l, "a"), CommandState::Expired);
    assert!(l.get("a").unwrap().reason.is_some());
}

#[test]
fn a_released_hand_out_is_ready_at_once() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    assert_eq!(taken(&mut l, 1), ["a"]);
    l.release("a");
    assert_eq!(taken(&mut l, 2), ["a"]);
}

#[test]
fn an_event_proves_a_message_without_an_acknowledgement() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    taken(&mut l, 1);
    l.observe(&Evidence::Message { command_id: "a".to_owned() });
    assert_eq!(state(&l, "a"), CommandState::Applied);
    l.heard(2);
    assert!(taken(&mut l, 10 * LEASE).is_empty());
}

#[test]
fn what_closes_a_request_decides_about_its_answer() {
    use CommandState::{Applied, Superseded};
    let cases = [
        // (handed out, acknowledged, how the request ended, the answer's state)
        (true, false, approved(true), Applied),
        (true, true, approved(true), Applied),
        (true, false, approved(false), Superseded),
        (true, false, Closing::Answered(None), Applied),
        (true, false, Closing::Dropped, Superseded),
        (false, false, approved(true), Superseded),
        (false, false, Closing::Answered(None), Superseded),
        (false, false, Closing::Dropped, Superseded),
    ];
    for (out, ack, how, expected) in cases {
        let mut l = ledger();
        l.accept(permission("p", "R", true), 0).unwrap();
        if out {
            assert_eq!(taken(&mut l, 1), ["p"]);
        }
        if ack {
            l.acknowledge("p", 2);
        }
        l.observe(&closed("R", how.clone()));
        assert_eq!(state(&l, "p"), expected, "{out} {ack} {how:?}");
        assert_eq!(l.get("p").unwrap().reason.is_some(), expected == Superseded);
    }
}

#[test]
fn a_request_may_be_named_by_its_tool_call() {
    let mut l = ledger();
    l.accept(permission("p", "R", true), 0).unwrap();
    taken(&mut l, 1);
    l.observe(&Evidence::Closed {
        request_id: "another name".to_owned(),
        tool_call_id: Some("call-R".to_owned()),
        how: approved(true),
    });
    assert_eq!(state(&l, "p"), CommandState::Applied);
}

#[test]
fn an_acknowledged_answer_that_did_nothing_is_rejected_after_a_lease() {
    let mut l = ledger();
    l.accept(permission("p", "R", true), 0).unwrap();
    taken(&mut l, 1);
    l.acknowledge("p", 10);
    assert_eq!(state(&l, "p"), CommandState::Delivered);
    l.tick(10 + LEASE - 1);
    assert_eq!(state(&l, "p"), CommandState::Delivered);
    l.tick(10 + LEASE);
    assert_eq!(state(&l, "p"), CommandState::Rejected);
    assert!(!l.is_answering("R"), "another answer is welcome");
}

#[test]
fn a_request_takes_one_answer_at_a_time() {
    let mut l = ledger();
    l.accept(permission("p", "R", true), 0).unwrap();
    assert_eq!(l.accept(permission("q", "R", false), 1).unwrap_err(), Refusal::AlreadyAnswering);
    l.accept(permission("r", "S", false), 1).unwrap();
    l.reject("p", "no such prompt", true);
    l.accept(permission("s", "R", false), 2).unwrap();
}

#[test]
fn a_refused_answer_to_a_closed_request_is_superseded() {
    let mut l = ledger();
    l.accept(permission("p", "R", true), 0).unwrap();
    taken(&mut l, 1);
    l.reject("p", "success: false", false);
    assert_eq!(state(&l, "p"), CommandState::Superseded);
    l.accept(message("m"), 2).unwrap();
    taken(&mut l, 3);
    l.reject("m", "no session", false);
    assert_eq!(state(&l, "m"), CommandState::Rejected);
    assert_eq!(l.get("m").unwrap().reason.as_deref(), Some("no session"));
}

#[test]
fn nobody_fetches_it_and_it_expires_aborts_soonest() {
    let mut l = ledger();
    let limits = Limits::default();
    l.accept(message("m"), 0).unwrap();
    l.accept(new("stop", CommandKind::Abort), 0).unwrap();
    l.tick(limits.abort_ttl_ms);
    assert_eq!(state(&l, "stop"), CommandState::Expired);
    assert_eq!(state(&l, "m"), CommandState::Accepted);
    l.tick(limits.ttl_ms);
    assert_eq!(state(&l, "m"), CommandState::Expired);
    assert!(!l.has_open());
}

#[test]
fn too_many_open_commands_are_refused_but_an_abort_gets_through() {
    let mut l = Ledger::new(Limits { open: 1, ..Limits::default() });
    l.accept(message("a"), 0).unwrap();
    assert_eq!(l.accept(message("b"), 0).unwrap_err(), Refusal::TooMany);
    l.accept(new("stop", CommandKind::Abort), 0).unwrap();
}

#[test]
fn old_finished_commands_are_forgotten_once_told() {
    let mut l = ledger();
    for n in 0..FINISHED_KEPT + 10 {
        let id = format!("m{n}");
        l.accept(message(&id), 0).unwrap();
        l.take(0);
        l.acknowledge(&id, 0);
    }
    assert_eq!(l.entries().len(), FINISHED_KEPT + 10, "nobody was told yet");
    assert_eq!(l.take_changes().len(), FINISHED_KEPT + 10);
    assert_eq!(l.entries().len(), FINISHED_KEPT);
    assert!(l.get("m0").is_none());
}

#[test]
fn changes_that_could_not_be_stored_come_again() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    let changes = l.take_changes();
    l.untake_changes(&changes);
    assert_eq!(l.take_changes(), changes);
    assert!(l.take_changes().is_empty());
}

#[test]
fn a_restored_hand_out_keeps_its_lease() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    l.take(100);
    let stored = l.take_changes();
    let mut l = ledger();
    for entry in stored {
        l.restore(entry);
    }
    l.heard(200);
    assert!(taken(&mut l, 100 + LEASE - 1).is_empty());
    assert_eq!(taken(&mut l, 100 + LEASE), ["a"]);
}

#[derive(Debug, Clone)]
enum Op {
    Accept(CommandKind, u8),
    /// A poll; `true`: the client had hung up, so the hand-out is released.
    Take(bool),
    Acknowledge(u8),
    Reject(u8),
    Proof(u8),
    Close(u8, Option<bool>),
    Heard,
    Pass(u64),
    Tell,
}

fn op() -> impl Strategy<Value = Op> {
    use CommandKind::{Abort, AskUserResponse, ModeSwitch, PermissionResponse, UserMessage};
    let kind =
        prop::sample::select(vec![UserMessage, UserMessage, Abort, ModeSwitch, PermissionResponse, AskUserResponse]);
    prop_oneof![
        4 => (kind, 0..4_u8).prop_map(|(kind, request)| Op::Accept(kind, request)),
        6 => prop::bool::weighted(0.2).prop_map(Op::Take),
        2 => any::<u8>().prop_map(Op::Acknowledge),
        1 => any::<u8>().prop_map(Op::Reject),
        1 => any::<u8>().prop_map(Op::Proof),
        1 => (0..4_u8, any::<Option<bool>>()).prop_map(|(request, how)| Op::Close(request, how)),
        3 => Just(Op::Heard),
        4 => (0..2 * LEASE).prop_map(Op::Pass),
        1 => Just(Op::Tell),
    ]
}

/// What an onlooker knows about a command.
#[derive(Default)]
struct Seen {
    out_since: Option<u64>,
    heard_since: bool,
    end: Option<CommandState>,
    acknowledged: bool,
}

fn check_hand_out(ledger: &Ledger, seen: &HashMap<String, Seen>, out: &[Entry], now: u64) {
    assert!(out.iter().filter(|e| !e.kind.is_answer()).count() <= 1, "only answers travel together");
    assert!(out.len() <= 1 || out.iter().all(|e| e.kind.is_answer()));
    for entry in out {
        let before = &seen[&entry.id];
        assert!(before.end.is_none(), "{} was at its end", entry.id);
        assert!(!before.acknowledged, "{} was acknowledged", entry.id);
        if let Some(since) = before.out_since {
            assert!(now >= since + LEASE, "{} was still in somebody's hand", entry.id);
            assert!(before.heard_since || now >= since + 4 * LEASE);
        }
        if entry.kind.is_queued() {
            let earlier = ledger.entries().iter().filter(|e| e.kind.is_queued() && e.order < entry.order);
            assert!(earlier.clone().all(|e| !e.is_open()), "{} overtook", entry.id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_runs_twice_and_everything_ends(ops in prop::collection::vec(op(), 1..120)) {
        let mut ledger = ledger();
        let mut seen: HashMap<String, Seen> = HashMap::new();
        let mut now = 1_000_000;
        let mut count = 0_u32;
        let pick = |n: u8, count: u32| format!("c{}", if count == 0 { 0 } else { u32::from(n) % count });
        for op in ops {
            match op {
                Op::Accept(kind, request) => {
                    let mut command = new(&format!("c{count}"), kind);
                    if kind.is_answer() {
                        command.request_id = Some(format!("R{request}"));
                        command.answer = Some(Answer::Approved(true));
                    }
                    let answering = command.request_id.as_deref().is_some_and(|r| ledger.is_answering(r));
                    let result = ledger.accept(command, now).map(|e| e.id.clone());
                    prop_assert_eq!(result.is_err(), answering);
                    if let Ok(id) = result {
                        seen.insert(id, Seen::default());
                        count += 1;
                    }
                }
                Op::Take(hung_up) => {
                    let out = ledger.take(now);
                    check_hand_out(&ledger, &seen, &out, now);
                    for entry in out {
                        let seen = seen.get_mut(&entry.id).unwrap();
                        if hung_up {
                            ledger.release(&entry.id);
                            seen.out_since = None;
                        } else {
                            seen.out_since = Some(now);
                        }
                        seen.heard_since = false;
                    }
                }
                Op::Acknowledge(n) => {
                    let id = pick(n, count);
                    ledger.acknowledge(&id, now);
                    if let Some(seen) = seen.get_mut(&id) {
                        seen.acknowledged = true;
                    }
                }
                Op::Reject(n) => ledger.reject(&pick(n, count), "no", n % 2 == 0),
                Op::Proof(n) => ledger.observe(&Evidence::Message { command_id: pick(n, count) }),
                Op::Close(request, how) => {
                    let how = how.map_or(Closing::Dropped, approved);
                    ledger.observe(&closed(&format!("R{request}"), how));
                    let still = ledger.is_answering(&format!("R{request}"));
                    prop_assert!(!still);
                }
                Op::Heard => {
                    ledger.heard(now);
                    for s in seen.values_mut() {
                        s.heard_since |= s.out_since.is_some_and(|at| now > at);
                    }
                }
                Op::Pass(ms) => {
                    now += ms;
                    ledger.tick(now);
                }
                Op::Tell => drop(ledger.take_changes()),
            }
            for entry in ledger.entries() {
                let seen = seen.get_mut(&entry.id).unwrap();
                match seen.end {
                    Some(end) => prop_assert_eq!(entry.state, end, "an end is an end"),
                    None if entry.state.is_final() => seen.end = Some(entry.state),
                    None => {}
                }
            }
        }
        now += Limits::default().ttl_ms + 4 * LEASE;
        ledger.tick(now);
        prop_assert!(!ledger.has_open());
    }
}
