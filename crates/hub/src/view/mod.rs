//! What a page shows of a session: a reducer from events to visible things, without I/O.
//!
//! [`SessionView`] is fed with a session's events, with what becomes of the commands given at its
//! link, and with the exporter's presence. It keeps a transcript of [`Item`]s, the open
//! [`Request`]s, the [`Queued`] messages and the [`Header`]. Every change counts [`SessionView::rev`]
//! up and marks what it touched, so that `web` can tell any page what is new since the revision it
//! knows, without a queue for each page.
//!
//! Everything is bounded: the number of items, the length of each text, the number of queued
//! messages. Only what a person is asked to approve is kept in full.

mod asks;
mod command;
mod fields;
mod fits;
mod form;
mod images;
mod item;
mod parting;
mod past;
mod progress;
mod reduce;
mod request;
mod shells;
mod stream;
mod summary;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod todos;
mod tools;

use std::collections::{HashMap, HashSet, VecDeque};

use groundlink_protocol::api::{Device, SessionStatus};
use groundlink_protocol::mc::ExporterInfo;

use crate::state::Turn;

pub use command::{CommandNote, Queued};
pub use form::{Field, FieldKind};
pub use groundlink_protocol::api::Presence;
pub use item::{
    Agent, AskRow, Attached, Body, By, Image, Input, Item, Level, Notice, Outcome, Prose, ProseText, Sender, Source,
    ToolCall, ToolKind, ToolState, UserText, Verdict,
};
pub use past::Past;
pub use progress::{Task, TaskState, Usage};
pub use request::{Answer, Ask, Elicitation, Part, Permission, Plan, Question, Request};
pub use stream::{StreamText, TailForm};
pub use text::Capped;
pub(crate) use text::first_line;

/// The most items a view keeps; the oldest go first, to be read from the log again ([`Past`]).
const MAX_ITEMS: usize = 5_000;

/// How many requests that were answered are remembered, for the news of who it was.
const MAX_CLOSED: usize = 64;

/// How many ids of ephemeral events are remembered to tell repetitions.
const MAX_RECENT: usize = 2_048;

/// The visible state of one session.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub struct SessionView {
    session_id: String,
    rev: u64,
    header: Header,
    header_rev: u64,
    /// `n` of neighbours differs by one, so that an item is found by its `n`.
    items: VecDeque<Item>,
    /// The most items that are kept.
    limit: usize,
    next_item: u64,
    /// Those that are not kept any more were told by the events up to this one.
    gone: u64,
    /// The stored event at hand.
    at_seq: Option<u64>,
    /// Nothing new is kept: see [`Past`].
    sealed: bool,
    /// A message began another turn since then.
    turned: bool,
    /// How the event at hand orders the fields of its form.
    field_order: Vec<String>,
    requests: Vec<Request>,
    next_request: u64,
    requests_rev: u64,
    /// The requests that were answered last.
    closed: VecDeque<Closed>,
    queue: Vec<Queued>,
    queue_rev: u64,
    turn: Turn,
    /// What the session's state says, which counts.
    told: Option<SessionStatus>,
    /// Whether somebody who knows has said that the exporter takes commands, or does not.
    told_steerable: bool,
    last_seq: u64,
    /// The last event of those that were trimmed before this view was made.
    trimmed: u64,
    /// Item of each tool call and of each message being written.
    by_call: HashMap<String, u64>,
    by_message: HashMap<String, u64>,
    /// What the agent said about a tool call before it started.
    intentions: HashMap<String, String>,
    /// The agent's table of things to do, and the statements about it that are under way, by tool call.
    todos: todos::Todos,
    statements: HashMap<String, String>,
    /// Messages that the agent has been given, by the command that carried them.
    applied: HashSet<String>,
    /// Who gave which command, and the order in which they came, so that the oldest can go.
    senders: HashMap<String, Device>,
    senders_order: VecDeque<String>,
    /// Who has asked to stop the turn.
    stopper: Option<Sender>,
    /// The tool call that started each sub-agent.
    agents: HashMap<String, String>,
    /// The item of the call that has left each shell running, by the shell's id.
    shells: HashMap<String, u64>,
    /// Bytes of pictures that are kept.
    image_bytes: usize,
    recent: VecDeque<String>,
    recent_set: HashSet<String>,
    /// The item of the sub-agent that the event at hand belongs to.
    parent: Option<u64>,
    /// A reasoning item exists for the step that runs.
    reasoned: bool,
}

