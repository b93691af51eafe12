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
        delivery: Delivery::Queue,
        device: None,
        subject: None,
        follow: None,
    }
}

/// What the session is like while nothing runs.
fn idle() -> Facts {
    Facts { idle: true, switches_models: true, ..Facts::default() }
}

fn working() -> Facts {
    Facts { idle: false, ..idle() }
}

fn message(id: &str) -> NewCommand {
    new(id, CommandKind::UserMessage)
}

fn steering(id: &str) -> NewCommand {
    NewCommand { delivery: Delivery::Steer, ..message(id) }
}

fn arrived(id: &str) -> Evidence {
    Evidence::Message { command_id: id.to_owned() }
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
    assert_eq!(state(&l, "a"), CommandState::Delivered);
    assert!(taken(&mut l, 5).is_empty(), "a has not arrived yet");
    l.observe(&arrived("a"), 6);
    l.set_facts(working(), 6);
    assert_eq!(state(&l, "a"), CommandState::Applied);
    assert!(taken(&mut l, 7).is_empty(), "b waits for the end of the turn");
    l.set_facts(idle(), 8);
    assert_eq!(taken(&mut l, 9), ["b"]);
}

#[test]
fn a_steering_message_goes_at_once_and_overtakes_the_queue() {
    let mut l = ledger();
    l.set_facts(working(), 0);
    l.accept(message("a"), 0).unwrap();
    l.accept(steering("s"), 1).unwrap();
    l.accept(steering("t"), 1).unwrap();
    assert_eq!(taken(&mut l, 2), ["s"]);
    assert!(taken(&mut l, 3).is_empty());
    l.acknowledge("s", 4);
    assert_eq!(taken(&mut l, 5), ["t"], "the session may read s long after");
    assert_eq!(l.waiting().iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["s", "t", "a"]);
}

#[test]
fn switches_keep_their_order_and_do_not_wait_for_the_queue() {
    let mut l = ledger();
    l.set_facts(working(), 0);
    l.accept(message("a"), 0).unwrap();
    l.accept(switch("plan", CommandKind::ModeSwitch), 0).unwrap();
    l.accept(switch("gpt", CommandKind::ModelSwitch), 0).unwrap();
    assert_eq!(taken(&mut l, 1), ["plan"]);
    l.acknowledge("plan", 2);
    assert_eq!(taken(&mut l, 3), ["gpt"]);
    assert_eq!(state(&l, "plan"), CommandState::Delivered, "the mode is not that yet");
    l.observe(&Evidence::Mode { mode: "plan".to_owned() }, 4);
    l.observe(&Evidence::Model { model: "gpt".to_owned() }, 4);
    assert_eq!(state(&l, "plan"), CommandState::Applied);
    assert_eq!(state(&l, "gpt"), CommandState::Applied);
}

fn switch(word: &str, kind: CommandKind) -> NewCommand {
    NewCommand { answer: Some(Answer::Word(word.to_owned())), delivery: Delivery::Steer, ..new(word, kind) }
}

#[test]
fn what_the_exporter_does_not_know_is_never_handed_out() {
    let mut l = ledger();
    l.set_facts(idle(), 0);
    l.accept(switch("gpt", CommandKind::ModelSwitch), 0).unwrap();
    // The bridge has gone, the CLI exports by itself now.
    l.set_facts(Facts { switches_models: false, ..idle() }, 1);
    assert!(taken(&mut l, 2).is_empty());
    assert_eq!(state(&l, "gpt"), CommandState::Rejected);
}

#[test]
fn an_acknowledged_switch_or_abort_ends_by_what_the_session_is() {
    let facts = |idle, mode: Option<&str>| Facts { mode: mode.map(str::to_owned), idle, ..working() };
    let mode = |word| switch(word, CommandKind::ModeSwitch);
    let abort = || new("stop", CommandKind::Abort);
    let cases = [
        (mode("plan"), facts(true, Some("plan")), CommandState::Applied),
        (mode("interactive"), facts(true, None), CommandState::Applied),
        (mode("plan"), facts(true, None), CommandState::Rejected),
        (abort(), facts(true, None), CommandState::Applied),
        (abort(), facts(false, None), CommandState::Rejected),
    ];
    for (command, facts, expected) in cases {
        let mut l = ledger();
        l.set_facts(facts.clone(), 0);
        let id = command.id.clone();
        l.accept(command, 0).unwrap();
        assert_eq!(taken(&mut l, 1), [id.as_str()]);
        l.acknowledge(&id, 2);
        l.tick(2 + LEASE);
        assert_eq!(state(&l, &id), expected, "{id} {facts:?}");
    }
}

