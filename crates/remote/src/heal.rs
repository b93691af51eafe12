//! Wakes sessions that the CLI exports itself, after their hub was away.
//!
//! Observed with CLI 1.0.102: after five failed uploads in a row (some seconds of refused connections) the CLI neither
//! uploads nor asks for commands any more, until the session itself produces an event and a wait of up to 30 seconds has
//! passed. A session that is idle stays deaf for ever. So the hub is watched, and when it is back, an event is made. And the
//! CLI keeps at most 1000 events meanwhile: after an outage with many, the session is attached anew, which lets a hub that
//! has noticed the gap ask for all of it.
//!
//! Where the other end is GitHub, nobody but the CLI has a token to ask it with. There, and wherever else the hub is not
//! known here, the session crate keeps the CLI awake without looking: see `Session::enable_remote`.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use groundlink_session::{RemoteMode, Session, WeakSession};
use tokio::time::{Instant, sleep_until};

use crate::bridge::{HubEndpoint, HubWatch};
use crate::sharing::Sharing;

/// How often the hub is looked at. It takes the CLI longer than this to fall deaf.
const LOOK: Duration = Duration::from_secs(2);
/// When the session is woken, after the hub is back: soon, and once more when the CLI's longest wait has passed.
const WAKE: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(31)];
/// When a session with many events is attached anew: after what the CLI had kept was uploaded.
const ATTACH: Duration = Duration::from_secs(36);
/// Events during an outage from which on some may have been lost. The CLI also keeps some that this program does not see.
const MANY: u64 = 200;

/// Watches over a natively shared session for as long as it is shared.
pub(crate) fn watch(session: &Session, sharing: &Arc<Sharing>, endpoint: &HubEndpoint) {
    let Ok(hub) = HubWatch::new(endpoint) else { return };
    let task = tokio::spawn(keep_awake(session.downgrade(), Arc::downgrade(sharing), hub, session.subscribe()));
    sharing.keep_vigil(task);
}

async fn keep_awake(
    session: WeakSession,
    sharing: Weak<Sharing>,
    hub: HubWatch,
    mut events: groundlink_session::EventStream,
) {
    let mut vigil = Vigil::default();
    let mut look_at = Instant::now() + LOOK;
    loop {
        let until = vigil.next().map_or(look_at, |due| due.min(look_at));
        tokio::select! {
            event = events.next() => match event {
                Some(_) => {
                    vigil.heard();
                    continue;
                }
                None => return,
            },
            () = sleep_until(until) => {}
        }
        let Some(session) = session.upgrade() else { return };
        if session.is_over() || session.remote_state().url.is_none() {
            return;
        }
        match vigil.due(Instant::now()) {
            Some(Care::Wake) => wake(&session).await,
            Some(Care::Attach) => {
                let Some(sharing) = sharing.upgrade() else { return };
                sharing.attach_again(&session).await;
            }
            None => {
                // No session is held meanwhile: a hub may take its time, and nothing is to be kept alive.
                drop(session);
                let alive = hub.is_alive().await;
                vigil.seen(alive, Instant::now());
                look_at = Instant::now() + LOOK;
            }
        }
    }
}

/// Any event does; this one is not stored.
async fn wake(session: &Session) {
    if let Err(error) = session.log("The hub can be reached again", true).await {
        tracing::debug!(session = session.id(), %error, "the session could not be woken");
    }
}

/// What is to be done for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// Make an event.
    Wake,
    /// Attach it anew.
    Attach,
}

/// When to do what, without I/O.
#[derive(Debug, Default)]
struct Vigil {
    away: bool,
    /// Events since the hub went away.
    events: u64,
    plan: VecDeque<(Instant, Care)>,
}

impl Vigil {
    /// An event came.
    fn heard(&mut self) {
        self.events += u64::from(self.away);
    }

    /// The hub was looked at.
    fn seen(&mut self, alive: bool, now: Instant) {
        if !alive {
            // What was planned for the time after the last outage would be in vain.
            self.plan.clear();
            self.away = true;
        } else if std::mem::take(&mut self.away) {
            self.plan = WAKE.into_iter().map(|after| (now + after, Care::Wake)).collect();
            if std::mem::take(&mut self.events) >= MANY {
                self.plan.push_back((now + ATTACH, Care::Attach));
            }
        }
    }

    /// When something is to be done next.
    fn next(&self) -> Option<Instant> {
        self.plan.front().map(|(at, _)| *at)
    }

    /// What is to be done now.
    fn due(&mut self, now: Instant) -> Option<Care> {
        self.plan.pop_front_if(|(at, _)| *at <= now).map(|(_, care)| care)
    }
}

impl Sharing {
    /// Attaches a natively shared session anew, unless it has been taken away meanwhile.
    async fn attach_again(&self, session: &Session) {
        let _turn = self.changing().await;
        let state = session.remote_state();
        if state.url.is_none() {
            return;
        }
        let mode = if state.steerable { RemoteMode::On } else { RemoteMode::Export };
        let again = async {
            session.disable_remote().await?;
            session.enable_remote(mode).await
        };
        if let Err(error) = again.await {
            tracing::warn!(session = session.id(), %error, "the session could not be attached anew after an outage");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_followed_by_care() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut vigil = Vigil::default();
        vigil.seen(true, at(0));
        vigil.heard();
        assert_eq!((vigil.next(), vigil.due(at(100))), (None, None), "nothing happened");

        vigil.seen(false, at(2));
        vigil.seen(false, at(4));
        vigil.heard();
        assert_eq!(vigil.next(), None, "not while it is away");
        vigil.seen(true, at(6));
        assert_eq!((vigil.next(), vigil.due(at(7))), (Some(at(8)), None));
        assert_eq!(vigil.due(at(8)), Some(Care::Wake));
        vigil.seen(true, at(10));
        assert_eq!((vigil.due(at(36)), vigil.due(at(37))), (None, Some(Care::Wake)));
        assert_eq!((vigil.next(), vigil.due(at(100))), (None, None), "few events: nothing can be lost");
    }

    #[test]
    fn many_events_are_worth_a_new_attachment_and_another_outage_starts_over() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut vigil = Vigil::default();
        vigil.seen(false, at(0));
        (0..MANY).for_each(|_| vigil.heard());
        vigil.seen(true, at(10));
        assert_eq!(vigil.due(at(12)), Some(Care::Wake));
        vigil.seen(false, at(14));
        assert_eq!(vigil.due(at(100)), None);
        (0..MANY).for_each(|_| vigil.heard());
        vigil.seen(true, at(100));
        let cares: Vec<_> = std::iter::from_fn(|| vigil.due(at(200))).collect();
        assert_eq!(cares, [Care::Wake, Care::Wake, Care::Attach]);
    }
}