/// A request that was answered.
#[derive(Debug)]
struct Closed {
    id: String,
    tool_call: Option<String>,
    /// The item that says how.
    item: u64,
}

/// What stands at the top of the page.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// What a person has called the session.
    pub name: Option<String>,
    /// The session's title.
    pub title: Option<String>,
    /// The working directory.
    pub cwd: Option<String>,
    /// The repository, as `owner/name`.
    pub repository: Option<String>,
    /// The branch checked out.
    pub branch: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The agent mode on the wire: `interactive`, `plan`, `autopilot`.
    pub mode: Option<String>,
    /// A mode that somebody has asked for and that is not in effect yet.
    pub mode_wanted: Option<String>,
    /// What the agent says it is at.
    pub activity: Option<String>,
    /// Somebody has asked to stop the turn, and it has not stopped yet.
    pub stopping: bool,
    /// Whether the exporter takes commands.
    pub steerable: bool,
    /// Whether the exporter is heard.
    pub presence: Presence,
    /// What the bridge said about itself; `None` when the CLI exports by itself.
    pub exporter: Option<ExporterInfo>,
    /// How full the model's context is, and what was used.
    pub usage: Usage,
    /// The agent's list of things to do.
    pub tasks: Vec<Task>,
    /// The plan that the agent handed in last, Markdown.
    pub plan: Option<Capped>,
    /// A model that somebody has asked for and that is not in effect yet.
    pub model_wanted: Option<String>,
    /// When the present status began, RFC 3339; empty if unknown.
    pub since: String,
}

impl SessionView {
    /// The view of a session of which nothing is known yet.
    pub fn new(session_id: impl Into<String>) -> Self {
        Self::with_limit(session_id, MAX_ITEMS)
    }

    /// The same with another number of items that are kept.
    fn with_limit(session_id: impl Into<String>, limit: usize) -> Self {
        Self {
            session_id: session_id.into(),
            rev: 0,
            header: Header { steerable: true, ..Header::default() },
            header_rev: 0,
            items: VecDeque::new(),
            limit,
            next_item: 0,
            gone: 0,
            at_seq: None,
            sealed: false,
            turned: false,
            field_order: Vec::new(),
            requests: Vec::new(),
            next_request: 0,
            requests_rev: 0,
            closed: VecDeque::new(),
            queue: Vec::new(),
            queue_rev: 0,
            turn: Turn::default(),
            told: None,
            told_steerable: false,
            last_seq: 0,
            trimmed: 0,
            by_call: HashMap::new(),
            by_message: HashMap::new(),
            intentions: HashMap::new(),
            todos: todos::Todos::default(),
            statements: HashMap::new(),
            applied: HashSet::new(),
            senders: HashMap::new(),
            senders_order: VecDeque::new(),
            stopper: None,
            agents: HashMap::new(),
            shells: HashMap::new(),
            image_bytes: 0,
            recent: VecDeque::new(),
            recent_set: HashSet::new(),
            parent: None,
            reasoned: false,
        }
    }

    /// Says that the events up to this one are not kept any more.
    pub fn set_trimmed(&mut self, until: u64) {
        self.trimmed = until;
    }

    /// How many events were trimmed before this view was made, so that nothing is shown of them.
    pub fn trimmed(&self) -> u64 {
        self.trimmed
    }

