//! Requests come and go.

use super::item::{AskRow, Body, By, Outcome, Verdict};
use super::request::{Ask, Request};
use super::{Closed, MAX_CLOSED, SessionView};

impl Request {
    /// Whether an answer that names `id` means this request: the wire allows either id.
    pub(super) fn is_named(&self, id: &str) -> bool {
        self.id == id || self.tool_call.as_deref() == Some(id)
    }
}

impl SessionView {
    pub(super) fn open_request(&mut self, id: &str, tool_call: Option<&str>, at: &str, ask: Ask, digest: String) {
        if id.is_empty() || self.requests.iter().any(|request| request.id == id) {
            return;
        }
        let known = tool_call.and_then(|call| self.by_call.get(call).copied());
        let item = known.filter(|n| self.item(*n).is_some());
        let item = if let Some(n) = item {
            self.update(n, |body| {
                if let Body::Tool(tool) = body {
                    tool.waiting = true;
                }
            });
            n
        } else {
            let row = AskRow { summary: ask.summary(), waiting: true, outcome: None };
            self.push(at, false, Body::Request(row))
        };
        let rev = self.bump();
        self.requests.push(Request {
            id: id.to_owned(),
            n: self.next_request,
            item,
            tool_call: tool_call.map(str::to_owned),
            last_rev: rev,
            at: at.to_owned(),
            ask,
            digest,
            answer: None,
        });
        self.next_request += 1;
        self.requests_rev = rev;
    }

    /// A request was answered, here or elsewhere.
    pub(super) fn close_request(&mut self, id: &str, at: &str, verdict: Verdict) {
        let Some(place) = self.requests.iter().position(|request| request.id == id) else {
            return;
        };
        let request = self.requests.remove(place);
        let by = match (&verdict, &request.answer) {
            (Verdict::Cancelled, _) => By::Nobody,
            (_, Some(answer)) if answer.failed.is_none() => By::Link(self.sender(&answer.command)),
            _ => By::Local,
        };
        let another = self.requests.iter().any(|other| other.item == request.item);
        self.update(request.item, |body| {
            let outcome = Some(Outcome { verdict, by, at: at.to_owned() });
            match body {
                Body::Tool(tool) => (tool.waiting, tool.outcome) = (another, outcome),
                Body::Request(row) => (row.waiting, row.outcome) = (another, outcome),
                _ => {}
            }
        });
        self.closed.push_back(Closed { id: request.id, tool_call: request.tool_call, item: request.item });
        if self.closed.len() > MAX_CLOSED {
            self.closed.pop_front();
        }
        self.requests_rev = self.bump();
    }

    /// What became of an answer to a request that is closed already: it counted, or somebody was faster. The event
    /// that closes a request does not say whose answer it was; the ledger finds out.
    pub(super) fn settle_outcome(&mut self, request: &str, command: &str, counted: bool) {
        let named = |closed: &&Closed| closed.id == request || closed.tool_call.as_deref() == Some(request);
        let Some(item) = self.closed.iter().rev().find(named).map(|closed| closed.item) else { return };
        let sender = self.sender(command);
        let known = self.item(item).and_then(|item| item.body.outcome()).map(|outcome| &outcome.by);
        let by = match (known, counted) {
            (Some(By::Local | By::Link(_)), true) => By::Link(sender),
            (Some(By::Link(known)), false) if known.command == command => By::Local,
            _ => return,
        };
        if known != Some(&by) {
            self.update(item, |body| {
                if let Some(outcome) = body.outcome_mut() {
                    outcome.by = by;
                }
            });
        }
    }

    /// Nobody will answer what is open now: the turn is over.
    pub(super) fn close_all_requests(&mut self, at: &str) {
        while let Some(request) = self.requests.first() {
            let id = request.id.clone();
            self.close_request(&id, at, Verdict::Cancelled);
        }
    }

    /// The tool call has ended, so what it asked has been answered, whether we were told or not.
    pub(super) fn close_requests_of_call(&mut self, call: &str, at: &str, verdict: &Verdict) {
        let of_call = |request: &&Request| !call.is_empty() && request.tool_call.as_deref() == Some(call);
        while let Some(request) = self.requests.iter().find(of_call) {
            let id = request.id.clone();
            self.close_request(&id, at, verdict.clone());
        }
    }
}
