//! Writing: one task, one connection, grouped commits.

use groundlink_protocol::api::AuditEntry;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::checkpoint::Checkpoints;
use super::log::{self, Append, Trim};
use super::rows::{SessionRow, signed};
use super::{PushRow, Store, commands, delete, push};
use crate::keys::LinkHash;
use crate::ledger::Entry;

/// Writes that may wait; the next one waits for a place. Each waiting one belongs to a request, so the
/// overflow is felt by the client as slowness.
const QUEUE: usize = 128;
/// Writes that are committed together.
const GROUP: usize = 64;

/// A change of a session's own row. `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
#[allow(clippy::option_option, reason = "the outer one says whether to write, the inner one what")]
pub(crate) struct SessionUpdate {
    /// `Some(None)`: no bridge any more.
    pub(crate) exporter: Option<Option<String>>,
    pub(crate) steerable: Option<bool>,
    pub(crate) shared: Option<bool>,
    pub(crate) ended: Option<bool>,
    pub(crate) last_seen: Option<u64>,
    /// `Some(None)`: there is no gap any more.
    pub(crate) gap: Option<Option<String>>,
    /// `Some(None)`: it has no name any more.
    pub(crate) name: Option<Option<String>>,
    pub(crate) archived: Option<bool>,
    /// What the list shows, as JSON, and the event up to which that holds.
    pub(crate) card: Option<(String, u64)>,
}

impl SessionUpdate {
    /// Changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { exporter, steerable, shared, ended, last_seen, gap, name, archived, card } = self;
        exporter.is_none()
            && steerable.is_none()
            && shared.is_none()
            && ended.is_none()
            && last_seen.is_none()
            && gap.is_none()
            && name.is_none()
            && archived.is_none()
            && card.is_none()
    }
}

#[derive(Debug)]
enum Change {
    Create {
        id: String,
        link: LinkHash,
        now: u64,
    },
    Append {
        session: i64,
        append: Append,
    },
    Trim {
        session: i64,
        trim: Trim,
    },
    Update {
        session: i64,
        update: SessionUpdate,
    },
    Commands {
        session: i64,
        entries: Vec<Entry>,
    },
    Audit {
        session: i64,
        line: Box<AuditEntry>,
    },
    Delete {
        session: i64,
        line: Box<AuditEntry>,
    },
    Push(Box<PushRow>),
    DropPush {
        session: Option<i64>,
        id: [u8; 32],
    },
    #[cfg(test)]
    Sql(&'static str),
}

enum Outcome {
    Session(Box<SessionRow>),
    Seqs(Vec<Option<u64>>),
    Done,
}

struct Job {
    change: Change,
    reply: oneshot::Sender<sqlx::Result<Outcome>>,
}

enum Message {
    Job(Job),
    Close(oneshot::Sender<()>),
}

/// The way to the writing task.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    /// Writes after which the process dies, as far as the store is concerned.
    #[cfg(test)]
    fuse: std::sync::Arc<std::sync::atomic::AtomicI64>,
    /// Transactions that were committed.
    #[cfg(test)]
    commits: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Message")
    }
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, checkpoints: Checkpoints) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        #[cfg(test)]
        let commits = std::sync::Arc::<std::sync::atomic::AtomicU64>::default();
        tokio::spawn(run(
            connection,
            checkpoints,
            receiver,
            #[cfg(test)]
            commits.clone(),
        ));
        Self {
            queue: sender,
            #[cfg(test)]
            commits,
            #[cfg(test)]
            fuse: std::sync::Arc::new(i64::MAX.into()),
        }
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            // An error means that the task has ended, which is what is wanted.
            let _ = closed.await;
        }
    }

    async fn write(&self, change: Change) -> sqlx::Result<Outcome> {
        #[cfg(test)]
        let left = self.fuse.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        #[cfg(test)]
        if left <= 0 {
            return Err(sqlx::Error::WorkerCrashed);
        }
        let (reply, answer) = oneshot::channel();
        self.queue.send(Message::Job(Job { change, reply })).await.map_err(|_| sqlx::Error::PoolClosed)?;
        let outcome = answer.await.map_err(|_| sqlx::Error::PoolClosed)?;
        #[cfg(test)]
        if left == 1 {
            // Written, and nobody hears of it any more.
            return Err(sqlx::Error::WorkerCrashed);
        }
        outcome
    }
}

impl Store {
    /// The session with this id, made if it is new.
    pub(crate) async fn create_session(&self, id: &str, link: LinkHash, now: u64) -> sqlx::Result<SessionRow> {
        match self.writer.write(Change::Create { id: id.to_owned(), link, now }).await? {
            Outcome::Session(row) => Ok(*row),
            _ => Err(sqlx::Error::RowNotFound),
        }
    }

