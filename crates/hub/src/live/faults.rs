//! Two hundred runs of a session over a bad network: the real log, ledger and store, behind an exporter that behaves
//! as the CLI was seen to, crashes included. Everything that happens is decided by the run's seed.
//!
//! What must hold is checked after every step, see [`World::check`] and [`World::check_end`].

mod exporter;

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use groundlink_protocol::api::{CommandAction, CommandEdit, CommandIntent, CommandState, Delivery, SessionStatus};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::feed::{Feed, FeedItem};
use super::{Live, Timing};
use crate::ingest::{Secrets, Upload};
use crate::keys::{LinkHash, hash_link};
use crate::ledger::CommandKind;
use crate::store::Store;
use exporter::{Exporter, Handed};

thread_local! {
    static CLOCK: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The time of the run on this thread.
pub(super) fn clock() -> Option<u64> {
    CLOCK.get()
}

const STEPS: usize = 100;
const LEASE: u64 = 15_000;
/// A time at which to begin.
const START: u64 = 1_800_000_000_000;

struct NoSecrets;

impl Secrets for NoSecrets {
    fn known(&self) -> &[&str] {
        &[]
    }
    fn is_link(&self, _: &LinkHash) -> bool {
        false
    }
}

/// Says which run it was, when something does not hold.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the run with seed {} failed; repeat it alone with FAULT_SEED={}", self.0, self.0);
        }
    }
}

/// An upload on its way.
struct Sent {
    body: String,
}

struct World {
    random: StdRng,
    dir: TempDir,
    store: Store,
    live: Arc<Live>,
    now: u64,
    exporter: Exporter,
    /// Copies of uploads that the network still holds.
    late: Vec<Sent>,
    feed: Feed,
    /// What a viewer has read since the log was named as it is.
    read: Vec<(u64, String)>,
    /// What every command was said to be last.
    states: HashMap<String, CommandState>,
    clients: u64,
    /// What happened, to read after a failure.
    history: Vec<String>,
    tally: Tally,
}

/// What the runs came to see: a run in which nothing happens proves nothing.
#[derive(Debug, Default)]
struct Tally {
    ends: BTreeMap<&'static str, u32>,
    restarts: u32,
    rebuilt: u32,
    trimmed: u32,
    events: usize,
}

impl World {
    async fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        CLOCK.set(Some(START));
        let store = Store::open_for_test(dir.path()).await;
        store.create_session("s", hash_link("k"), START).await.expect("a session");
        let live = load(&store).await;
        let feed = live.feed(0, None);
        Self {
            random: StdRng::seed_from_u64(seed),
            dir,
            store,
            live,
            now: START,
            exporter: Exporter::new(),
            late: Vec::new(),
            feed,
            read: Vec::new(),
            states: HashMap::new(),
            clients: 0,
            history: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn note(&mut self, what: impl Into<String>) {
        self.history.push(format!("{:>7} {}", self.now - START, what.into()));
    }

    async fn pass(&mut self, ms: u64) {
        // In small steps, as the hub's clock goes.
        let until = self.now + ms;
        while self.now < until {
            self.now = (self.now + 1_000).min(until);
            CLOCK.set(Some(self.now));
            self.live.tick(self.now).await;
        }
    }

    async fn arrive(&mut self, sent: &Sent) {
        let upload = Upload::parse(sent.body.as_bytes(), &NoSecrets).expect("an upload");
        self.live.clone().upload(upload, self.now).await.expect("stored");
    }

    /// The exporter uploads, and the network does what it likes.
    async fn upload(&mut self) {
        let Some((body, marks)) = self.exporter.upload() else { return };
        let sent = Sent { body };
        let fate = self.random.random_range(0..100);
        match fate {
            // It arrives, and the answer too.
            0..60 => {
                self.arrive(&sent).await;
                self.exporter.uploaded(marks);
                self.note("upload");
            }
            // It arrives, and the answer is lost: it comes again, perhaps in a bigger batch.
            60..75 => {
                self.arrive(&sent).await;
                self.note("upload, answer lost");
            }
            // It arrives twice, the second time late.
            75..85 => {
                self.arrive(&sent).await;
                self.exporter.uploaded(marks);
                self.late.push(sent);
                self.note("upload, and a copy that is late");
            }
            // It does not arrive, or only after the exporter has given up and sends it again.
            85..95 => {
                self.late.push(sent);
                self.note("upload, late");
            }
            _ => self.note("upload lost"),
        }
    }

    async fn late_arrival(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.late.len());
        let sent = self.late.remove(place);
        self.arrive(&sent).await;
        self.note("a late upload");
    }

