//! The open questions of one session: what ties an event, the direct request that follows it, and
//! a running handler together.
//!
//! For a question and for a plan the CLI sends two things: an event, which names a request id, and a
//! direct request, which does not. The direct request stays open until the event's end is seen, so
//! that anybody can answer by call; an answer to the direct request itself would settle the question.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::AbortHandle;
use tokio::sync::watch;

use crate::asks::is_direct;
use crate::handlers::HandlerKind as Kind;

/// Most questions remembered. Far more than a session has open at once; the oldest go.
const MOST: usize = 256;

/// JSON text that answers a direct request.
pub(crate) type DirectAnswer = String;

#[derive(Debug)]
struct Question {
    kind: Kind,
    request_id: String,
    /// What the direct request is recognised by: the question's or the plan's text.
    text: String,
    claimed: bool,
    answer: watch::Sender<Option<DirectAnswer>>,
    handler: Option<AbortHandle>,
}

impl Question {
    fn is_open(&self) -> bool {
        self.answer.borrow().is_none()
    }

    fn end(&mut self, answer: DirectAnswer) {
        if let Some(handler) = self.handler.take() {
            handler.abort();
        }
        self.answer.send_replace(Some(answer));
    }
}

/// How long a direct request waits for its event. The CLI sends both at the same moment, in no certain order.
const EVENT_LATE: Duration = Duration::from_secs(10);

/// The questions of one session.
#[derive(Debug)]
pub(crate) struct Questions {
    list: Mutex<VecDeque<Question>>,
    /// The ids of the last ones that have ended: a list of open questions that was asked for before must not bring them
    /// to a handler again.
    ended: Mutex<VecDeque<String>>,
    /// Counts what was asked.
    opened: watch::Sender<u64>,
}

impl Default for Questions {
    fn default() -> Self {
        Self { list: Mutex::default(), ended: Mutex::default(), opened: watch::Sender::new(0) }
    }
}

impl Questions {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Question>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question was asked. `false`: it is known already, and not to be asked again.
    pub(crate) fn open(&self, kind: Kind, request_id: &str, text: &str, handler: Option<AbortHandle>) -> bool {
        let mut list = self.lock();
        if list.iter().any(|q| q.request_id == request_id) || self.has_ended(request_id) {
            return false;
        }
        // A settled question with the same words must not answer the new one.
        list.retain(|q| q.is_open() || q.kind != kind || q.text != text);
        if list.len() >= MOST {
            list.pop_front();
        }
        list.push_back(Question {
            kind,
            request_id: request_id.to_owned(),
            text: text.to_owned(),
            claimed: false,
            answer: watch::Sender::new(None),
            handler,
        });
        drop(list);
        self.opened.send_modify(|count| *count += 1);
        true
    }

