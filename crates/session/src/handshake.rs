//! The first words on a connection: who is there, and does it speak our protocol.

use std::time::Duration;

use groundlink_protocol::types::{ClientInfo, ConnectParams, ConnectResult, PingParams, PingResult};
use groundlink_protocol::{Method as _, Secret, methods};
use groundlink_transport::Peer;
use secrecy::{ExposeSecret as _, SecretString};

use crate::SessionError;

/// The protocol version that this library speaks.
pub const PROTOCOL_VERSION: u64 = 3;

/// What the server told about itself.
#[derive(Debug, Clone)]
pub(crate) struct ServerInfo {
    pub(crate) version: Option<String>,
    pub(crate) protocol_version: u64,
}

/// Introduces us, and checks that we understand each other.
pub(crate) async fn shake_hands(
    peer: &Peer,
    token: Option<&SecretString>,
    us: Option<&ClientInfo>,
    timeout: Duration,
) -> Result<ServerInfo, SessionError> {
    let introduced = tokio::time::timeout(timeout, introduce(peer, token, us)).await;
    let what = || methods::Connect::NAME.to_owned();
    introduced.map_err(|_| SessionError::Timeout { what: what(), after: timeout })?
}

async fn introduce(
    peer: &Peer,
    token: Option<&SecretString>,
    us: Option<&ClientInfo>,
) -> Result<ServerInfo, SessionError> {
    let params = ConnectParams {
        // A server without a secret refuses any token: send one only when there is one.
        token: token.map(|token| Secret::new(token.expose_secret())),
        client_info: us.cloned(),
        ..ConnectParams::default()
    };
    let method = methods::Connect::NAME;
    let (found, version) = match peer.call::<ConnectResult>(method, &params).await {
        Ok(answer) => (Some(answer.protocol_version), Some(answer.version)),
        // Older servers know only `ping`.
        Err(error) if error.is_method_not_found() => {
            let method = methods::Ping::NAME;
            let answer = peer.call::<PingResult>(method, &PingParams::default()).await;
            let answer = answer.map_err(|error| SessionError::from_call(method, None, error))?;
            (answer.protocol_version, None)
        }
        Err(error) => return Err(SessionError::from_call(method, None, error)),
    };
    match found {
        Some(PROTOCOL_VERSION) => Ok(ServerInfo { version, protocol_version: PROTOCOL_VERSION }),
        found => Err(SessionError::ProtocolVersion { found, supported: PROTOCOL_VERSION, server: version }),
    }
}