    /// One of the pollers asks.
    async fn poll(&mut self) {
        let Some(poller) = self.exporter.poller(&mut self.random) else { return };
        let stop = CancellationToken::new();
        let waiting = self.live.poll(std::time::Duration::ZERO, &stop).await.expect("an answer");
        let Some(hand_out) = waiting else { return };
        if self.chance(10) {
            // The client hung up before the answer was written.
            drop(hand_out);
            self.note("poll, hung up");
            return;
        }
        let idle = !matches!(self.live.snapshot().status, SessionStatus::Working | SessionStatus::Waiting);
        let commands = hand_out.sent();
        for command in &commands {
            let entry = self.live.lock().ledger.get(&command.id).cloned().expect("it was handed out");
            let waits = entry.kind == CommandKind::UserMessage && entry.delivery == Delivery::Queue;
            assert!(idle || !waits, "{} was not to disturb a running turn", entry.id);
        }
        if self.chance(15) {
            self.note(format!("poll, answer lost: {}", commands[0].id));
            return;
        }
        for command in commands {
            let handed = Handed { id: command.id, kind: command.kind.as_str().to_owned(), content: command.content };
            self.note(format!("poll, {} {} {}", handed.kind, handed.id, handed.content));
            self.exporter.execute(poller, handed, self.now);
        }
    }

    /// Somebody at the link does something.
    async fn intend(&mut self) {
        self.clients += 1;
        let client = format!("c{}", self.clients);
        let snapshot = self.live.snapshot();
        let pending = snapshot.pending.first().cloned();
        let choice = self.random.random_range(0..100);
        let mut digest = None;
        let action = match (choice, pending) {
            (0..45, Some(request)) => {
                digest = Some(request.digest);
                let approved = self.chance(60);
                let feedback = (!approved && self.chance(50)).then(|| "rather not".to_owned());
                CommandAction::PermissionResponse { request_id: request.request_id, approved, scope: None, feedback }
            }
            (0..70, _) => {
                let delivery = if self.chance(30) { Delivery::Steer } else { Delivery::Queue };
                CommandAction::UserMessage { content: format!("say {client}"), delivery }
            }
            (70..80, _) => CommandAction::Abort {},
            (80..86, _) => {
                CommandAction::ModeSwitch { mode: if self.chance(50) { "plan" } else { "interactive" }.into() }
            }
            _ => return self.change(&snapshot.queue).await,
        };
        let intent = CommandIntent { digest, ..CommandIntent::new(client, action) };
        let first = self.live.clone().submit(intent.clone()).await;
        self.note(format!("intent {:?} {}", intent.action, first.is_ok()));
        if self.chance(20) {
            // The answer got lost, and the client asks again.
            let again = self.live.clone().submit(intent).await;
            if let (Ok((first, _)), Ok((again, new))) = (first, again) {
                assert_eq!(first.id, again.id);
                assert!(!new, "the same intent is the same command");
            }
        }
    }

    async fn change(&mut self, queue: &[groundlink_protocol::api::QueuedMessage]) {
        if queue.is_empty() {
            return;
        }
        let place = self.random.random_range(0..queue.len());
        let message = &queue[place];
        let done = if self.chance(50) {
            let edit = CommandEdit { content: format!("{} again", message.content), device: None };
            self.live.clone().edit(message.id.clone(), edit).await
        } else {
            self.live.clone().cancel(message.id.clone(), None).await
        };
        assert_eq!(done.is_ok(), message.editable, "{message:?} {done:?}");
        self.note(format!("changed {} {:?}", message.id, done.map(|receipt| receipt.state)));
    }

