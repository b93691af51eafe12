use proptest::prelude::*;

use super::*;

const TIMING: Timing = Timing { grace: 2, gap: 0, focus: 5 };

fn facts(status: SessionStatus, open: &[&str]) -> Facts {
    Facts { status, online: true, open: open.iter().map(|id| (*id).to_owned()).collect() }
}

fn waiting(open: &[&str]) -> Facts {
    facts(SessionStatus::Waiting, open)
}

fn page(name: &str) -> PageId {
    ("device".to_owned(), name.to_owned())
}

fn told(attention: &mut Attention, now: u64) -> Vec<String> {
    attention
        .tick(now)
        .into_iter()
        .map(|notice| format!("{} {:?} {}", notice.session, notice.reason, notice.asks.join("+")))
        .collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_request_is_told_once_after_its_grace() {
    let mut a = Attention::new(TIMING);
    a.observe("s", waiting(&["R"]), false, 10);
    assert_eq!(told(&mut a, 11), NOTHING);
    assert_eq!(a.next(11), Some(12));
    assert_eq!(told(&mut a, 12), ["s NeedsYou R"]);
    assert_eq!(told(&mut a, 100), NOTHING);
    a.observe("s", waiting(&["R"]), false, 101);
    assert_eq!((told(&mut a, 200), a.next(200)), (vec![], None));
    a.observe("s", waiting(&["R", "S"]), false, 300);
    assert_eq!(told(&mut a, 302), ["s NeedsYou S"]);
}

#[test]
fn what_is_answered_in_time_is_not_told_and_what_waits_again_is() {
    let mut a = Attention::new(TIMING);
    a.observe("s", waiting(&["R"]), false, 0);
    // Its answer is on its way.
    a.observe("s", waiting(&[]), false, 1);
    assert_eq!(told(&mut a, 50), NOTHING);
    // The answer did not get there.
    a.observe("s", waiting(&["R"]), false, 60);
    assert_eq!(told(&mut a, 62), ["s NeedsYou R"]);
}

#[test]
fn who_looks_is_not_told() {
    let mut a = Attention::new(TIMING);
    a.focus(Some("s"), page("1"), true, 0);
    a.observe("s", waiting(&["R"]), false, 0);
    assert_eq!(told(&mut a, 2), NOTHING);
    a.focus(Some("s"), page("1"), true, 4);
    assert_eq!(told(&mut a, 6), NOTHING);
    // It was seen.
    a.focus(Some("s"), page("1"), false, 7);
    assert_eq!(told(&mut a, 50), NOTHING);
    // The list shows it, too.
    a.focus(None, page("list"), true, 51);
    a.observe("s", waiting(&["S"]), false, 51);
    assert_eq!(told(&mut a, 53), NOTHING);
    a.focus(None, page("list"), false, 54);
    assert_eq!(told(&mut a, 100), NOTHING);
}

#[test]
fn a_page_that_falls_silent_has_shown_nothing() {
    let mut a = Attention::new(TIMING);
    a.focus(Some("s"), page("1"), true, 0);
    a.observe("s", waiting(&["R"]), false, 1);
    assert_eq!(told(&mut a, 3), NOTHING);
    assert_eq!(a.next(3), Some(5));
    assert_eq!(told(&mut a, 5), ["s NeedsYou R"]);
    // It says goodbye too late.
    a.focus(Some("s"), page("1"), false, 6);
    // Another session's page is nobody's business here.
    a.focus(Some("t"), page("1"), true, 6);
    a.observe("s", waiting(&["S"]), false, 6);
    assert_eq!(told(&mut a, 8), ["s NeedsYou S"]);
}

#[test]
fn ends_and_failures_are_told_once_each() {
    let mut a = Attention::new(TIMING);
    a.observe("s", facts(SessionStatus::Idle, &[]), false, 0);
    assert_eq!(told(&mut a, 10), NOTHING, "nothing has ended");
    a.observe("s", facts(SessionStatus::Working, &[]), false, 11);
    a.observe("s", facts(SessionStatus::Idle, &[]), false, 12);
    a.observe("s", facts(SessionStatus::Working, &[]), false, 13);
    assert_eq!(told(&mut a, 20), NOTHING, "it went on");
    a.observe("s", facts(SessionStatus::Idle, &[]), false, 21);
    a.observe("s", facts(SessionStatus::Idle, &[]), false, 22);
    assert_eq!(told(&mut a, 23), ["s Done "]);
    a.observe("s", facts(SessionStatus::Idle, &[]), false, 24);
    assert_eq!(told(&mut a, 30), NOTHING);
    a.observe("s", facts(SessionStatus::Working, &[]), false, 31);
    a.observe("s", facts(SessionStatus::Error, &[]), false, 32);
    assert_eq!(told(&mut a, 34), ["s Failed "]);
    a.observe("s", facts(SessionStatus::Error, &[]), false, 40);
    assert_eq!(told(&mut a, 50), NOTHING);
}

#[test]
fn notices_of_a_session_keep_their_distance() {
    let mut a = Attention::new(Timing { gap: 10, ..TIMING });
    a.observe("s", waiting(&["R"]), false, 0);
    assert_eq!(told(&mut a, 2), ["s NeedsYou R"]);
    a.observe("s", waiting(&["R", "S"]), false, 3);
    a.observe("s", waiting(&["R", "S", "T"]), false, 4);
    a.observe("other", waiting(&["X"]), false, 4);
    assert_eq!(told(&mut a, 6), ["other NeedsYou X"]);
    assert_eq!(a.next(6), Some(12));
    assert_eq!(told(&mut a, 12), ["s NeedsYou S+T"]);
}

#[test]
fn of_a_session_that_is_not_heard_nothing_is_told() {
    let mut a = Attention::new(TIMING);
    let away = |open| Facts { online: false, ..waiting(open) };
    a.observe("s", waiting(&["R"]), false, 0);
    a.observe("s", away(&["R"]), false, 1);
    assert_eq!((told(&mut a, 10), a.next(10)), (vec![], None));
    a.observe("s", waiting(&["R"]), false, 20);
    assert_eq!(told(&mut a, 20), ["s NeedsYou R"]);
    // What is read from the store is old.
    a.observe("t", away(&["R"]), false, 21);
    a.observe("t", waiting(&["R", "S"]), false, 22);
    assert_eq!(told(&mut a, 30), ["t NeedsYou S"]);
}

#[test]
fn what_was_so_before_is_no_news_and_what_is_over_is_forgotten() {
    let mut a = Attention::new(TIMING);
    a.observe("s", waiting(&["R"]), true, 0);
    assert_eq!(told(&mut a, 10), NOTHING);
    let notice = Notice { session: "s".into(), reason: PushReason::NeedsYou, asks: vec!["R".into()] };
    assert!(a.holds(&notice));
    a.observe("s", facts(SessionStatus::Starting, &[]), false, 11);
    assert!(!a.holds(&notice));
    a.focus(Some("s"), page("1"), true, 11);
    a.tick(16);
    assert!(a.sessions.is_empty(), "{a:?}");
    for n in 0..1_000 {
        a.focus(Some("s"), page(&n.to_string()), true, 20);
    }
    assert_eq!(a.sessions["s"].pages.0.len(), MAX_PAGES);
}

/// What happens in one step.
#[derive(Debug, Clone)]
enum Step {
    Nothing,
    Open(usize),
    Close(usize),
    Focus(usize),
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Nothing),
        2 => (0..3_usize).prop_map(Step::Open),
        1 => (0..3_usize).prop_map(Step::Close),
        2 => (0..3_usize).prop_map(Step::Focus),
        1 => (0..3_usize).prop_map(Step::Leave),
    ];
    proptest::collection::vec(step, 0..60)
}