    fn has_ended(&self, request_id: &str) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|id| id == request_id)
    }

    fn remember(&self, request_id: &str) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.len() >= MOST {
            ended.pop_front();
        }
        ended.push_back(request_id.to_owned());
    }

    /// Somebody answered (or nobody could): ends the handler, if it still runs, and the direct request.
    pub(crate) fn settle(&self, request_id: &str, answer: DirectAnswer) {
        let mut list = self.lock();
        if let Some(index) = list.iter().position(|q| q.request_id == request_id) {
            if list[index].is_open() {
                self.remember(request_id);
            }
            list[index].end(answer);
            // Unclaimed, its direct request may still be on its way.
            if list[index].claimed || !is_direct(list[index].kind) {
                list.remove(index);
            }
        }
    }

    /// Settles every open question of a kind.
    pub(crate) fn settle_all(&self, kind: Kind, answer: &str) {
        for question in self.lock().iter_mut().filter(|q| q.kind == kind && q.is_open()) {
            question.end(answer.to_owned());
        }
    }

    /// The question that a direct request is about: the first open one with its words that no other
    /// direct request has claimed, else one that was settled before its direct request came.
    pub(crate) fn claim(&self, kind: Kind, text: &str) -> Option<watch::Receiver<Option<DirectAnswer>>> {
        let mut list = self.lock();
        let fits = |q: &&mut Question| q.kind == kind && q.text == text && !q.claimed;
        if let Some(question) = list.iter_mut().filter(fits).find(|q| q.is_open()) {
            question.claimed = true;
            return Some(question.answer.subscribe());
        }
        let index = list.iter().rposition(|q| q.kind == kind && q.text == text && !q.claimed)?;
        list.remove(index).map(|question| question.answer.subscribe())
    }

    /// The same, and waits for a question whose event is late; `None` when none comes.
    pub(crate) async fn claim_soon(&self, kind: Kind, text: &str) -> Option<watch::Receiver<Option<DirectAnswer>>> {
        let mut opened = self.opened.subscribe();
        let found = async {
            loop {
                opened.borrow_and_update();
                if let Some(answer) = self.claim(kind, text) {
                    return Some(answer);
                }
                opened.changed().await.ok()?;
            }
        };
        tokio::time::timeout(EVENT_LATE, found).await.ok().flatten()
    }

    /// Ends everything without an answer: the session or the connection is gone.
    pub(crate) fn clear(&self) {
        for mut question in self.lock().drain(..) {
            if let Some(handler) = question.handler.take() {
                handler.abort();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn answer(receiver: &mut watch::Receiver<Option<DirectAnswer>>) -> Option<String> {
        receiver.wait_for(Option::is_some).now_or_never()?.ok()?.clone()
    }

    #[test]
    fn the_direct_request_gets_the_answer_of_its_own_question() {
        let questions = Questions::default();
        assert!(questions.open(Kind::UserInput, "a", "color?", None));
        assert!(questions.open(Kind::UserInput, "b", "color?", None));
        assert!(questions.open(Kind::Plan, "c", "color?", None));
        assert!(!questions.open(Kind::UserInput, "a", "color?", None), "told twice");
        let mut first = questions.claim(Kind::UserInput, "color?").unwrap();
        let mut second = questions.claim(Kind::UserInput, "color?").unwrap();
        assert!(questions.claim(Kind::UserInput, "color?").is_none());
        assert!(questions.claim(Kind::UserInput, "shape?").is_none());
        questions.settle("b", "blue".to_owned());
        assert_eq!(answer(&mut first), None);
        assert_eq!(answer(&mut second).as_deref(), Some("blue"));
        questions.settle("a", "red".to_owned());
        assert_eq!(answer(&mut first).as_deref(), Some("red"));
    }

    #[test]
    fn an_answer_that_overtakes_the_direct_request_is_kept_for_it() {
        let questions = Questions::default();
        questions.open(Kind::UserInput, "a", "color?", None);
        questions.settle("a", "red".to_owned());
        let mut late = questions.claim(Kind::UserInput, "color?").unwrap();
        assert_eq!(answer(&mut late).as_deref(), Some("red"));

        questions.open(Kind::UserInput, "b", "color?", None);
        questions.settle("b", "red".to_owned());
        questions.open(Kind::UserInput, "c", "color?", None);
        let mut new = questions.claim(Kind::UserInput, "color?").unwrap();
        assert_eq!(answer(&mut new), None, "an old answer must not settle a new question");
    }

    #[test]
    fn the_handler_ends_with_the_question() {
        let questions = Questions::default();
        let (handler, _registration) = AbortHandle::new_pair();
        questions.open(Kind::Permission, "a", "", Some(handler.clone()));
        questions.settle("a", String::new());
        assert!(handler.is_aborted());
        let (handler, _registration) = AbortHandle::new_pair();
        questions.open(Kind::Permission, "b", "", Some(handler.clone()));
        questions.clear();
        assert!(handler.is_aborted());
    }

    #[test]
    fn memory_is_bounded() {
        let questions = Questions::default();
        for number in 0..10 * MOST {
            questions.open(Kind::UserInput, &number.to_string(), &number.to_string(), None);
        }
        assert_eq!(questions.lock().len(), MOST);
    }
}