#[test]
fn a_waiting_message_can_be_changed_and_taken_back() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    l.accept(message("b"), 0).unwrap();
    assert_eq!(l.edit("a", "other words".to_owned(), None).unwrap().content, "other words");
    assert_eq!(l.cancel("b", None, 1).unwrap().state, CommandState::Cancelled);
    assert_eq!(l.cancel("b", None, 1).unwrap_err(), Fixed::Ended(CommandState::Cancelled));
    assert_eq!(l.take(2)[0].content, "other words");
    assert_eq!(l.edit("a", "late".to_owned(), None).unwrap_err(), Fixed::Delivered);
    assert_eq!(l.cancel("a", None, 3).unwrap_err(), Fixed::Delivered);
    assert_eq!(l.cancel("c", None, 3).unwrap_err(), Fixed::NotThere);
    l.accept(new("stop", CommandKind::Abort), 3).unwrap();
    assert_eq!(l.edit("stop", "x".to_owned(), None).unwrap_err(), Fixed::NoMessage);
}

#[test]
fn the_words_of_a_refusal_follow_it_before_the_queue() {
    let mut l = ledger();
    l.set_facts(working(), 0);
    l.accept(message("a"), 0).unwrap();
    l.accept(NewCommand { follow: Some("use make".to_owned()), ..permission("p", "R", false) }, 0).unwrap();
    assert_eq!(taken(&mut l, 1), ["p"]);
    assert!(l.get("p-words").is_none(), "nobody knows yet whether it counts");
    l.observe(&closed("R", approved(false)), 2);
    assert_eq!(state(&l, "p"), CommandState::Applied);
    assert!(taken(&mut l, 3).is_empty(), "the turn is not over yet");
    l.set_facts(idle(), 4);
    let out = l.take(5);
    assert_eq!((out[0].id.as_str(), out[0].content.as_str()), ("p-words", "use make"));
    assert_eq!(out[0].part_of.as_deref(), Some("p"));

    let mut l = ledger();
    l.accept(NewCommand { follow: Some("use make".to_owned()), ..permission("p", "R", false) }, 0).unwrap();
    l.take(1);
    l.observe(&closed("R", approved(true)), 2);
    assert_eq!(state(&l, "p"), CommandState::Superseded);
    assert!(l.get("p-words").is_none(), "somebody else's answer counted");
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
fn a_lease_must_be_over_and_the_exporter_heard_well_after_before_a_second_hand_out() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    assert_eq!(taken(&mut l, 1_000), ["a"]);
    assert!(taken(&mut l, 1_000 + LEASE - 1).is_empty());
    assert!(taken(&mut l, 1_000 + LEASE).is_empty(), "its acknowledgement may still be on the way");
    l.heard(2_000);
    assert!(taken(&mut l, 1_000 + LEASE).is_empty(), "that upload may have been made before the hand-out");
    l.heard(1_000 + LEASE / 2);
    assert_eq!(taken(&mut l, 1_000 + LEASE), ["a"]);
    assert_eq!(state(&l, "a"), CommandState::Delivered);
}

#[test]
fn an_exporter_that_attaches_again_is_heard_out_first() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    assert_eq!(taken(&mut l, 0), ["a"]);
    l.heard(LEASE);
    l.attached(LEASE);
    assert!(taken(&mut l, LEASE + 1).is_empty(), "its history may hold the message");
    l.heard(2 * LEASE);
    assert_eq!(taken(&mut l, 2 * LEASE), ["a"]);
}

#[test]
fn what_a_vanished_exporter_did_is_unknown_until_proof_comes() {
    let vanished = Limits::default().vanished_ms;
    let mut l = ledger();
    l.tick(0);
    l.accept(message("a"), 0).unwrap();
    l.accept(permission("p", "R", true), 0).unwrap();
    assert_eq!(taken(&mut l, 10), ["p"]);
    assert_eq!(taken(&mut l, 10), ["a"]);
    l.tick(10 + vanished - 1);
    assert_eq!(state(&l, "a"), CommandState::Delivered);
    l.tick(10 + vanished);
    assert_eq!(state(&l, "a"), CommandState::Unknown);
    assert_eq!(state(&l, "p"), CommandState::Unknown);
    assert!(l.get("a").unwrap().reason.is_some());
    assert!(taken(&mut l, 20 + vanished).is_empty(), "it is not guessed at");
    assert!(!l.is_answering("R"), "another answer is welcome");
    // The exporter is back, and its history tells.
    l.observe(&arrived("a"), 30 + vanished);
    l.observe(&closed("R", approved(false)), 30 + vanished);
    assert_eq!(state(&l, "a"), CommandState::Applied);
    assert_eq!(state(&l, "p"), CommandState::Superseded);
    l.observe(&closed("R", approved(true)), 40 + vanished);
    assert_eq!(state(&l, "p"), CommandState::Superseded, "an end is an end");
}