    /// Fills in what events tell that are not kept any more.
    pub(crate) fn seed(&mut self, turn: Turn, fill: impl FnOnce(&mut Header)) {
        self.turn = turn;
        fill(&mut self.header);
        self.touch_header();
    }

    /// What a person has called it, which counts more than its title.
    pub fn set_name(&mut self, name: Option<String>) {
        if self.header.name != name {
            self.header.name = name;
            self.touch_header();
        }
    }

    /// Whether the exporter was heard lately.
    ///
    /// While it is online the time does not matter to a page, so that a change of the time alone
    /// wakes nobody.
    pub fn set_presence(&mut self, presence: Presence) {
        let old = self.header.presence;
        let steady = presence.online && !presence.silent;
        let changed = presence.online != old.online || presence.silent != old.silent || (!steady && presence != old);
        self.header.presence = presence;
        if changed {
            self.touch_header();
        }
    }

    /// What the bridge says about itself.
    pub fn set_exporter(&mut self, exporter: Option<ExporterInfo>) {
        self.header.exporter = exporter;
        // Cards offer a message with a refusal only where the exporter can pass it on.
        let rev = self.touch_header();
        self.requests_rev = rev;
        for request in &mut self.requests {
            request.last_rev = rev;
        }
    }

    /// The session's id.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// Counts up with every visible change.
    pub fn rev(&self) -> u64 {
        self.rev
    }

    /// What stands at the top.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The number of the last stored event that was taken in; 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// The revision that changed the header, or the status, last.
    pub fn header_rev(&self) -> u64 {
        self.header_rev
    }

    /// The transcript, oldest first.
    pub fn items(&self) -> impl DoubleEndedIterator<Item = &Item> + ExactSizeIterator {
        self.items.iter()
    }

    /// A picture of an item, if it is kept.
    pub fn image(&self, n: u64, index: usize) -> Option<&Image> {
        images::of(&self.item(n)?.body).get(index)
    }

    /// A picture of what a stored event told, if it is kept.
    pub(crate) fn image_of(&self, event: u64, index: usize) -> Option<&Image> {
        let of_event = self.items.iter().filter(|item| item.seq == Some(event));
        of_event.map(|item| images::of(&item.body)).find(|images| !images.is_empty())?.get(index)
    }

    /// How many older items are not kept any more; they are in the log.
    pub fn dropped(&self) -> u64 {
        self.items.front().map_or(0, |item| item.n)
    }

    /// The last event that told of those.
    pub(crate) fn gone(&self) -> u64 {
        self.gone
    }

    /// The open requests, oldest first.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// The sub-agent that a request comes from; `None` for one of the agent itself.
    pub fn asker(&self, request: &Request) -> Option<&str> {
        let parent = self.item(self.item(request.item)?.parent?)?;
        match &parent.body {
            Body::Tool(call) => call.agent.as_ref().map(|agent| agent.name.as_str()),
            _ => None,
        }
    }

    /// The revision that changed the open requests last.
    pub fn requests_rev(&self) -> u64 {
        self.requests_rev
    }

    /// Messages from the link that the agent has not been given yet, oldest first.
    pub fn queue(&self) -> &[Queued] {
        &self.queue
    }

    /// The revision that changed the queue last.
    pub fn queue_rev(&self) -> u64 {
        self.queue_rev
    }

    /// Takes over what the session's state says that it is doing, and since when (RFC 3339): one reducer decides.
    pub fn set_status(&mut self, status: SessionStatus, since: Option<&str>) {
        let since = since.unwrap_or_default();
        if self.told != Some(status) || self.header.since != since {
            let over = status == SessionStatus::Ended || self.status() == SessionStatus::Ended;
            let turned = over && self.told != Some(status);
            self.told = Some(status);
            since.clone_into(&mut self.header.since);
            let rev = self.touch_header();
            if turned {
                self.redraw_queue(rev);
            }
        }
    }

