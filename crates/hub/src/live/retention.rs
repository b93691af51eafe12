//! How much is kept: old events lose their texts where a session, or all together, grow too big.

use std::sync::Arc;
use std::time::Duration;

use super::inner::base_state;
use super::{Live, Sessions, bump};
use crate::store::Trim;

/// How much of the sessions a hub keeps.
///
/// What is over the limits is trimmed, the oldest events first: they lose their texts, and keep their number, id and
/// time, so that an exporter's repetition is still known. Never trimmed is the event of a request that is still open.
/// What a session is (its title, folder, model, state) is kept apart and stays. The database's file does not get
/// smaller; the room is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Bytes of events that one session may have. Default: 256 MiB. Beyond it, a quarter of them goes.
    pub per_session: u64,
    /// Bytes of events that all sessions together may have. Default: 8 GiB. Beyond it, sessions that are over or have
    /// been silent the longest are trimmed first.
    pub total: u64,
    /// How often it is looked at. Default: one minute.
    pub every: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { per_session: 256 << 20, total: 8 << 30, every: Duration::from_mins(1) }
    }
}

impl Retention {
    /// How much to free of each session, from their sizes, those first that are to give first.
    fn plan(self, sizes: &[(String, u64)]) -> Vec<(String, u64)> {
        let total: u64 = sizes.iter().map(|(_, bytes)| *bytes).sum();
        // A little more than needed, so that the next event does not begin it anew.
        let mut surplus = if total > self.total { total - self.total / 10 * 9 } else { 0 };
        let mut plan = Vec::new();
        for (id, bytes) in sizes {
            let mut free = 0;
            if *bytes > self.per_session {
                free = bytes - self.per_session / 4 * 3;
            }
            free = free.max(surplus.min(*bytes));
            if free > 0 {
                surplus = surplus.saturating_sub(free);
                plan.push((id.clone(), free));
            }
        }
        plan
    }
}

impl Sessions {
    /// Keeps to the limits until the hub stops.
    pub(crate) async fn run_retention(self: Arc<Self>, retention: Retention) {
        let mut clock = tokio::time::interval(retention.every.max(Duration::from_millis(10)));
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                _ = clock.tick() => {}
            }
            if let Err(error) = self.retain(retention).await {
                tracing::warn!(%error, "old events could not be trimmed");
            }
        }
    }

    async fn retain(self: &Arc<Self>, retention: Retention) -> sqlx::Result<()> {
        for (id, free) in retention.plan(&self.store.sizes().await?) {
            if self.shutdown.is_cancelled() {
                break;
            }
            if let Some(live) = self.by_id(&id).await? {
                let until = live.trim(free).await?;
                tracing::info!(until, bytes = free, "old events of a session were trimmed");
            }
        }
        Ok(())
    }
}

impl Live {
    /// Frees so many bytes of the oldest events. Says up to which event the session is trimmed now.
    pub(crate) async fn trim(&self, bytes: u64) -> sqlx::Result<u64> {
        let _order = self.order.lock().await;
        let Some(row) = self.store.session(&self.id).await? else { return Ok(0) };
        let before = row.trimmed_before;
        let Some(until) = self.store.cut_for(self.n, before, bytes).await? else { return Ok(before) };
        let mut base = base_state(&row);
        self.store
            .replay(self.n, Some(until), |stored| {
                if stored.seq > before {
                    base.apply(&stored.event, stored.seq);
                }
            })
            .await?;
        let keep = self.lock().state.pending().iter().map(|request| request.seq).filter(|seq| *seq <= until).collect();
        let base = serde_json::to_string(&base).map_err(|e| sqlx::Error::Encode(e.into()))?;
        self.store.trim(self.n, Trim { until, keep, base }).await?;
        self.lock().trimmed_before = until;
        bump(&self.state);
        Ok(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_big_and_the_old_give_first() {
        let retention = Retention { per_session: 100, total: 200, ..Retention::default() };
        let sizes = |sizes: &[u64]| -> Vec<(String, u64)> {
            sizes.iter().enumerate().map(|(n, bytes)| (format!("s{n}"), *bytes)).collect()
        };
        let plan = |given: &[u64]| -> Vec<(usize, u64)> {
            let plan = retention.plan(&sizes(given));
            plan.into_iter().map(|(id, free)| (id[1..].parse().unwrap(), free)).collect()
        };
        assert_eq!(plan(&[90, 100]), []);
        assert_eq!(plan(&[10, 120]), [(1, 45)], "down to three quarters");
        assert_eq!(plan(&[30, 90, 90]), [(0, 30)], "the first is the oldest");
        assert_eq!(plan(&[10, 20, 90, 90]), [(0, 10), (1, 20)]);
        assert_eq!(plan(&[10, 90, 90, 90]), [(0, 10), (1, 90)]);
        assert_eq!(plan(&[140, 90]), [(0, 65)], "one session's surplus counts for both");
    }
}
