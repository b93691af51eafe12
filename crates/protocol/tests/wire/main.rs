//! What the protocol's types promise, held against messages of the real CLI (1.0.102, ids and
//! times made even) and against mutations of them.
#![allow(missing_docs)]

mod envelope;
mod examples;
mod forward;
mod records;
mod support;
