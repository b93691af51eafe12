//! Messages on their way: each is a task that tries until the push service has it, or it is not worth it any more.
//!
//! A newer message for the same browser about the same session takes the place of an older one that is still on its way,
//! as it will in the browser. Beyond [`MAX`] messages a new one is dropped: the push services are not reached then, and
//! what the notification would lead to is in the page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use groundlink_protocol::api::PushReason;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::encrypt::encrypt;
use super::subscription::{Scope, Subscription, SubscriptionId};
use super::transport::{PushPost, PushReply, PushTransport};
use super::vapid::Vapid;

/// Messages that may be on their way.
const MAX: usize = 1_000;
/// Messages that are sent at the same time.
const AT_ONCE: usize = 8;
/// How often a message is sent at most.
const TRIES: u32 = 6;
/// How long a push service may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A service that wants more than this to pass does not get the message.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// How long a push service keeps a message for a browser that is away, in seconds.
const TTL: u32 = 12 * 60 * 60;

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Done,
    /// The subscription is over.
    Gone,
    /// Again, and not before this.
    Again(Duration),
    /// It will not be taken later, either.
    Never,
}

/// What to do after try number `tried`, from 1; `first` is the wait after the first one.
fn next(reply: Option<&PushReply>, tried: u32, first: Duration) -> Next {
    let wait = match reply {
        Some(PushReply { status: 200..=299, .. }) => return Next::Done,
        Some(PushReply { status: 404 | 410, .. }) => return Next::Gone,
        Some(PushReply { status: 429 | 500..=599, retry_after }) => retry_after.unwrap_or_default(),
        // A redirect, too: it is not followed.
        Some(_) => return Next::Never,
        None => Duration::ZERO,
    };
    if tried >= TRIES || wait > LONGEST_WAIT {
        return Next::Never;
    }
    Next::Again(wait.max(first * 2_u32.pow(tried - 1)).min(LONGEST_WAIT))
}

/// A message that is to be sent.
pub(super) struct Message {
    pub(super) to: Arc<Subscription>,
    pub(super) session: String,
    pub(super) reason: PushReason,
    /// Names the session to the push service, which keeps the newest message of each only.
    pub(super) topic: String,
    pub(super) plain: String,
}

type Key = (SubscriptionId, Scope, String);

/// What is on its way, by number, so that one that ends does not take a newer one's place away.
#[derive(Default)]
struct Ways {
    number: u64,
    of: HashMap<Key, (u64, CancellationToken)>,
}

/// See the module's description.
pub(super) struct Outbox {
    pub(super) vapid: Arc<Vapid>,
    transport: Arc<dyn PushTransport>,
    retry: Duration,
    slots: Semaphore,
    shutdown: CancellationToken,
    on_their_way: Mutex<Ways>,
}

impl Outbox {
    pub(super) fn new(
        vapid: Vapid,
        transport: Arc<dyn PushTransport>,
        retry: Duration,
        shutdown: CancellationToken,
    ) -> Self {
        let slots = Semaphore::new(AT_ONCE);
        Self { vapid: Arc::new(vapid), transport, retry, slots, shutdown, on_their_way: Mutex::default() }
    }

    /// Sends a message in a task of its own. `holds` is asked before each further try; `gone` is called when the
    /// subscription is over.
    pub(super) fn send<Gone>(
        self: &Arc<Self>,
        message: Message,
        holds: impl Fn() -> bool + Send + Sync + 'static,
        gone: impl FnOnce(Arc<Subscription>) -> Gone + Send + 'static,
    ) where
        Gone: Future<Output = ()> + Send,
    {
        let key = (message.to.id, message.to.scope.clone(), message.session.clone());
        let stop = self.shutdown.child_token();
        let number = {
            let mut ways = self.on_their_way.lock().unwrap_or_else(PoisonError::into_inner);
            if ways.of.len() >= MAX && !ways.of.contains_key(&key) {
                tracing::warn!("a notification is dropped: {MAX} are on their way already");
                return;
            }
            ways.number += 1;
            let number = ways.number;
            if let Some((_, older)) = ways.of.insert(key.clone(), (number, stop.clone())) {
                older.cancel();
            }
            number
        };
        let outbox = self.clone();
        tokio::spawn(async move {
            let over = stop.run_until_cancelled(outbox.deliver(&message, holds)).await;
            {
                let mut ways = outbox.on_their_way.lock().unwrap_or_else(PoisonError::into_inner);
                if ways.of.get(&key).is_some_and(|(newest, _)| *newest == number) {
                    ways.of.remove(&key);
                }
            }
            if over == Some(Next::Gone) {
                gone(message.to).await;
            }
        });
    }

