//! Waiting for a condition instead of for a while.

use std::future::Future;
use std::time::{Duration, Instant};

/// Between two looks at a condition that cannot wake us.
const LOOK_AGAIN: Duration = Duration::from_millis(40);

/// Asks until the answer is `Some`, and gives up with a panic that names what was waited for.
///
/// The last thing `ask` saw is often the reason: put it into `seen` with [`eventually_or`] when it is worth printing.
pub async fn eventually<T, F, Fut>(what: &str, timeout: Duration, mut ask: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    eventually_or(what, timeout, || {
        let answer = ask();
        async move { answer.await.ok_or_else(String::new) }
    })
    .await
}

/// Like [`eventually`], for an `ask` that can say what it saw instead; the last such word is in the panic message.
pub async fn eventually_or<T, F, Fut>(what: &str, timeout: Duration, mut ask: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let started = Instant::now();
    loop {
        let seen = match ask().await {
            Ok(answer) => return answer,
            Err(seen) => seen,
        };
        assert!(started.elapsed() < timeout, "waited {timeout:?} for {what}; last seen: {seen}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
