//! Model calls that MCP servers ask for.

use std::sync::Arc;

use async_trait::async_trait;
use groundlink_protocol::{RawJson, events};

use super::Ask;
use super::bound::{Asked, Bound, bind};
use super::closure::by_closure;

/// An MCP server asks for a call of the model.
pub type SamplingAsk = Ask<events::SamplingRequested>;

/// Answers an MCP server that asks for a call of the model. Without a handler the CLI asks people, or refuses.
#[async_trait]
pub trait SamplingHandler: Send + Sync + 'static {
    /// The model's message, as the Model Context Protocol has it (`role`, `content`, `model`); `None` refuses.
    async fn sample(&self, ask: SamplingAsk) -> Option<RawJson>;
}

impl dyn SamplingHandler {
    pub(crate) fn bound(self: Arc<Self>) -> Bound<Option<RawJson>> {
        bind(self, Asked::read, |handler, ask| handler.sample(ask))
    }
}

by_closure!(SamplingHandler.sample: SamplingAsk => Option<RawJson>);