    /// The hub dies between two of its writes, in the middle of whatever it is doing then.
    async fn die(&mut self) {
        self.store.die_after(self.random.random_range(0..4));
        let mut unanswered = Vec::new();
        for _ in 0..3 {
            match self.random.random_range(0..3) {
                0 => {
                    let Some((body, marks)) = self.exporter.upload() else { continue };
                    let upload = Upload::parse(body.as_bytes(), &NoSecrets).expect("an upload");
                    if self.live.clone().upload(upload, self.now).await.is_ok() {
                        self.exporter.uploaded(marks);
                    }
                }
                1 => {
                    let Some(poller) = self.exporter.poller(&mut self.random) else { continue };
                    let waiting = self.live.poll(std::time::Duration::ZERO, &CancellationToken::new()).await;
                    let Ok(Some(hand_out)) = waiting else { continue };
                    for command in hand_out.sent() {
                        let kind = command.kind.as_str().to_owned();
                        let handed = Handed { id: command.id, kind, content: command.content };
                        self.note(format!("poll, {} {}", handed.kind, handed.id));
                        self.exporter.execute(poller, handed, self.now);
                    }
                }
                _ => {
                    self.clients += 1;
                    let client = format!("c{}", self.clients);
                    let content = format!("say {client}");
                    let action = CommandAction::UserMessage { content, delivery: Delivery::Steer };
                    let intent = CommandIntent::new(client, action);
                    let answer = self.live.clone().submit(intent.clone()).await;
                    unanswered.extend(answer.is_err().then_some(intent));
                }
            }
        }
        self.note("the hub dies");
        self.restart(false).await;
        for intent in unanswered {
            // The client asks again, and does not know what became of the first time.
            let _ = self.live.clone().submit(intent).await;
        }
    }

    /// The hub ends, with or without a goodbye, and comes back.
    async fn restart(&mut self, goodbye: bool) {
        self.tally.restarts += 1;
        if goodbye {
            self.store.close().await;
        }
        self.store = Store::open_for_test(self.dir.path()).await;
        self.live = load(&self.store).await;
        // A viewer goes on where it was.
        let epoch = self.feed.epoch().to_owned();
        self.feed = self.live.feed(self.read.last().map_or(0, |(seq, _)| *seq), Some(&epoch));
        self.note("the hub restarts");
    }

    /// The exporter attaches again: with everything, if the hub asks for it.
    async fn attach(&mut self) {
        let replay = self.live.wants_replay().await.expect("an answer");
        self.live.attached(None).await.expect("attached");
        self.exporter.attach(replay);
        self.note(format!("attaches, replay: {replay}"));
    }

