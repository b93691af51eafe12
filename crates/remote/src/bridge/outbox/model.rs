//! Any sequence of events, outcomes and shortages: the hub ends up with every durable event, in order.

use proptest::prelude::*;

use super::tests::event;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Durable {
        bytes: usize,
    },
    Delta {
        stream: u8,
    },
    End {
        stream: u8,
    },
    Notice,
    /// The session gives an event again that it has given before.
    Repeat {
        back: usize,
    },
    Acknowledge,
    /// Time passes, in milliseconds.
    Pass(u16),
    Begin,
    Succeed,
    /// The answer got lost on its way: the hub has the events, we do not know.
    SucceedUnheard,
    Fail,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0usize..300).prop_map(|bytes| Step::Durable { bytes }),
        4 => (0u8..3).prop_map(|stream| Step::Delta { stream }),
        1 => (0u8..3).prop_map(|stream| Step::End { stream }),
        1 => Just(Step::Notice),
        1 => (1usize..8).prop_map(|back| Step::Repeat { back }),
        1 => Just(Step::Acknowledge),
        2 => (0u16..3000).prop_map(Step::Pass),
        4 => Just(Step::Begin),
        3 => Just(Step::Succeed),
        1 => Just(Step::SucceedUnheard),
        1 => Just(Step::Fail),
    ]
}

#[derive(Default)]
struct World {
    now: Duration,
    given: Vec<Event>,
    hub: Vec<Event>,
    hub_acks: Vec<String>,
    acks: Vec<String>,
    running: Option<Batch>,
}

impl World {
    fn stores(&mut self) {
        let batch = self.running.take().expect("a running upload");
        for event in batch.events {
            if self.hub.iter().all(|known| known.id() != event.id()) {
                self.hub.push(event);
            }
        }
        for id in batch.completed {
            if !self.hub_acks.contains(&id) {
                self.hub_acks.push(id);
            }
        }
    }
}

fn place(given: &[Event], id: &str) -> usize {
    given.iter().position(|event| event.id() == id).expect("known to the session")
}

proptest! {
    #[test]
    fn every_durable_event_arrives_in_order(
        steps in prop::collection::vec(step(), 0..250),
        kept_bytes in 200usize..5000,
        batch_events in 1usize..6,
        batch_bytes in 1usize..1500,
    ) {
        let limits = Limits { batch_events, batch_bytes, kept_bytes, ..Limits::default() };
        let mut outbox = Outbox::new(limits.clone());
        let mut world = World::default();
        let mut generation = [0u32; 3];
        for step in steps {
            match step {
                // The driver reads the session only while there is room.
                Step::Durable { .. } | Step::Delta { .. } | Step::End { .. } | Step::Notice | Step::Repeat { .. }
                    if outbox.is_full() => {}
                Step::Durable { bytes } => {
                    let data = format!(r#"{{"content":"{}"}}"#, "x".repeat(bytes));
                    let event = event(&world.given.len().to_string(), "user.message", false, &data);
                    world.given.push(event.clone());
                    outbox.push(event);
                }
                Step::Delta { stream } => {
                    let message = generation[usize::from(stream)] * 3 + u32::from(stream);
                    let event = event(&world.given.len().to_string(), "assistant.message_delta", true,
                        &format!(r#"{{"messageId":"{message}"}}"#));
                    world.given.push(event.clone());
                    outbox.push(event);
                }
                Step::End { stream } => {
                    let message = generation[usize::from(stream)] * 3 + u32::from(stream);
                    generation[usize::from(stream)] += 1;
                    let event = event(&world.given.len().to_string(), "assistant.message", false,
                        &format!(r#"{{"messageId":"{message}"}}"#));
                    world.given.push(event.clone());
                    outbox.push(event);
                }
                Step::Notice => {
                    let event = event(&world.given.len().to_string(), "session.idle", true, "{}");
                    world.given.push(event.clone());
                    outbox.push(event);
                }
                Step::Repeat { back } => {
                    if let Some(event) = world.given.len().checked_sub(back).map(|at| world.given[at].clone()) {
                        outbox.push(event);
                    }
                }
                Step::Acknowledge => {
                    let id = format!("c{}", world.acks.len());
                    world.acks.push(id.clone());
                    outbox.complete(id);
                }
                Step::Pass(ms) => world.now += Duration::from_millis(ms.into()),
                Step::Begin => if world.running.is_none() {
                    match outbox.next(world.now) {
                        Next::Upload(batch) => {
                            prop_assert!(batch.events.len() <= batch_events);
                            let bytes: usize = batch.events.iter().map(|e| e.raw().get().len()).sum();
                            prop_assert!(bytes <= batch_bytes || batch.events.len() == 1);
                            world.running = Some(batch);
                        }
                        Next::At(when) => prop_assert!(when > world.now),
                        Next::Busy => prop_assert!(false, "nothing is running"),
                    }
                },
                Step::Succeed => if world.running.is_some() {
                    world.stores();
                    outbox.uploaded();
                },
                Step::SucceedUnheard => if world.running.is_some() {
                    world.stores();
                    outbox.failed(world.now, 0.5, None);
                },
                Step::Fail => if world.running.take().is_some() {
                    outbox.failed(world.now, 0.5, None);
                },
            }
            // One event of overshoot at most; a message is under 500 bytes here.
            prop_assert!(outbox.bytes() < kept_bytes + 500);
        }
        if world.running.is_some() {
            world.stores();
            outbox.uploaded();
        }
        while !outbox.is_settled() {
            match outbox.next(world.now) {
                Next::Upload(batch) => {
                    world.running = Some(batch);
                    world.stores();
                    outbox.uploaded();
                }
                Next::At(when) => world.now = when,
                Next::Busy => prop_assert!(false, "nothing is running"),
            }
        }
        prop_assert_eq!(outbox.bytes(), 0);
        prop_assert_eq!(&world.hub_acks, &world.acks);
        let places: Vec<usize> = world.hub.iter().map(|event| place(&world.given, event.id())).collect();
        prop_assert!(places.is_sorted(), "{places:?}");
        for event in &world.given {
            if event.kind() != "assistant.message_delta" {
                prop_assert!(world.hub.iter().any(|known| known.id() == event.id()), "{event:?} is lost");
            }
        }
    }
}