    async fn deliver(&self, message: &Message, holds: impl Fn() -> bool + Sync) -> Next {
        let host = message.to.endpoint.host_str().unwrap_or_default().to_owned();
        let mut tried = 0;
        loop {
            let reply = self.attempt(message).await;
            tried += 1;
            let (reply, error) = match reply {
                Ok(reply) => (Some(reply), String::new()),
                Err(error) => (None, error),
            };
            let status = reply.as_ref().map(|reply| reply.status);
            match next(reply.as_ref(), tried, self.retry) {
                Next::Again(wait) => {
                    tracing::debug!(host, status, error, ?wait, "a push service did not take a notification");
                    // Not all at once, should they have failed at once.
                    tokio::time::sleep(wait.mul_f64(rand::random_range(1.0..1.25))).await;
                    if !holds() {
                        return Next::Done;
                    }
                }
                Next::Never => {
                    tracing::warn!(host, status, error, tried, "a notification is given up");
                    return Next::Never;
                }
                end => return end,
            }
        }
    }

    async fn attempt(&self, message: &Message) -> Result<PushReply, String> {
        let _slot = self.slots.acquire().await.map_err(|error| error.to_string())?;
        let (to, vapid, plain) = (message.to.clone(), self.vapid.clone(), message.plain.clone());
        // Curves take a moment; the threads that serve people have none.
        let sealed = tokio::task::spawn_blocking(move || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let authorization = vapid.authorization(&to.endpoint.origin().ascii_serialization(), now);
            (authorization, encrypt(plain.as_bytes(), &to.receiver))
        });
        let (authorization, body) = sealed.await.map_err(|error| error.to_string())?;
        let urgency = if message.reason == PushReason::NeedsYou { "high" } else { "normal" };
        let headers = vec![
            ("Authorization", authorization),
            ("Content-Encoding", "aes128gcm".to_owned()),
            ("Content-Type", "application/octet-stream".to_owned()),
            ("TTL", TTL.to_string()),
            ("Urgency", urgency.to_owned()),
            ("Topic", message.topic.clone()),
        ];
        let post = PushPost { url: message.to.endpoint.clone(), headers, body };
        match tokio::time::timeout(PATIENCE, self.transport.post(post)).await {
            Ok(Ok(reply)) => Ok(reply),
            // Whatever the transport says, the address is not in it.
            Ok(Err(error)) => Err(error.to_string().replace(message.to.endpoint.path(), "/******")),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures::future::BoxFuture;
    use groundlink_protocol::api::Device;
    use secrecy::zeroize::Zeroizing;
    use tokio::sync::mpsc;

    use super::super::encrypt::Receiver;
    use super::super::random_secret;
    use super::super::transport::PushTransportError;
    use super::*;

    fn reply(status: u16, retry_after: Option<u64>) -> PushReply {
        PushReply { status, retry_after: retry_after.map(Duration::from_secs) }
    }

    #[test]
    fn what_follows_from_an_answer() {
        let second = Duration::from_secs(1);
        let again = |seconds| Next::Again(Duration::from_secs(seconds));
        let cases = [
            (Some(reply(201, None)), 1, Next::Done),
            (Some(reply(200, None)), 6, Next::Done),
            (Some(reply(404, None)), 1, Next::Gone),
            (Some(reply(410, None)), 3, Next::Gone),
            (Some(reply(429, None)), 1, again(1)),
            (Some(reply(429, Some(7))), 1, again(7)),
            (Some(reply(503, Some(1))), 4, again(8)),
            (Some(reply(429, Some(3_600))), 1, Next::Never),
            (None, 3, again(4)),
            (None, 6, Next::Never),
            (Some(reply(302, None)), 1, Next::Never),
            (Some(reply(400, None)), 1, Next::Never),
            (Some(reply(403, None)), 1, Next::Never),
            (Some(reply(413, None)), 1, Next::Never),
        ];
        for (reply, tried, expected) in cases {
            assert_eq!(next(reply.as_ref(), tried, second), expected, "{reply:?} after try {tried}");
        }
    }

    /// Answers as it is told, and tells what it was asked.
    struct Script {
        answers: Mutex<Vec<Option<u16>>>,
        asked: mpsc::UnboundedSender<PushPost>,
    }

    impl PushTransport for Script {
        fn post(&self, post: PushPost) -> BoxFuture<'_, Result<PushReply, PushTransportError>> {
            let error = format!("cannot reach {}", post.url);
            self.asked.send(post).unwrap();
            let answer = self.answers.lock().unwrap().pop();
            Box::pin(async move {
                match answer {
                    Some(Some(status)) => Ok(reply(status, None)),
                    Some(None) => Err(error.into()),
                    None => std::future::pending().await,
                }
            })
        }
    }