    /// Appends the events that the session does not have yet. Says for each one its new number, or `None`
    /// where it was known. Where the log is rebuilt, the numbers are the ones before that.
    pub(crate) async fn append(&self, session: i64, append: Append) -> sqlx::Result<Vec<Option<u64>>> {
        match self.writer.write(Change::Append { session, append }).await? {
            Outcome::Seqs(seqs) => Ok(seqs),
            _ => Err(sqlx::Error::RowNotFound),
        }
    }

    /// Changes a session's own row.
    pub(crate) async fn update_session(&self, session: i64, update: SessionUpdate) -> sqlx::Result<()> {
        self.writer.write(Change::Update { session, update }).await.map(drop)
    }

    /// Takes the texts of old events away.
    pub(crate) async fn trim(&self, session: i64, trim: Trim) -> sqlx::Result<()> {
        self.writer.write(Change::Trim { session, trim }).await.map(drop)
    }

    /// Lets the process die, as far as the store is concerned, after so many more writes; the last one is written and
    /// not answered.
    #[cfg(test)]
    pub(crate) fn die_after(&self, writes: i64) {
        self.writer.fuse.store(writes, std::sync::atomic::Ordering::Relaxed);
    }

    /// How many transactions were committed.
    #[cfg(test)]
    pub(crate) fn commits(&self) -> u64 {
        self.writer.commits.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Any statement, to see what the database says to it.
    #[cfg(test)]
    pub(crate) async fn try_sql(&self, statement: &'static str) -> sqlx::Result<()> {
        self.writer.write(Change::Sql(statement)).await.map(drop)
    }

    /// Adds a line to the session's audit; its number is given by the store.
    pub(crate) async fn audit(&self, session: i64, line: AuditEntry) -> sqlx::Result<()> {
        self.writer.write(Change::Audit { session, line: Box::new(line) }).await.map(drop)
    }

    /// Deletes a session with everything that is its own. Its audit is kept; `line` is its last one.
    pub(crate) async fn delete_session(&self, session: i64, line: AuditEntry) -> sqlx::Result<()> {
        self.writer.write(Change::Delete { session, line: Box::new(line) }).await.map(drop)
    }

    /// Keeps a subscription to notifications.
    pub(crate) async fn put_push_subscription(&self, row: PushRow) -> sqlx::Result<()> {
        self.writer.write(Change::Push(Box::new(row))).await.map(drop)
    }

    /// Forgets a subscription; without a session, one to all.
    pub(crate) async fn drop_push_subscription(&self, session: Option<i64>, id: [u8; 32]) -> sqlx::Result<()> {
        self.writer.write(Change::DropPush { session, id }).await.map(drop)
    }

    /// Writes commands as they are now, and what became of them into the audit.
    pub(crate) async fn put_commands(&self, session: i64, entries: Vec<Entry>) -> sqlx::Result<()> {
        self.writer.write(Change::Commands { session, entries }).await.map(drop)
    }
}

async fn run(
    mut connection: SqliteConnection,
    checkpoints: Checkpoints,
    mut queue: mpsc::Receiver<Message>,
    #[cfg(test)] commits: std::sync::Arc<std::sync::atomic::AtomicU64>,
) {
    let mut waiting = Vec::with_capacity(GROUP);
    let mut closing = Vec::new();
    while closing.is_empty() && queue.recv_many(&mut waiting, GROUP).await > 0 {
        let mut jobs = Vec::with_capacity(waiting.len());
        for message in waiting.drain(..) {
            match message {
                Message::Job(job) => jobs.push(job),
                Message::Close(done) => closing.push(done),
            }
        }
        #[cfg(test)]
        commits.fetch_add(u64::from(!jobs.is_empty()), std::sync::atomic::Ordering::Relaxed);
        commit(&mut connection, jobs).await;
        checkpoints.committed(&mut connection).await;
    }
    queue.close();
    checkpoints.stop().await;
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "closing the database");
    }
    for done in closing {
        let _ = done.send(());
    }
}