/// Whether some page is looked at after the steps up to and with `at`, told from the history alone. Page 2 is the list.
fn shown(history: &[Step], at: usize) -> bool {
    (0..3).any(|page| {
        let last = (0..=at).rev().find(|t| matches!(history[*t], Step::Focus(p) | Step::Leave(p) if p == page));
        last.is_some_and(|t| matches!(history[t], Step::Focus(_)) && t as u64 + TIMING.focus > at as u64)
    })
}

/// When request `r`, opened at `from`, is told.
fn expected(history: &[Step], r: usize, from: usize) -> Option<usize> {
    let grace = usize::try_from(TIMING.grace).unwrap();
    let closed = (from + 1..history.len()).find(|t| matches!(history[*t], Step::Close(c) if c == r));
    let end = closed.unwrap_or(history.len());
    for at in from + grace..end {
        // A page that was looked at until now, and a request that was held when it was left.
        let left = |t: usize| {
            let Step::Leave(page) = history[t] else { return false };
            let last = (0..t).rev().find(|u| matches!(history[*u], Step::Focus(p) | Step::Leave(p) if p == page));
            last.is_some_and(|u| matches!(history[u], Step::Focus(_)) && u as u64 + TIMING.focus > t as u64)
        };
        if at > from + grace && left(at) {
            return None;
        }
        if !shown(history, at) {
            return Some(at);
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn a_request_is_told_exactly_when_it_waits_and_nobody_looks(history in steps()) {
        let mut a = Attention::new(TIMING);
        let mut open: BTreeMap<usize, usize> = BTreeMap::new();
        let mut got: Vec<(usize, usize)> = Vec::new();
        let mut wanted: Vec<(usize, usize)> = Vec::new();
        for (at, step) in history.iter().enumerate() {
            let now = at as u64;
            match step {
                Step::Open(r) if !open.contains_key(r) => {
                    open.insert(*r, at);
                    wanted.extend(expected(&history, *r, at).map(|when| (when, *r)));
                }
                Step::Close(r) => { open.remove(r); }
                Step::Focus(2) => a.focus(None, page("list"), true, now),
                Step::Leave(2) => a.focus(None, page("list"), false, now),
                Step::Focus(p) => a.focus(Some("s"), page(&p.to_string()), true, now),
                Step::Leave(p) => a.focus(Some("s"), page(&p.to_string()), false, now),
                _ => {}
            }
            let names: Vec<String> = open.keys().map(ToString::to_string).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            a.observe("s", waiting(&names), false, now);
            for notice in a.tick(now) {
                got.extend(notice.asks.iter().map(|ask| (at, ask.parse().unwrap())));
            }
            // Nothing would have been said between now and then.
            if let Some(next) = a.next(now) {
                prop_assert!(next > now, "{next} at {now}");
            }
        }
        wanted.sort_unstable();
        got.sort_unstable();
        prop_assert_eq!(got, wanted);
    }
}
