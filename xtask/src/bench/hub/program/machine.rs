//! What the machine itself does meanwhile: no hub is faster than its disk and its processors let it be.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::figures::{Any, Times};

/// How long a thread wants to sleep between two looks.
const STEP: Duration = Duration::from_millis(25);

/// A thread that sleeps and lets the disk keep something, again and again.
pub struct Machine {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<std::io::Result<(Times, Times)>>,
}

impl Machine {
    /// Begins to look.
    pub fn watch(dir: &Path) -> Any<Self> {
        std::fs::create_dir_all(dir)?;
        let mut file = std::fs::File::create(dir.join("probe"))?;
        let stop = Arc::<AtomicBool>::default();
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut late, mut sync) = (Times::default(), Times::default());
            while !stopped.load(Ordering::Relaxed) {
                let at = Instant::now();
                std::thread::sleep(STEP);
                late.push(at.elapsed().saturating_sub(STEP));
                let at = Instant::now();
                file.write_all(&[7; 4_096])?;
                file.sync_data()?;
                sync.push(at.elapsed());
            }
            Ok((late, sync))
        });
        Ok(Self { stop, thread })
    }

    /// What it has seen.
    pub fn told(self) -> Any<Value> {
        self.stop.store(true, Ordering::Relaxed);
        let (late, sync) = self.thread.join().map_err(|_| "the machine is not watched any more")??;
        Ok(json!({"thread_wakes_late_ms": late.json(), "disk_sync_ms": sync.json()}))
    }
}