/// Commits the jobs together; when that fails, each alone, so that one cannot spoil the others.
async fn commit(connection: &mut SqliteConnection, jobs: Vec<Job>) {
    if jobs.is_empty() {
        return;
    }
    let changes: Vec<&Change> = jobs.iter().map(|job| &job.change).collect();
    match transaction(connection, &changes).await {
        Ok(outcomes) => {
            for (job, outcome) in jobs.into_iter().zip(outcomes) {
                // The one who asked may have hung up; the write stands nevertheless.
                let _ = job.reply.send(Ok(outcome));
            }
        }
        Err(error) if jobs.len() == 1 => {
            tracing::error!(%error, "a write to the hub's database failed");
            for job in jobs {
                let _ = job.reply.send(Err(sqlx::Error::Protocol(error.to_string())));
            }
        }
        Err(_) => {
            for job in jobs {
                let result = transaction(connection, &[&job.change]).await;
                if let Err(error) = &result {
                    tracing::error!(%error, "a write to the hub's database failed");
                }
                let outcome = result.and_then(|mut outcomes| outcomes.pop().ok_or(sqlx::Error::RowNotFound));
                let _ = job.reply.send(outcome);
            }
        }
    }
}

async fn transaction(connection: &mut SqliteConnection, changes: &[&Change]) -> sqlx::Result<Vec<Outcome>> {
    // A deferred transaction that turns into a write may fail whatever the busy timeout says.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        outcomes.push(apply(&mut transaction, change).await?);
    }
    transaction.commit().await?;
    Ok(outcomes)
}

async fn apply(connection: &mut SqliteConnection, change: &Change) -> sqlx::Result<Outcome> {
    match change {
        Change::Create { id, link, now } => {
            create(connection, id, link, *now).await.map(|row| Outcome::Session(Box::new(row)))
        }
        Change::Append { session, append } => log::append(connection, *session, append).await.map(Outcome::Seqs),
        Change::Trim { session, trim } => log::trim(connection, *session, trim).await.map(|()| Outcome::Done),
        Change::Update { session, update } => update_row(connection, *session, update).await.map(|()| Outcome::Done),
        #[cfg(test)]
        Change::Sql(statement) => sqlx::query(*statement).execute(connection).await.map(|_| Outcome::Done),
        Change::Audit { session, line } => commands::audit(connection, *session, line).await.map(|()| Outcome::Done),
        Change::Delete { session, line } => delete::session(connection, *session, line).await.map(|()| Outcome::Done),
        Change::Push(row) => push::put(connection, row).await.map(|()| Outcome::Done),
        Change::DropPush { session, id } => push::drop(connection, *session, *id).await.map(|()| Outcome::Done),
        Change::Commands { session, entries } => {
            for entry in entries {
                commands::put(connection, *session, entry).await?;
            }
            Ok(Outcome::Done)
        }
    }
}

async fn create(connection: &mut SqliteConnection, id: &str, link: &LinkHash, now: u64) -> sqlx::Result<SessionRow> {
    // A number is given once, also where its session was deleted: somebody may still hold it.
    sqlx::query(
        "INSERT INTO sessions (n, id, link_hash, created_at, active_at, epoch) \
         SELECT 1 + max(coalesce((SELECT max(n) FROM sessions), 0), coalesce((SELECT max(n) FROM deleted_sessions), 0)), \
         ?1, ?2, ?3, ?3, lower(hex(randomblob(6))) WHERE true ON CONFLICT (id) DO NOTHING",
    )
    .bind(id)
    .bind(link.as_slice())
    .bind(signed(now))
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query("SELECT * FROM sessions WHERE id = ?").bind(id).fetch_one(connection).await?;
    SessionRow::read(&row)
}

pub(super) async fn update_row(
    connection: &mut SqliteConnection,
    session: i64,
    update: &SessionUpdate,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE sessions SET exporter = iif(?, ?, exporter), steerable = coalesce(?, steerable), \
         shared = coalesce(?, shared), ended = coalesce(?, ended), last_seen = coalesce(?, last_seen), \
         gap = iif(?, ?, gap), name = iif(?, ?, name), archived = coalesce(?, archived), card = coalesce(?, card), \
         card_seq = coalesce(?, card_seq) WHERE n = ?",
    )
    .bind(update.exporter.is_some())
    .bind(update.exporter.as_ref().and_then(|e| e.as_deref()))
    .bind(update.steerable)
    .bind(update.shared)
    .bind(update.ended)
    .bind(update.last_seen.map(signed))
    .bind(update.gap.is_some())
    .bind(update.gap.as_ref().and_then(|g| g.as_deref()))
    .bind(update.name.is_some())
    .bind(update.name.as_ref().and_then(|n| n.as_deref()))
    .bind(update.archived)
    .bind(update.card.as_ref().map(|(text, _)| text))
    .bind(update.card.as_ref().map(|(_, seq)| signed(*seq)))
    .bind(session)
    .execute(connection)
    .await?;
    Ok(())
}