    fn outbox(mut answers: Vec<Option<u16>>) -> (Arc<Outbox>, mpsc::UnboundedReceiver<PushPost>) {
        answers.reverse();
        let (asked, posts) = mpsc::unbounded_channel();
        let vapid = Vapid::new(&random_secret(), "mailto:hub@example.com".to_owned());
        let script = Arc::new(Script { answers: Mutex::new(answers), asked });
        (Arc::new(Outbox::new(vapid, script, Duration::from_millis(1), CancellationToken::new())), posts)
    }

    fn message(session: &str) -> Message {
        let endpoint = Url::parse("https://fcm.googleapis.com/fcm/send/secret").unwrap();
        let receiver = Receiver { key: random_secret().public_key(), auth: Zeroizing::new([0; 16]) };
        let device = Device { id: "d".into(), name: None };
        let (scope, since) = (Scope::Hub, 0);
        let to = Subscription { id: [0; 32], scope, endpoint, receiver, device, content: false, done: false, since };
        Message {
            to: Arc::new(to),
            session: session.to_owned(),
            reason: PushReason::NeedsYou,
            topic: "topic".to_owned(),
            plain: "{}".to_owned(),
        }
    }

    use url::Url;

    #[tokio::test]
    async fn a_message_is_sent_again_until_it_is_taken() {
        let (outbox, mut posts) = outbox(vec![Some(500), None, Some(429), Some(201)]);
        outbox.send(message("s"), || true, async |_| panic!("the subscription is not over"));
        let first = posts.recv().await.unwrap();
        let headers: HashMap<_, _> = first.headers.iter().cloned().collect();
        assert!(headers["Authorization"].starts_with("vapid t="));
        assert_eq!(
            (headers["TTL"].as_str(), headers["Urgency"].as_str(), headers["Topic"].as_str()),
            ("43200", "high", "topic")
        );
        for _ in 0..3 {
            posts.recv().await.unwrap();
        }
        while !outbox.on_their_way.lock().unwrap().of.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(posts.try_recv().is_err());
        assert!(!format!("{first:?}").contains("secret"));
    }

    #[tokio::test]
    async fn what_is_over_or_does_not_hold_ends() {
        let (outbox, mut posts) = outbox(vec![Some(410), Some(500)]);
        let gone = Arc::new(AtomicBool::default());
        let noted = gone.clone();
        outbox.send(message("s"), || true, async move |_| noted.store(true, Ordering::Relaxed));
        posts.recv().await.unwrap();
        while !gone.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        outbox.send(message("s"), || false, async |_| panic!("the subscription is not over"));
        posts.recv().await.unwrap();
        while !outbox.on_their_way.lock().unwrap().of.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(posts.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_newer_message_takes_the_place_of_an_older_one() {
        let (outbox, mut posts) = outbox(vec![]);
        outbox.send(message("s"), || true, async |_| {});
        posts.recv().await.unwrap();
        outbox.send(message("s"), || true, async |_| {});
        outbox.send(message("t"), || true, async |_| {});
        posts.recv().await.unwrap();
        posts.recv().await.unwrap();
        assert_eq!(outbox.on_their_way.lock().unwrap().of.len(), 2);
        for n in 0..2 * MAX {
            outbox.send(message(&n.to_string()), || true, async |_| {});
        }
        assert_eq!(outbox.on_their_way.lock().unwrap().of.len(), MAX, "the rest is dropped");
        outbox.shutdown.cancel();
        while !outbox.on_their_way.lock().unwrap().of.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
