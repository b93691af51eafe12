//! Whom to tell what, and when: a plain state machine. Time comes in as an argument.
//!
//! Something that wants a person (an open request, a turn that failed or is done) is first given a moment in which it
//! may be settled. Then, if nobody looks at the session, it is told once. While somebody looks it is held: when that
//! page says that it was left, the person has seen it, and it is not told; when the page is just not heard any more (a
//! frozen tab, a computer that sleeps), nobody knows, and it is.

use std::collections::{BTreeMap, HashMap};

use groundlink_protocol::api::{PushReason, SessionStatus};

/// Pages of one session that are remembered as looked at. The one that lapses first gives way.
const MAX_PAGES: usize = 64;

/// The times, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// How long something may be settled before it is told.
    pub(super) grace: u64,
    /// How far apart two notices of one session for one reason are at least.
    pub(super) gap: u64,
    /// How long a page counts as looked at after it said so.
    pub(super) focus: u64,
}

/// How a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) status: SessionStatus,
    /// Its exporter is in touch. Of one that is not, nobody knows whether it still waits.
    pub(super) online: bool,
    /// The requests that wait, without those whose answer is on its way.
    pub(super) open: Vec<String>,
}

/// Somebody is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) session: String,
    pub(super) reason: PushReason,
    /// The requests that it is for.
    pub(super) asks: Vec<String>,
}

/// A page: its device, and its own name there.
pub(super) type PageId = (String, String);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Ask(String),
    Failed,
    Done,
}

