//! Wakes sessions that the CLI exports itself, after the hub was away.

use groundlink_session::Session;

use crate::bridge::HubEndpoint;

pub(crate) fn watch(_session: &Session, _endpoint: &HubEndpoint) {}
