//! All subscriptions, in memory as in the store.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use data_encoding::BASE64URL_NOPAD;
use groundlink_protocol::api::{PushState, PushSubscription};

use super::endpoint::Services;
use super::subscription::{Scope, Subscription, SubscriptionId, Vault, name_of};
use crate::live::{Sessions, now};

/// Subscriptions of one link.
const MAX_OF_ONE: usize = 50;
/// Subscriptions in all.
const MAX: usize = 1_000;

/// Why there is no subscription.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PushError {
    #[error("{0}")]
    Unfit(&'static str),
    #[error("too many devices are notified here already; turn notifications off on one of them")]
    TooMany,
    #[error("the hub could not store the subscription")]
    Store(#[from] sqlx::Error),
}

type Of = HashMap<SubscriptionId, Arc<Subscription>>;

/// See the module's description.
pub(super) struct Subscriptions {
    vault: Vault,
    /// Held over a whole change.
    order: tokio::sync::Mutex<()>,
    all: RwLock<HashMap<Scope, Of>>,
}

impl Subscriptions {
    /// Reads them. Those that cannot be used any more are deleted: `hub.key` is another one, or the service is not
    /// allowed now.
    pub(super) async fn open(sessions: &Sessions, services: &Services) -> sqlx::Result<Self> {
        let vault = Vault::new(&sessions.keys.push_vault_key());
        let mut all: HashMap<Scope, Of> = HashMap::new();
        for row in sessions.store.push_subscriptions().await? {
            let (session, id) = (row.session.as_ref().map(|(n, _)| *n), row.id);
            if let Some(subscription) = vault.open(row, services) {
                all.entry(subscription.scope.clone()).or_default().insert(id, Arc::new(subscription));
            } else {
                tracing::warn!("a subscription to notifications cannot be used any more and is deleted");
                sessions.store.drop_push_subscription(session, id).await?;
            }
        }
        Ok(Self { vault, order: tokio::sync::Mutex::default(), all: RwLock::new(all) })
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Scope, Of>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Scope, Of>> {
        self.all.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.read().values().all(HashMap::is_empty)
    }

    /// Those of one place.
    pub(super) fn of(&self, scope: &Scope) -> Vec<Arc<Subscription>> {
        self.read().get(scope).into_iter().flat_map(HashMap::values).cloned().collect()
    }

    pub(super) fn get(&self, scope: &Scope, name: &str) -> Option<Arc<Subscription>> {
        self.read().get(scope)?.get(&decode(name)?).cloned()
    }

    pub(super) async fn put(
        &self,
        sessions: &Sessions,
        services: &Services,
        scope: Scope,
        name: &str,
        said: PushSubscription,
    ) -> Result<PushState, PushError> {
        if decode(name) != Some(name_of(said.endpoint.expose())) {
            return Err(PushError::Unfit("the path must end in the SHA-256 of `endpoint`, in Base64url"));
        }
        let (subscription, row) = self.vault.read(scope.clone(), said, services, now()).map_err(PushError::Unfit)?;
        let _order = self.order.lock().await;
        {
            let all = self.read();
            let here = all.get(&scope);
            let new = here.is_none_or(|of| !of.contains_key(&subscription.id));
            let full =
                here.is_some_and(|of| of.len() >= MAX_OF_ONE) || all.values().map(HashMap::len).sum::<usize>() >= MAX;
            if new && full {
                return Err(PushError::TooMany);
            }
        }
        sessions.store.put_push_subscription(row).await?;
        let state = subscription.state();
        self.write().entry(scope).or_default().insert(subscription.id, Arc::new(subscription));
        Ok(state)
    }

    pub(super) async fn remove(&self, sessions: &Sessions, scope: &Scope, name: &str) -> sqlx::Result<bool> {
        let Some(id) = decode(name) else { return Ok(false) };
        let _order = self.order.lock().await;
        self.take(sessions, scope, id).await
    }

    /// Takes one away that its push service does not know any more, unless it was made anew meanwhile.
    pub(super) async fn drop(&self, sessions: &Sessions, over: &Arc<Subscription>) -> sqlx::Result<()> {
        let _order = self.order.lock().await;
        let same =
            self.read().get(&over.scope).and_then(|of| of.get(&over.id)).is_some_and(|now| Arc::ptr_eq(now, over));
        if same {
            self.take(sessions, &over.scope, over.id).await?;
        }
        Ok(())
    }

    async fn take(&self, sessions: &Sessions, scope: &Scope, id: SubscriptionId) -> sqlx::Result<bool> {
        sessions.store.drop_push_subscription(scope.number(), id).await?;
        Ok(self.write().get_mut(scope).and_then(|of| of.remove(&id)).is_some())
    }

    /// Forgets those of sessions that were deleted, and in the store with them.
    pub(super) fn keep(&self, there: impl Fn(&str) -> bool) {
        self.write().retain(|scope, of| !of.is_empty() && scope.session().is_none_or(&there));
    }
}

/// A subscription's name in a path.
fn decode(name: &str) -> Option<SubscriptionId> {
    BASE64URL_NOPAD.decode(name.as_bytes()).ok()?.try_into().ok()
}