impl Cause {
    fn reason(&self) -> PushReason {
        match self {
            Self::Ask(_) => PushReason::NeedsYou,
            Self::Failed => PushReason::Failed,
            Self::Done => PushReason::Done,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// To be told at this time, if nobody looks then.
    Fresh(u64),
    /// Somebody looks.
    Held,
    /// Told, or seen.
    Settled,
}

#[derive(Debug, Default)]
struct Session {
    online: bool,
    /// A turn runs, or ran and its end was not noted yet.
    active: bool,
    causes: BTreeMap<Cause, Stage>,
    /// When it was told last, by reason.
    told: HashMap<PushReason, u64>,
    pages: Pages,
}

/// Pages that are looked at, and until when that holds.
#[derive(Debug, Default)]
struct Pages(HashMap<PageId, u64>);

impl Pages {
    fn until(&self) -> Option<u64> {
        self.0.values().copied().max()
    }

    fn shown(&self, now: u64) -> bool {
        self.until().is_some_and(|until| until > now)
    }

    fn put(&mut self, page: PageId, until: u64) {
        if self.0.len() >= MAX_PAGES && !self.0.contains_key(&page) {
            let first = self.0.iter().min_by_key(|(_, until)| **until).map(|(page, _)| page.clone());
            first.map(|first| self.0.remove(&first));
        }
        self.0.insert(page, until);
    }

    /// Whether it was there and held still.
    fn leave(&mut self, page: &PageId, now: u64) -> bool {
        self.0.remove(page).is_some_and(|until| until > now)
    }
}

impl Session {
    fn seen(&mut self) {
        for stage in self.causes.values_mut().filter(|stage| **stage == Stage::Held) {
            *stage = Stage::Settled;
        }
    }

    /// Nothing is lost when it is forgotten.
    fn is_blank(&self) -> bool {
        !self.active && self.causes.is_empty() && self.pages.0.is_empty()
    }
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct Attention {
    timing: Timing,
    sessions: HashMap<String, Session>,
    /// Pages of the list of all sessions.
    lists: Pages,
}

impl Attention {
    pub(super) fn new(timing: Timing) -> Self {
        Self { timing, sessions: HashMap::new(), lists: Pages::default() }
    }

    /// Takes in how a session is now. `old`: what is so already is nobody's news.
    pub(super) fn observe(&mut self, id: &str, facts: Facts, old: bool, now: u64) {
        let session = self.sessions.entry(id.to_owned()).or_default();
        let was_active = session.active;
        session.online = facts.online;
        session.active = matches!(facts.status, SessionStatus::Working | SessionStatus::Waiting);
        let mut causes: Vec<Cause> = facts.open.into_iter().map(Cause::Ask).collect();
        match facts.status {
            SessionStatus::Error => causes.push(Cause::Failed),
            SessionStatus::Idle | SessionStatus::Ended if was_active || session.causes.contains_key(&Cause::Done) => {
                causes.push(Cause::Done);
            }
            _ => {}
        }
        session.causes.retain(|cause, _| causes.contains(cause));
        // What it waits for without being in touch is from before: it was read from the store.
        let stage = if old || !facts.online { Stage::Settled } else { Stage::Fresh(now + self.timing.grace) };
        for cause in causes {
            session.causes.entry(cause).or_insert(stage);
        }
        if session.is_blank() {
            self.sessions.remove(id);
        }
    }

    /// The session was deleted.
    pub(super) fn forget(&mut self, id: &str) {
        self.sessions.remove(id);
    }

    /// A page is looked at, or was left; without a session, the list of all.
    pub(super) fn focus(&mut self, session: Option<&str>, page: PageId, focused: bool, now: u64) {
        let until = now + self.timing.focus;
        match session {
            Some(id) if focused => self.sessions.entry(id.to_owned()).or_default().pages.put(page, until),
            Some(id) => {
                if let Some(session) = self.sessions.get_mut(id)
                    && session.pages.leave(&page, now)
                {
                    session.seen();
                }
            }
            None if focused => self.lists.put(page, until),
            None => {
                if self.lists.leave(&page, now) {
                    self.sessions.values_mut().for_each(Session::seen);
                }
            }
        }
    }

    /// Whether a notice still holds: something of what it told is still so. For one that could not be sent at once.
    pub(super) fn holds(&self, notice: &Notice) -> bool {
        let Some(session) = self.sessions.get(&notice.session) else { return notice.reason == PushReason::Done };
        match notice.reason {
            PushReason::NeedsYou => notice.asks.iter().any(|ask| session.causes.contains_key(&Cause::Ask(ask.clone()))),
            PushReason::Failed => session.causes.contains_key(&Cause::Failed),
            _ => !session.active,
        }
    }

    /// Sessions of which somebody may be told now: to be looked at once more before.
    pub(super) fn due(&self, now: u64) -> Vec<String> {
        let due = |stage: &Stage| matches!(*stage, Stage::Fresh(at) if at <= now) || *stage == Stage::Held;
        self.sessions.iter().filter(|(_, session)| session.causes.values().any(due)).map(|(id, _)| id.clone()).collect()
    }

    /// Who is to be told now.
    pub(super) fn tick(&mut self, now: u64) -> Vec<Notice> {
        let mut notices = Vec::new();
        self.lists.0.retain(|_, until| *until > now);
        let listed = self.lists.shown(now);
        let gap = self.timing.gap;
        self.sessions.retain(|id, session| {
            let shown = listed || session.pages.shown(now);
            session.pages.0.retain(|_, until| *until > now);
            let mut ready: Vec<&Cause> = Vec::new();
            for (cause, stage) in &mut session.causes {
                let due = matches!(*stage, Stage::Fresh(at) if at <= now);
                if shown && due {
                    *stage = Stage::Held;
                } else if !shown && session.online && (due || *stage == Stage::Held) {
                    ready.push(cause);
                }
            }
            // Asks come first; of one session only one thing is told at a time.
            if let Some(reason) = ready.first().map(|cause| cause.reason())
                && session.told.get(&reason).is_none_or(|at| at + gap <= now)
            {
                let asks =
                    ready.iter().filter_map(|cause| if let Cause::Ask(id) = cause { Some(id.clone()) } else { None });
                notices.push(Notice { session: id.clone(), reason, asks: asks.collect() });
                session.told.insert(reason, now);
                let told: Vec<Cause> = ready.into_iter().filter(|cause| cause.reason() == reason).cloned().collect();
                for cause in told {
                    session.causes.insert(cause, Stage::Settled);
                }
            }
            // The end of a turn comes once: it need not be remembered.
            session.causes.retain(|cause, stage| *cause != Cause::Done || *stage != Stage::Settled);
            !session.is_blank()
        });
        notices
    }

    /// When `tick` may have something to say next, if nothing happens before.
    pub(super) fn next(&self, now: u64) -> Option<u64> {
        let lists = self.lists.until();
        let of = |session: &Session| {
            let lapse = session.pages.until().max(lists);
            let due = session.causes.iter().filter_map(|(cause, stage)| match stage {
                Stage::Fresh(at) if *at > now => Some(*at),
                // Overdue: while its exporter is away, or until the last notice is long enough ago.
                Stage::Fresh(_) if session.online => {
                    session.told.get(&cause.reason()).map(|told| told + self.timing.gap)
                }
                Stage::Held => lapse.filter(|at| *at > now).or_else(|| {
                    let told = session.told.get(&cause.reason()).filter(|_| session.online)?;
                    Some(told + self.timing.gap)
                }),
                _ => None,
            });
            due.min()
        };
        self.sessions.values().filter_map(of).min()
    }
}

#[cfg(test)]
mod tests;