    /// Takes over whether the exporter takes commands: the hub knows it better than the events do.
    pub fn tell_steerable(&mut self, steerable: bool) {
        self.told_steerable = true;
        self.set_steerable(steerable);
    }

    fn set_steerable(&mut self, steerable: bool) {
        if self.header.steerable == steerable {
            return;
        }
        self.header.steerable = steerable;
        let rev = self.touch_header();
        // Cards are not to be pressed where nobody takes the answer.
        self.requests_rev = rev;
        for request in &mut self.requests {
            request.last_rev = rev;
        }
        self.redraw_queue(rev);
    }

    /// What can be done with a message that waits is something else now.
    fn redraw_queue(&mut self, rev: u64) {
        self.queue_rev = rev;
        for queued in &mut self.queue {
            queued.last_rev = rev;
        }
    }

    /// Whether messages can be given to the agent, or will be once it is heard again.
    pub fn takes_messages(&self) -> bool {
        self.header.steerable && self.status() != SessionStatus::Ended
    }

    /// What the session is doing: what it was [told](Self::set_status), or else what its events tell.
    pub fn status(&self) -> SessionStatus {
        if let Some(told) = self.told {
            return told;
        }
        self.turn.status(!self.requests.is_empty())
    }

    /// Whether the exporter can give the agent a message together with a refusal. The CLI's own
    /// exporter cannot.
    pub fn takes_feedback(&self) -> bool {
        self.header.exporter.as_ref().is_some_and(|exporter| exporter.name.starts_with("groundlink"))
    }

    fn bump(&mut self) -> u64 {
        self.rev += 1;
        self.rev
    }

    fn touch_header(&mut self) -> u64 {
        self.header_rev = self.bump();
        self.header_rev
    }

    fn push(&mut self, at: &str, nested: bool, body: Body) -> u64 {
        let n = self.next_item;
        self.next_item += 1;
        let rev = self.bump();
        let parent = if nested { self.parent } else { None };
        if self.sealed {
            self.turned |= !nested && body.begins_turn();
        } else {
            let seq = self.at_seq;
            self.image_bytes += images::held(&body);
            self.items.push_back(Item {
                n,
                seq,
                first_rev: rev,
                last_rev: rev,
                at: at.to_owned(),
                nested,
                parent,
                body,
            });
        }
        if let Some(parent) = parent {
            self.count_step(parent);
        }
        if self.items.len() == 1 {
            // The page no longer says that there is nothing yet.
            self.header_rev = rev;
        }
        if self.items.len() > self.limit {
            self.drop_oldest();
        }
        n
    }

    /// The stored event at hand tells of an item that only passing ones had told of.
    fn tell(&mut self, n: u64) {
        let seq = self.at_seq;
        if let Some(item) = self.item_mut(n) {
            item.seq = item.seq.or(seq);
        }
    }

    /// What belongs to the turn that runs, the newest first.
    fn last_turn(&self) -> impl Iterator<Item = &Item> {
        let ended = self.turned;
        let last = self.items.iter().rev().take_while(|item| item.nested || !item.body.begins_turn());
        last.filter(move |_| !ended)
    }

    /// Changes an item; nothing happens if it is not kept any more.
    fn update(&mut self, n: u64, change: impl FnOnce(&mut Body)) {
        let rev = self.rev + 1;
        if let Some(item) = self.item_mut(n) {
            change(&mut item.body);
            item.last_rev = rev;
            self.rev = rev;
        }
    }

    fn item_mut(&mut self, n: u64) -> Option<&mut Item> {
        let index = n.checked_sub(self.dropped())?;
        self.items.get_mut(usize::try_from(index).ok()?)
    }

    fn item(&self, n: u64) -> Option<&Item> {
        let index = n.checked_sub(self.dropped())?;
        self.items.get(usize::try_from(index).ok()?)
    }
}