    async fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..24 => self.upload().await,
            24..46 => self.poll().await,
            46..58 => self.intend().await,
            58..75 => {
                let what = self.exporter.live(&mut self.random, self.now);
                self.note(what);
            }
            75..78 => self.late_arrival().await,
            78..85 => {
                let ms = self.random.random_range(100..LEASE);
                self.pass(ms).await;
            }
            85..87 => {
                let goodbye = self.chance(50);
                self.restart(goodbye).await;
            }
            87..88 => self.die().await,
            88..90 => {
                self.exporter.crash(self.now);
                self.note("the exporter crashes");
                self.attach().await;
            }
            90..91 => {
                self.exporter.attach_again();
                self.note("a second attachment");
            }
            91..94 => {
                self.exporter.outage(&mut self.random);
                self.note("an outage: events are lost");
            }
            94..97 => self.attach().await,
            _ => {
                let bytes = self.random.random_range(1..3_000);
                let until = self.live.trim(bytes).await.expect("trimmed");
                self.tally.trimmed += 1;
                self.note(format!("trimmed to {until}"));
            }
        }
        self.now += 50;
        CLOCK.set(Some(self.now));
    }

    /// A viewer reads what there is.
    async fn read(&mut self) {
        let last = self.live.lock().last_seq;
        let known = |read: &[(u64, String)]| read.last().map_or(0, |(seq, _)| *seq);
        // What is trimmed is not told; the end is told by the log's own length then.
        while known(&self.read) < last || self.feed.epoch() != self.live.lock().log_epoch {
            let next = tokio::time::timeout(std::time::Duration::from_millis(200), self.feed.next()).await;
            match next {
                Ok(Ok(FeedItem::Stored { seq, event })) => self.read.push((seq, event.id().to_owned())),
                Ok(Ok(FeedItem::Epoch(_))) => {
                    self.tally.rebuilt += 1;
                    self.read.clear();
                }
                Ok(Ok(FeedItem::Passing(_))) => {}
                Ok(Err(error)) => panic!("{error}"),
                Err(_) => {
                    assert_eq!(self.live.lock().trimmed_before, last, "the viewer is told everything");
                    break;
                }
            }
        }
    }

    /// What holds at every moment.
    async fn check(&mut self) {
        self.read().await;
        assert!(self.read.is_sorted_by(|a, b| a.0 < b.0), "a viewer's numbers go up: {:?}", self.read);
        let log = self.store.names(self.live.n).await.expect("the log");
        // Numbers without holes, no event twice, none that nobody sent.
        assert_eq!(log.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (1..=log.len() as u64).collect::<Vec<_>>());
        let places: BTreeMap<&str, u64> = log.iter().map(|(seq, id)| (id.as_str(), *seq)).collect();
        assert_eq!(places.len(), log.len(), "an event is doubled");
        for id in places.keys() {
            assert!(self.exporter.has_said(id), "{id} comes from nowhere");
        }
        for id in self.exporter.confirmed() {
            assert!(places.contains_key(id), "{id} was confirmed and is lost");
        }
        for (seq, id) in &self.read {
            assert_eq!(places.get(id.as_str()), Some(seq), "a viewer has read another log");
        }
        self.check_state().await;
        self.check_requests().await;
        self.check_commands();
    }

    /// What is in memory is what the store gives.
    async fn check_state(&self) {
        let row = self.store.session("s").await.expect("read").expect("a session");
        let fresh = Live::rebuild(&self.store, self.live.timing, &row).await.expect("rebuilt");
        let inner = self.live.lock();
        assert_eq!(inner.state, fresh.state, "the state is not what its log says");
        assert_eq!((inner.last_seq, inner.trimmed_before), (fresh.last_seq, fresh.trimmed_before));
        assert_eq!(inner.log_epoch, fresh.log_epoch);
        assert_eq!(inner.view.status(), inner.status(), "the page shows another status than the API");
        assert_eq!(inner.view.header().title, fresh.view.header().title);
        let open = |requests: &[crate::view::Request]| requests.iter().map(|r| r.id.clone()).collect::<Vec<_>>();
        assert_eq!(open(inner.view.requests()), open(fresh.view.requests()), "the open requests of a page");
    }

    /// What is asked can be read, however much is trimmed.
    async fn check_requests(&self) {
        for request in self.live.snapshot().pending {
            let events = self.store.events(self.live.n, request.seq - 1, 1).await.expect("read");
            let event = events.first().filter(|event| event.seq == request.seq);
            let text = event.map(|event| event.event.raw().get()).unwrap_or_default();
            assert!(text.contains(&request.request_id), "the event of {} is gone", request.request_id);
        }
    }

    fn check_commands(&mut self) {
        let inner = self.live.lock();
        for entry in inner.ledger.entries() {
            let done = self.exporter.effects(&entry.id);
            assert!(done <= 1, "{} was carried out {done} times", entry.id);
            match entry.state {
                CommandState::Applied if entry.kind == CommandKind::UserMessage => {
                    assert_eq!(done, 1, "{} is called applied and was not", entry.id);
                }
                CommandState::Cancelled | CommandState::Expired => {
                    assert_eq!(done, 0, "{} is called {} and was done", entry.id, entry.state);
                }
                _ => {}
            }
            let before = self.states.insert(entry.id.clone(), entry.state);
            let doubted = |state: &CommandState| matches!(state, CommandState::Unknown | CommandState::Rejected);
            if let Some(before) = before.filter(|state| state.is_final() && !doubted(state)) {
                assert_eq!(entry.state, before, "{}: an end is an end", entry.id);
            }
        }
    }

    /// What holds when the network is good again and enough time has passed.
    async fn check_end(&mut self) {
        while !self.late.is_empty() {
            self.late_arrival().await;
        }
        // A re-attachment and a full replay fill every gap.
        for _ in 0..2 {
            self.live.attached(None).await.expect("attached");
            let _ = self.live.wants_replay().await.expect("an answer");
            self.exporter.attach(true);
            while let Some((body, marks)) = self.exporter.upload() {
                self.arrive(&Sent { body }).await;
                self.exporter.uploaded(marks);
            }
        }
        self.check().await;
        let log = self.store.names(self.live.n).await.expect("the log");
        let durable: Vec<&String> = log.iter().map(|(_, id)| id).filter(|id| self.exporter.is_durable(id)).collect();
        assert_eq!(durable, self.exporter.durable().iter().collect::<Vec<_>>(), "no event is lost, all are in order");
        for _ in 0..3 {
            self.pass(20_000).await;
        }
        self.now += 48 * 3_600_000;
        CLOCK.set(Some(self.now));
        self.live.tick(self.now).await;
        self.check().await;
        self.tally.events = self.read.len();
        let inner = self.live.lock();
        for entry in inner.ledger.entries() {
            *self.tally.ends.entry(entry.state.as_str()).or_default() += 1;
            assert!(entry.state.is_final(), "{} never ends: {entry:?}", entry.id);
            let said = self.exporter.message_is_in_history(&entry.id);
            if entry.kind == CommandKind::UserMessage {
                assert_eq!(entry.state == CommandState::Applied, said, "{entry:?}");
            }
        }
    }
}

