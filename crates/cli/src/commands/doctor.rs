//! `doctor`: what stands in the way of sharing sessions from here.

use groundlink::remote::{Doctor, HubEndpoint, Report};
use groundlink::session::{CliCommand, Client};
use secrecy::SecretString;
use serde::Serialize;

use crate::args::DoctorArgs;
use crate::error::Error;
use crate::install::{self, InstallOptions};
use crate::output;
use crate::status::StatusLine;

/// Where the hub's export token is taken from: an argument would be seen by everybody on the machine.
const HUB_TOKEN: [&str; 2] = ["GROUNDLINK_HUB_TOKEN", "COPILOT_MC_ACCESS_TOKEN"];

/// What programs read.
#[derive(Serialize)]
struct Line<'a> {
    healthy: bool,
    #[serde(flatten)]
    report: &'a Report,
}

/// `groundlink doctor`
pub(super) async fn run(args: DoctorArgs) -> Result<(), Error> {
    let mut doctor = Doctor::new().directory(&args.dir);
    if let Some(base) = args.hub {
        let token = HUB_TOKEN.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        doctor = doctor.hub(HubEndpoint::new(base, SecretString::from(token.ok_or(Error::NoHubToken)?)));
    }
    // The one that the other commands would use. Where there is none, or the one that is named is none, the doctor says so.
    let found = match InstallOptions::from_env() {
        Ok(options) => install::find_cli(&options).await.ok().flatten(),
        Err(_) => None,
    };
    if let Some(cli) = found {
        doctor = doctor.client(Client::builder().cli(CliCommand::new(cli)));
    }
    let looking = if args.json { StatusLine::none() } else { StatusLine::new("Looking at everything") };
    let report = doctor.examine().await;
    drop(looking);
    if args.json {
        output::json_line(&Line { healthy: report.is_healthy(), report: &report })?;
    } else {
        output::text(&report.to_string())?;
    }
    if report.is_healthy() { Ok(()) } else { Err(Error::Unhealthy) }
}
