use groundlink_protocol::mc::RejectedCommand;

use super::*;

/// An event of about `bytes` bytes.
pub(super) fn event(id: &str, kind: &str, ephemeral: bool, data: &str) -> Event {
    let flag = if ephemeral { r#""ephemeral":true,"# } else { "" };
    let text = format!(
        r#"{{"id":"{id}","timestamp":"2026-01-01T00:00:00.000Z","parentId":null,{flag}"type":"{kind}","data":{data}}}"#
    );
    Event::parse(&text).expect("an event")
}

fn durable(id: &str) -> Event {
    event(id, "user.message", false, "{}")
}

fn delta(id: &str, message: &str) -> Event {
    event(id, "assistant.message_delta", true, &format!(r#"{{"messageId":"{message}","deltaContent":"x"}}"#))
}

fn end(id: &str, message: &str) -> Event {
    event(id, "assistant.message", false, &format!(r#"{{"messageId":"{message}","content":"x"}}"#))
}

fn rejected(id: &str) -> RejectedCommand {
    RejectedCommand::new(id, "no")
}

fn ids(batch: &Batch) -> Vec<&str> {
    batch.events.iter().map(Event::id).collect()
}

const fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[track_caller]
fn upload(outbox: &mut Outbox, now: Duration) -> Batch {
    match outbox.next(now) {
        Next::Upload(batch) => batch,
        other => panic!("expected an upload, got {other:?}"),
    }
}

#[track_caller]
fn wait(outbox: &mut Outbox, now: Duration) -> u128 {
    match outbox.next(now) {
        Next::At(when) => when.as_millis(),
        other => panic!("expected to wait, got {other:?}"),
    }
}

#[test]
fn an_event_goes_at_once_and_the_rest_shares_the_next_upload() {
    let mut outbox = Outbox::new(Limits::default());
    outbox.push(delta("d1", "m"));
    assert_eq!(ids(&upload(&mut outbox, at(0))), ["d1"]);
    outbox.push(delta("d2", "m"));
    outbox.push(delta("d3", "m"));
    assert!(matches!(outbox.next(at(5)), Next::Busy));
    assert_eq!(outbox.uploaded().0, 1);
    assert_eq!(wait(&mut outbox, at(5)), 10, "paced");
    assert_eq!(ids(&upload(&mut outbox, at(10))), ["d2", "d3"]);
}

#[test]
fn an_idle_outbox_says_that_it_lives() {
    let mut outbox = Outbox::new(Limits::default());
    assert_eq!(wait(&mut outbox, at(0)), 10_000);
    assert!(upload(&mut outbox, at(10_000)).is_empty());
    outbox.uploaded();
    assert_eq!(wait(&mut outbox, at(10_500)), 20_000);
    outbox.push(durable("a"));
    assert_eq!(ids(&upload(&mut outbox, at(12_000))), ["a"]);
    outbox.uploaded();
    assert_eq!(wait(&mut outbox, at(12_500)), 22_000);
}

#[test]
fn repeats_and_noise_are_left_out() {
    let mut outbox = Outbox::new(Limits::default());
    outbox.push(durable("a"));
    outbox.push(event("n", "model.call_start", true, "{}"));
    outbox.push(durable("a"));
    outbox.push(durable("b"));
    assert_eq!(ids(&upload(&mut outbox, at(0))), ["a", "b"]);
    outbox.uploaded();
    outbox.push(durable("b"));
    assert!(outbox.is_settled());
}

#[test]
fn the_whole_message_replaces_its_waiting_deltas_only() {
    let mut outbox = Outbox::new(Limits::default());
    for event in [delta("d1", "m"), delta("o1", "other"), delta("d2", "m"), end("e", "m"), delta("o2", "other")] {
        outbox.push(event);
    }
    assert_eq!(ids(&upload(&mut outbox, at(0))), ["o1", "e", "o2"]);
}

#[test]
fn a_failure_repeats_the_upload_with_what_came_since() {
    let mut outbox = Outbox::new(Limits::default());
    outbox.push(durable("a"));
    outbox.complete("c1".into());
    outbox.reject(rejected("c2"));
    upload(&mut outbox, at(0));
    outbox.push(durable("b"));
    outbox.complete("c3".into());
    outbox.failed(at(100), 1.0, None);
    assert_eq!(wait(&mut outbox, at(100)), 600);
    let batch = upload(&mut outbox, at(600));
    assert_eq!(ids(&batch), ["a", "b"]);
    assert_eq!(batch.completed, ["c1", "c3"]);
    assert_eq!(batch.rejected.len(), 1);
    outbox.failed(at(600), 1.0, Some(Duration::from_secs(7)));
    assert_eq!(wait(&mut outbox, at(700)), 7600, "the hub may ask for more");
    outbox.nudge(at(800));
    upload(&mut outbox, at(800));
    outbox.uploaded();
    assert!(outbox.is_settled());
}

#[test]
fn a_delta_that_failed_is_still_replaced() {
    let mut outbox = Outbox::new(Limits::default());
    outbox.push(delta("d1", "m"));
    upload(&mut outbox, at(0));
    outbox.failed(at(0), 0.0, None);
    outbox.push(end("e", "m"));
    assert_eq!(ids(&upload(&mut outbox, at(1000))), ["e"]);
}

#[test]
fn batches_are_bounded_by_number_and_bytes() {
    let limits = Limits { batch_events: 3, batch_bytes: 1000, ..Limits::default() };
    let mut outbox = Outbox::new(limits);
    for n in 0..4 {
        outbox.push(durable(&n.to_string()));
    }
    let big = format!(r#"{{"content":"{}"}}"#, "x".repeat(2000));
    outbox.push(event("big", "user.message", false, &big));
    outbox.push(durable("last"));
    let mut sizes = Vec::new();
    for round in 0..4 {
        sizes.push(upload(&mut outbox, at(round * 100)).events.len());
        outbox.uploaded();
    }
    assert_eq!(sizes, [3, 1, 1, 1], "a big event goes alone");
    assert!(outbox.is_settled());
    assert_eq!(outbox.bytes(), 0);
}

#[test]
fn too_large_halves_and_then_leaves_one_out() {
    let mut outbox = Outbox::new(Limits::default());
    for n in 0..4 {
        outbox.push(durable(&n.to_string()));
    }
    outbox.complete("c".into());
    let mut clock = 0;
    let mut refuse = |outbox: &mut Outbox, events: usize, acks: bool| {
        clock += 100;
        let batch = upload(outbox, at(clock));
        assert_eq!((batch.events.len(), batch.has_acks()), (events, acks));
        outbox.too_large(at(clock), 0.0)
    };
    assert!(refuse(&mut outbox, 4, true).is_none());
    assert!(refuse(&mut outbox, 2, true).is_none());
    assert!(refuse(&mut outbox, 1, true).is_none());
    assert_eq!(upload(&mut outbox, at(1000)).completed, ["c"], "acknowledgements alone");
    outbox.uploaded();
    // The limit has doubled with that success; the pair is too large again.
    clock = 2000;
    let mut refuse = |outbox: &mut Outbox, events: usize| {
        clock += 100;
        assert_eq!(upload(outbox, at(clock)).events.len(), events);
        outbox.too_large(at(clock), 0.0)
    };
    assert!(refuse(&mut outbox, 2).is_none());
    let left_out = refuse(&mut outbox, 1).expect("left out");
    assert_eq!((left_out.id(), outbox.refused()), ("0", 1));
    assert_eq!(ids(&upload(&mut outbox, at(3000))), ["1"]);
    outbox.uploaded();
    assert_eq!(ids(&upload(&mut outbox, at(3100))), ["2", "3"]);
}

#[test]
fn a_refused_empty_upload_is_an_outage() {
    let mut outbox = Outbox::new(Limits::default());
    upload(&mut outbox, at(10_000));
    assert!(outbox.too_large(at(10_000), 1.0).is_none());
    assert_eq!(wait(&mut outbox, at(10_000)), 10_500);
}

#[test]
fn deltas_go_first_when_memory_is_short_and_their_stream_falls_silent() {
    let size = |event: Event| event.raw().get().len();
    let kept_bytes = 2 * size(delta("d1", "m")) + 2 * size(durable("a"));
    let mut outbox = Outbox::new(Limits { kept_bytes, ..Limits::default() });
    for event in [delta("d1", "m"), durable("a"), delta("d2", "m")] {
        outbox.push(event);
    }
    assert_eq!(outbox.len(), 3);
    outbox.push(durable("b"));
    assert_eq!(outbox.len(), 2, "both deltas are gone");
    outbox.push(delta("d3", "m"));
    assert_eq!(outbox.len(), 2, "the rest of the stream would be garbled");
    let mut durables = 2;
    while !outbox.is_full() {
        durables += 1;
        outbox.push(durable(&format!("{durables}")));
    }
    assert_eq!(upload(&mut outbox, at(0)).events.len(), durables);
    assert!(outbox.is_full(), "the running upload counts");
    outbox.uploaded();
    assert!(!outbox.is_full());
    outbox.push(end("e", "m"));
    outbox.push(delta("d4", "m"));
    assert_eq!(outbox.len(), 2, "the end of the message lifts the silence");
}

#[test]
fn starting_over_forgets_events_but_no_acknowledgement() {
    let mut outbox = Outbox::new(Limits::default());
    outbox.push(durable("a"));
    outbox.complete("c1".into());
    upload(&mut outbox, at(0));
    outbox.push(durable("b"));
    outbox.start_over();
    assert_eq!((outbox.len(), outbox.bytes()), (0, 0));
    outbox.push(durable("a"));
    let batch = upload(&mut outbox, at(1));
    assert_eq!(ids(&batch), ["a"]);
    assert_eq!(batch.completed, ["c1"]);
}

#[test]
fn acknowledgements_are_bounded() {
    let mut outbox = Outbox::new(Limits { kept_acks: 2, ..Limits::default() });
    for id in ["1", "2", "3"] {
        outbox.complete(id.into());
        outbox.reject(rejected(id));
    }
    let batch = upload(&mut outbox, at(0));
    assert_eq!(batch.completed, ["2", "3"]);
    assert_eq!(batch.rejected.len(), 2);
}