#[test]
fn a_restart_of_the_hub_is_not_the_exporters_silence() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    l.take(0);
    let stored = l.take_changes();
    let mut l = ledger();
    for entry in stored {
        l.restore(entry);
    }
    let late = 10 * Limits::default().vanished_ms;
    l.tick(late);
    assert_eq!(state(&l, "a"), CommandState::Delivered);
    l.tick(late + Limits::default().vanished_ms);
    assert_eq!(state(&l, "a"), CommandState::Unknown);
}

#[test]
fn an_acknowledged_message_that_does_not_show_up_is_not_called_applied() {
    let mut l = ledger();
    l.set_facts(working(), 0);
    l.accept(steering("s"), 0).unwrap();
    l.take(1);
    l.acknowledge("s", 2);
    l.tick(2 + 100 * LEASE);
    assert_eq!(state(&l, "s"), CommandState::Delivered, "a long tool runs, and the agent reads it afterwards");
    let mut stopped = ledger();
    stored_into(&mut l, &mut stopped);
    l.set_facts(idle(), 200 * LEASE);
    l.tick(201 * LEASE - 1);
    assert_eq!(state(&l, "s"), CommandState::Delivered);
    l.tick(201 * LEASE);
    assert_eq!(state(&l, "s"), CommandState::Unknown);

    stopped.set_facts(working(), 0);
    stopped.observe(&Evidence::Aborted { remote: false }, 200 * LEASE);
    stopped.set_facts(idle(), 200 * LEASE);
    stopped.tick(201 * LEASE);
    assert_eq!(state(&stopped, "s"), CommandState::Rejected, "the CLI drops what it had not read");
}

fn stored_into(from: &mut Ledger, to: &mut Ledger) {
    for entry in from.take_changes() {
        to.restore(entry);
    }
}

#[test]
fn a_command_is_not_handed_out_for_ever() {
    let mut l = ledger();
    l.accept(message("a"), 0).unwrap();
    let mut now = 0;
    for _ in 0..Limits::default().attempts {
        assert_eq!(taken(&mut l, now), ["a"]);
        now += LEASE;
        l.heard(now);
    }
    assert!(taken(&mut l, now).is_empty());
    assert_eq!(state(&l, "a"), CommandState::Unknown);
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
    l.observe(&arrived("a"), 1);
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
        l.observe(&closed("R", how.clone()), 3);
        assert_eq!(state(&l, "p"), expected, "{out} {ack} {how:?}");
        assert_eq!(l.get("p").unwrap().reason.is_some(), expected == Superseded);
    }
}

#[test]
fn a_request_may_be_named_by_its_tool_call() {
    let mut l = ledger();
    l.accept(permission("p", "R", true), 0).unwrap();
    taken(&mut l, 1);
    let by_call = Evidence::Closed {
        request_id: "another name".to_owned(),
        tool_call_id: Some("call-R".to_owned()),
        how: approved(true),
    };
    l.observe(&by_call, 2);
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
    l.reject("p", "no such prompt", true, 2);
    l.accept(permission("s", "R", false), 2).unwrap();
}

#[test]
fn a_refused_answer_to_a_closed_request_is_superseded() {
    let mut l = ledger();
    l.accept(permission("p", "R", true), 0).unwrap();
    taken(&mut l, 1);
    l.reject("p", "success: false", false, 2);
    assert_eq!(state(&l, "p"), CommandState::Superseded);
    l.accept(message("m"), 2).unwrap();
    taken(&mut l, 3);
    l.reject("m", "no session", false, 4);
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
        l.observe(&arrived(&id), 0);
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
    l.heard(100 + LEASE / 2);
    assert!(taken(&mut l, 100 + LEASE - 1).is_empty());
    assert_eq!(taken(&mut l, 100 + LEASE), ["a"]);
}

