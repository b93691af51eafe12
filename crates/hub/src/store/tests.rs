use groundlink_protocol::Event;
use groundlink_protocol::api::{AuditEntry, CommandState, Delivery, Device};
use tempfile::TempDir;

use super::*;
use crate::keys::hash_link;
use crate::ledger::{CommandKind, Ledger, Limits, NewCommand};

async fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    (dir, store)
}

fn new(events: Vec<NewEvent>) -> Append {
    Append { events, ..Append::default() }
}

fn event(id: &str, timestamp: &str) -> NewEvent {
    let text = format!(r#"{{"id":"{id}","timestamp":"{timestamp}","parentId":null,"type":"x","data":{{}}}}"#);
    NewEvent::new(Event::parse(&text).unwrap())
}

#[tokio::test]
async fn numbers_count_up_and_known_events_are_skipped() {
    let (_dir, store) = store().await;
    let session = store.create_session("s", hash_link("k"), 1).await.unwrap();
    let first = store.append(session.n, new(vec![event("a", "1"), event("b", "2"), event("a", "1")])).await.unwrap();
    assert_eq!(first, [Some(1), Some(2), None]);
    let second = store.append(session.n, new(vec![event("b", "2"), event("c", "3")])).await.unwrap();
    assert_eq!(second, [None, Some(3)]);
    let ids: Vec<_> = store.events(session.n, 1, 10).await.unwrap();
    let ids: Vec<_> = ids.iter().map(|e| (e.seq, e.event.id())).collect();
    assert_eq!(ids, [(2, "b"), (3, "c")]);
    assert_eq!(store.session("s").await.unwrap().unwrap().last_seq, 3);
    assert!(store.has_event(session.n, "c").await.unwrap());
    assert!(!store.has_event(session.n, "d").await.unwrap());
}

#[tokio::test]
async fn two_sessions_do_not_disturb_each_other() {
    let (_dir, store) = store().await;
    let a = store.create_session("a", hash_link("ka"), 1).await.unwrap();
    let b = store.create_session("b", hash_link("kb"), 1).await.unwrap();
    let (x, y) =
        tokio::join!(store.append(a.n, new(vec![event("e", "1")])), store.append(b.n, new(vec![event("e", "1")])));
    assert_eq!((x.unwrap(), y.unwrap()), (vec![Some(1)], vec![Some(1)]));
    assert_eq!(store.links().await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_many_sessions_write_at_once_is_committed_together() {
    const SESSIONS: u32 = 64;
    const ROUNDS: u32 = 5;
    let (_dir, store) = store().await;
    let mut sessions = Vec::new();
    for n in 0..SESSIONS {
        sessions.push(store.create_session(&format!("s{n}"), hash_link(&n.to_string()), 1).await.unwrap().n);
    }
    let batch = |round: u32| new((0..5).map(|n| event(&format!("{round}-{n}"), "1")).collect());
    let before = store.commits();
    let started = std::time::Instant::now();
    for round in 0..ROUNDS {
        for session in &sessions {
            store.append(*session, batch(round)).await.unwrap();
        }
    }
    let (alone, alone_took) = (store.commits() - before, started.elapsed());
    let before = store.commits();
    let started = std::time::Instant::now();
    for round in 0..ROUNDS {
        let all = sessions.iter().map(|session| store.append(*session, batch(ROUNDS + round)));
        assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
    }
    let (together, together_took) = (store.commits() - before, started.elapsed());
    eprintln!(
        "{alone} uploads, one after the other: {alone_took:?}; together in {together} commits: {together_took:?}"
    );
    assert_eq!(alone, u64::from(SESSIONS * ROUNDS));
    assert!(together <= alone / 16, "{together} commits");
}

#[tokio::test]
async fn a_failing_write_does_not_spoil_its_neighbours() {
    let (_dir, store) = store().await;
    let a = store.create_session("a", hash_link("ka"), 1).await.unwrap();
    let (good, bad, also_good) = tokio::join!(
        store.append(a.n, new(vec![event("1", "1")])),
        store.append(99, new(vec![event("2", "1")])),
        store.append(a.n, new(vec![event("3", "1")])),
    );
    assert_eq!(good.unwrap(), [Some(1)]);
    bad.unwrap_err();
    assert_eq!(also_good.unwrap(), [Some(2)]);
}

#[tokio::test]
async fn a_system_prompt_is_kept_once_and_comes_back_byte_for_byte() {
    let (_dir, store) = store().await;
    let session = store.create_session("s", hash_link("k"), 1).await.unwrap();
    let prompt = "Grüße \\u00e9 \\\"quoted\\\" ".repeat(100);
    let texts: Vec<String> = (0..3)
        .map(|n| {
            format!(
                r#"{{ "type":"system.message", "data":{{"n":"ü","contentBlocks":[{{"c":"{prompt}"}}], "id":{n},"content" : "{prompt}"}},"id":"e{n}","timestamp":"{n}"}}"#
            )
        })
        .collect();
    let events = texts.iter().map(|text| NewEvent::new(Event::parse(text).unwrap())).collect();
    store.append(session.n, new(events)).await.unwrap();
    assert_eq!(store.count("texts").await, 1);
    let stored = store.events(session.n, 0, 10).await.unwrap();
    let stored: Vec<_> = stored.iter().map(|e| e.event.raw().get().to_owned()).collect();
    assert_eq!(stored, texts);
}

#[tokio::test]
async fn big_events_make_short_pages_but_never_empty_ones() {
    let (_dir, store) = store().await;
    let session = store.create_session("s", hash_link("k"), 1).await.unwrap();
    let big = "x".repeat(3 << 20);
    let events = (0..3)
        .map(|n| NewEvent::new(Event::parse(&format!(r#"{{"id":"{n}","type":"x","data":"{big}"}}"#)).unwrap()))
        .collect();
    store.append(session.n, new(events)).await.unwrap();
    assert_eq!(store.events(session.n, 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.events(session.n, 2, 10).await.unwrap().len(), 1);
    assert_eq!(store.events(session.n, 3, 10).await.unwrap().len(), 0);
}

/// Numbers and ids of the events that have their texts.
async fn log(store: &Store, session: i64) -> Vec<(u64, String)> {
    store.events(session, 0, 100).await.unwrap().iter().map(|e| (e.seq, e.event.id().to_owned())).collect()
}

fn named(ids: &[(u64, &str)]) -> Vec<(u64, String)> {
    ids.iter().map(|(seq, id)| (*seq, (*id).to_owned())).collect()
}

#[tokio::test]
async fn a_rebuilt_log_is_in_the_order_of_time_and_has_another_name() {
    let (_dir, store) = store().await;
    let session = store.create_session("s", hash_link("k"), 1).await.unwrap();
    let at = |second: u32| format!("2026-01-01T00:00:{second:02}Z");
    let first = [("a", 1), ("b", 2), ("e", 5), ("f", 6)];
    store.append(session.n, new(first.map(|(id, second)| event(id, &at(second))).into())).await.unwrap();
    let mut ledger = Ledger::new(Limits::default());
    let command = |id: &str, at_seq| NewCommand {
        id: id.to_owned(),
        client_id: id.to_owned(),
        kind: CommandKind::Abort,
        content: String::new(),
        request_id: None,
        tool_call_id: None,
        answer: None,
        at_seq,
        delivery: Delivery::Steer,
        device: None,
        subject: None,
        follow: None,
    };
    for (id, at_seq) in [("early", 2), ("late", 3)] {
        ledger.accept(command(id, at_seq), 1).unwrap();
    }
    store.put_commands(session.n, ledger.take_changes()).await.unwrap();
    let found = Append { rebuild_from: Some(at(3)), ..new(vec![event("c", &at(3)), event("d", &at(4))]) };
    store.append(session.n, found).await.unwrap();
    assert_eq!(log(&store, session.n).await, named(&[(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e"), (6, "f")]));
    let after = store.session("s").await.unwrap().unwrap();
    assert_ne!(after.epoch, session.epoch);
    assert_eq!((after.last_seq, after.healed), (6, false));
    let places: Vec<u64> = store.commands(session.n).await.unwrap().iter().map(|e| e.at_seq).collect();
    assert_eq!(places, [2, 5], "commands keep their places among the events");
    let known = Append { rebuild_from: Some(at(3)), ..new(vec![event("c", &at(3))]) };
    store.append(session.n, known).await.unwrap();
    assert_eq!(store.session("s").await.unwrap().unwrap().epoch, after.epoch, "there was nothing new");
}

#[tokio::test]
async fn trimmed_events_lose_their_texts_and_stay_known() {
    let (_dir, store) = store().await;
    let session = store.create_session("s", hash_link("k"), 1).await.unwrap();
    let prompt = "p".repeat(2_000);
    let system = Event::parse(&format!(
        r#"{{"id":"sys","type":"system.message","timestamp":"0","data":{{"content":"{prompt}"}}}}"#
    ));
    let mut events = vec![NewEvent::new(system.unwrap())];
    events.extend(["a", "b", "c"].map(|id| event(id, "1")));
    store.append(session.n, new(events.clone())).await.unwrap();
    let before = store.session("s").await.unwrap().unwrap().bytes;
    assert_eq!(store.cut_for(session.n, 0, 1).await.unwrap(), Some(1));
    assert_eq!(store.cut_for(session.n, 0, u64::MAX / 4).await.unwrap(), Some(4), "more is not there");
    store.trim(session.n, Trim { until: 3, keep: vec![2], base: "{}".to_owned() }).await.unwrap();
    assert_eq!(log(&store, session.n).await, named(&[(2, "a"), (4, "c")]));
    let after = store.session("s").await.unwrap().unwrap();
    assert_eq!((after.trimmed_before, after.base.as_deref(), after.last_seq), (3, Some("{}"), 4));
    assert!(after.bytes < before);
    assert_eq!(store.count("texts").await, 0, "nobody needs the prompt");
    assert_eq!(store.append(session.n, new(events)).await.unwrap(), [None, None, None, None], "they are known");
    store.trim(session.n, Trim { until: 4, keep: vec![], base: "{}".to_owned() }).await.unwrap();
    assert_eq!(log(&store, session.n).await, []);
    assert_eq!(store.session("s").await.unwrap().unwrap().bytes, 0);
}

#[tokio::test]
async fn the_audit_only_grows() {
    let (_dir, store) = store().await;
    let session = store.create_session("s", hash_link("k"), 1).await.unwrap();
    let line = AuditEntry {
        n: 0,
        at_ms: 7,
        outcome: "refused".to_owned(),
        command: None,
        kind: "abort".to_owned(),
        device: Some(Device { id: "d".to_owned(), name: None }),
        request_id: None,
        subject: None,
        reason: Some("no".to_owned()),
    };
    store.audit(session.n, line.clone()).await.unwrap();
    store.audit(session.n, line.clone()).await.unwrap();
    let page = store.audit_page(session.n, 0, 10).await.unwrap();
    assert_eq!(page.entries, [AuditEntry { n: 1, ..line.clone() }, AuditEntry { n: 2, ..line }]);
    assert_eq!((page.last, store.audit_page(session.n, 1, 10).await.unwrap().entries.len()), (2, 1));
    let refused = store.try_sql("UPDATE audit SET reason = 'yes'").await.unwrap_err();
    assert!(refused.to_string().contains("not changed"), "{refused}");
}

#[tokio::test]
async fn a_restart_finds_everything_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    let session = store.create_session("s", hash_link("k"), 1).await.unwrap();
    store.append(session.n, new(vec![event("a", "1")])).await.unwrap();
    let update = SessionUpdate {
        exporter: Some(Some("{}".to_owned())),
        steerable: Some(true),
        last_seen: Some(5),
        gap: Some(Some("lost".to_owned())),
        ..SessionUpdate::default()
    };
    store.update_session(session.n, update).await.unwrap();
    store.update_session(session.n, SessionUpdate { gap: Some(None), ..SessionUpdate::default() }).await.unwrap();
    let mut ledger = Ledger::new(Limits::default());
    ledger
        .accept(
            NewCommand {
                id: "c1".to_owned(),
                client_id: "mine".to_owned(),
                kind: CommandKind::UserMessage,
                content: "hello".to_owned(),
                request_id: None,
                tool_call_id: None,
                answer: None,
                at_seq: 1,
                delivery: Delivery::Queue,
                device: None,
                subject: None,
                follow: None,
            },
            10,
        )
        .unwrap();
    ledger.take(11);
    let entries = ledger.take_changes();
    store.put_commands(session.n, entries.clone()).await.unwrap();
    store.close().await;

    let store = Store::open(dir.path()).await.unwrap();
    let again = store.session("s").await.unwrap().unwrap();
    assert_eq!(again, store.create_session("s", hash_link("k"), 99).await.unwrap());
    assert_eq!(again.exporter.as_deref(), Some("{}"));
    assert!(again.steerable && again.gap.is_none() && again.last_seen == Some(5) && again.last_seq == 1);
    assert_eq!(store.commands(session.n).await.unwrap(), entries);
    assert_eq!(entries[0].state, CommandState::Delivered);
    assert_eq!(store.command(session.n, "c1").await.unwrap().as_ref(), Some(&entries[0]));
    assert_eq!(store.command_by_client(session.n, "mine").await.unwrap().as_ref(), Some(&entries[0]));
    assert!(store.command_by_client(session.n, "yours").await.unwrap().is_none());
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, store) = store().await;
    store.create_session("s", hash_link("k"), 1).await.unwrap();
    let mut seen = 0;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        seen += 1;
    }
    assert!(seen >= 2, "the database and its log");
}

#[tokio::test]
async fn a_deleted_sessions_audit_is_kept_and_nothing_else() {
    let (_dir, store) = store().await;
    let session = store.create_session("s", hash_link("k"), 1).await.unwrap();
    let other = store.create_session("o", hash_link("l"), 1).await.unwrap();
    let prompt = "x".repeat(600);
    let text = format!(
        r#"{{"id":"p","timestamp":"1","parentId":null,"type":"system.message","data":{{"content":"{prompt}"}}}}"#
    );
    let of_both = || NewEvent::new(Event::parse(&text).unwrap());
    let own = NewEvent::new(Event::parse(&text.replace("xx", "y")).unwrap());
    store.append(session.n, new(vec![of_both(), event("a", "2")])).await.unwrap();
    store.append(session.n, new(vec![NewEvent::new(own.event.clone())])).await.unwrap();
    store.append(other.n, new(vec![of_both()])).await.unwrap();
    let line = |outcome: &str| AuditEntry {
        n: 0,
        at_ms: 7,
        outcome: outcome.to_owned(),
        command: None,
        kind: "session".to_owned(),
        device: None,
        request_id: None,
        subject: None,
        reason: None,
    };
    store.audit(session.n, line("renamed")).await.unwrap();
    store.delete_session(session.n, line("deleted")).await.unwrap();
    assert!(store.session("s").await.unwrap().is_none());
    assert_eq!((store.count("events").await, store.count("texts").await), (1, 1), "the other one's are there");
    assert_eq!(store.audit_page(session.n, 0, 10).await.unwrap().last, 0);
    for statement in ["UPDATE kept_audit SET outcome = 'x'", "DELETE FROM kept_audit"] {
        let refused = store.try_sql(statement).await.unwrap_err();
        assert!(refused.to_string().contains("the audit is not changed"), "{statement}: {refused}");
    }
    let kept = store.kept_audit(0, 10).await.unwrap();
    let lines: Vec<_> =
        kept.entries.iter().map(|line| (line.place, line.session_id.as_str(), line.entry.outcome.as_str())).collect();
    assert_eq!((lines.as_slice(), kept.last), ([(1, "s", "renamed"), (2, "s", "deleted")].as_slice(), 2));
    // Its number is nobody else's.
    let next = store.create_session("n", hash_link("m"), 1).await.unwrap();
    assert!(next.n > session.n && next.n > other.n);
    store.delete_session(next.n, line("deleted")).await.unwrap();
    let again = store.create_session("s", hash_link("k"), 1).await.unwrap();
    assert!(again.n > next.n, "{} after {}", again.n, next.n);
}

/// How long the log of `SQLite` is, and the database itself, in bytes.
fn sizes(dir: &TempDir) -> (u64, u64) {
    let size = |name: &str| std::fs::metadata(dir.path().join(name)).map_or(0, |file| file.len());
    (size("hub.sqlite-wal"), size("hub.sqlite"))
}

#[tokio::test]
async fn what_is_committed_reaches_the_database_beside_the_writer_and_the_log_does_not_grow_for_ever() {
    const MIB: u64 = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_for_test(dir.path()).await;
    let session = store.create_session("s", hash_link("k"), 1).await.unwrap();
    let filler = "x".repeat(200_000);
    let big = |n: u32| {
        let text = format!(r#"{{"id":"{n}","timestamp":"1","parentId":null,"type":"x","data":{{"text":"{filler}"}}}}"#);
        NewEvent::new(Event::parse(&text).unwrap())
    };
    // More than the log is to hold.
    for n in 0..800 {
        store.append(session.n, new(vec![big(n)])).await.unwrap();
        if n % 40 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let mut n = 800;
    while sizes(&dir).1 < 150 * MIB {
        assert!(std::time::Instant::now() < deadline, "the database does not grow: {:?}", sizes(&dir));
        store.append(session.n, new(vec![event(&n.to_string(), "1")])).await.unwrap();
        n += 1;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(sizes(&dir).0 < 150 * MIB, "the log was begun anew on the way: {:?}", sizes(&dir));
    store.close().await;
    assert_eq!(sizes(&dir).0, 0, "nothing is left in the log");
}
