//! `serve`: the hub alone.

use groundlink_hub::{PushSettings, Retention};
use secrecy::ExposeSecret as _;

use super::announce::{self, Listening};
use super::hub::{self, Choices};
use crate::args::ServeArgs;
use crate::error::Error;
use crate::signals::Stop;

const MIB: u64 = 1 << 20;

/// `groundlink serve`
pub(super) async fn run(args: ServeArgs) -> Result<(), Error> {
    let mut stop = Stop::listen().map_err(Error::Signals)?;
    let mut keep = Retention::default();
    keep.per_session = args.keep_per_session.saturating_mul(MIB);
    keep.total = args.keep.saturating_mul(MIB);
    let push = args.push_service.iter().fold(hub::push_settings(), PushSettings::service);
    let push = (!args.no_push).then(|| push.contact(args.push_contact.clone()));
    let choices = Choices { public_url: args.public_url.clone(), keep, push };
    let place = tokio::select! {
        () = stop.requested() => return Err(Error::StoppedEarly),
        started = hub::start(&args.hub, &choices) => started?,
    };
    let hub = place.hub;
    if args.hub.lan && !args.json {
        announce::warn_lan();
    }
    let export_base = hub.export_base();
    let listening = Listening {
        url: hub.url().as_str(),
        sessions_link: hub.sessions_link().expose_secret(),
        export_base: export_base.as_str(),
        export_token: hub.export_token().expose_secret(),
        environment: &hub.environment(),
    };
    announce::listening(&listening, args.json)?;
    stop.requested().await;
    tokio::select! {
        () = hub.shutdown() => {}
        () = stop.requested() => {}
    }
    Ok(())
}