async fn load(store: &Store) -> Arc<Live> {
    let row = store.session("s").await.expect("read").expect("a session");
    let timing = Timing::default();
    Live::load(store.clone(), timing, SecretString::from("k"), &row).await.expect("loaded")
}

async fn run(seed: u64) -> Tally {
    let guard = Seed(seed);
    let mut world = World::new(seed).await;
    let show = std::env::var_os("FAULT_SEED").is_some();
    for _ in 0..STEPS {
        world.step().await;
        if show {
            eprintln!("{}", world.history.last().map_or("", String::as_str));
        }
        world.check().await;
    }
    world.check_end().await;
    CLOCK.set(None);
    drop(guard);
    world.tally
}

/// Each of these is its own process under nextest, so that they share the cores.
async fn runs(seeds: std::ops::Range<u64>) {
    let mut sum = Tally::default();
    let one = std::env::var("FAULT_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in seeds {
        if one.is_none_or(|one: u64| one == seed) {
            let tally = run(seed).await;
            for (state, count) in tally.ends {
                *sum.ends.entry(state).or_default() += count;
            }
            sum.restarts += tally.restarts;
            sum.rebuilt += tally.rebuilt;
            sum.trimmed += tally.trimmed;
            sum.events += tally.events;
        }
    }
    eprintln!("{sum:?}");
    if one.is_none() {
        for state in ["applied", "rejected", "superseded", "cancelled", "unknown"] {
            assert!(sum.ends.get(state).is_some_and(|count| *count > 0), "no command came to be {state}: {sum:?}");
        }
        assert!(sum.restarts > 20 && sum.rebuilt > 10 && sum.trimmed > 20 && sum.events > 500, "{sum:?}");
    }
}

macro_rules! fault_runs {
    ($($name:ident: $seeds:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            runs($seeds).await;
        }
    )*};
}

fault_runs! {
    fault_runs_0_to_49: 0..50;
    fault_runs_50_to_99: 50..100;
    fault_runs_100_to_149: 100..150;
    fault_runs_150_to_199: 150..200;
}