#[derive(Debug, Clone)]
enum Op {
    Accept(CommandKind, u8, bool),
    /// A poll; `true`: the client had hung up, so the hand-out is released.
    Take(bool),
    Acknowledge(u8),
    Reject(u8),
    Proof(u8),
    Turn(bool),
    Attach,
    Edit(u8),
    Cancel(u8),
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
        4 => (kind, 0..4_u8, any::<bool>()).prop_map(|(kind, request, steer)| Op::Accept(kind, request, steer)),
        6 => prop::bool::weighted(0.2).prop_map(Op::Take),
        2 => any::<u8>().prop_map(Op::Acknowledge),
        1 => any::<u8>().prop_map(Op::Reject),
        2 => any::<u8>().prop_map(Op::Proof),
        2 => any::<bool>().prop_map(Op::Turn),
        1 => Just(Op::Attach),
        1 => any::<u8>().prop_map(Op::Edit),
        1 => any::<u8>().prop_map(Op::Cancel),
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
    heard_at: u64,
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
            assert!(before.heard_at >= since + LEASE / 2, "{} may have been done", entry.id);
        }
        if entry.kind.is_lined_up() {
            let others = || ledger.entries().iter().filter(|e| e.kind.is_lined_up() && e.is_open() && e.id != entry.id);
            let in_a_hand = |e: &Entry| e.is_out() && e.delivered_at.is_some_and(|at| now < at + LEASE);
            assert!(!others().any(in_a_hand), "{} joined", entry.id);
            let same_lane = |e: &&Entry| e.waits_for_idle() == entry.waits_for_idle() && e.order < entry.order;
            let earlier = others().filter(same_lane).filter(|e| e.part_of == entry.part_of);
            assert!(earlier.clone().all(|e| e.acknowledged_at.is_some()), "{} overtook", entry.id);
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
                Op::Accept(kind, request, steer) => {
                    let mut command = new(&format!("c{count}"), kind);
                    command.delivery = if steer { Delivery::Steer } else { Delivery::Queue };
                    if kind.is_answer() {
                        command.request_id = Some(format!("R{request}"));
                        command.answer = Some(Answer::Approved(!steer));
                        command.follow = steer.then(|| "words".to_owned());
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
                        } else {
                            seen.out_since = Some(now);
                        }
                    }
                }
                Op::Acknowledge(n) => {
                    let id = pick(n, count);
                    ledger.acknowledge(&id, now);
                    if let Some(seen) = seen.get_mut(&id) {
                        seen.acknowledged = true;
                    }
                }
                Op::Reject(n) => ledger.reject(&pick(n, count), "no", n % 2 == 0, now),
                Op::Proof(n) => ledger.observe(&arrived(&pick(n, count)), now),
                Op::Turn(runs) => ledger.set_facts(if runs { working() } else { idle() }, now),
                Op::Attach => ledger.attached(now),
                Op::Edit(n) => {
                    let before = ledger.get(&pick(n, count)).map(|e| e.state);
                    let done = ledger.edit(&pick(n, count), "new".to_owned(), None).is_ok();
                    prop_assert!(!done || before == Some(CommandState::Accepted));
                }
                Op::Cancel(n) => {
                    let before = ledger.get(&pick(n, count)).map(|e| e.state);
                    let done = ledger.cancel(&pick(n, count), None, now).is_ok();
                    prop_assert_eq!(done, before == Some(CommandState::Accepted));
                }
                Op::Close(request, how) => {
                    let how = how.map_or(Closing::Dropped, approved);
                    ledger.observe(&closed(&format!("R{request}"), how), now);
                    let still = ledger.is_answering(&format!("R{request}"));
                    prop_assert!(!still);
                }
                Op::Heard => {
                    ledger.heard(now);
                    for s in seen.values_mut() {
                        s.heard_at = now;
                    }
                }
                Op::Pass(ms) => {
                    now += ms;
                    ledger.tick(now);
                }
                Op::Tell => drop(ledger.take_changes()),
            }
            for entry in ledger.entries() {
                // A refusal's words come by themselves.
                let seen = seen.entry(entry.id.clone()).or_default();
                match seen.end {
                    Some(CommandState::Unknown | CommandState::Rejected) | None if entry.state.is_final() => {
                        seen.end = Some(entry.state);
                    }
                    Some(end) => prop_assert_eq!(entry.state, end, "an end is an end"),
                    None => {}
                }
            }
        }
        for _ in 0..2 {
            now += Limits::default().ttl_ms + 4 * LEASE;
            ledger.tick(now);
        }
        prop_assert!(!ledger.has_open());
    }
}
