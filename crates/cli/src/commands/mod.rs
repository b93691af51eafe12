//! One module for each kind of command.

mod announce;
mod attach;
mod doctor;
mod hub;
mod model;
mod serve;
mod share;
mod steer;
mod watch;

use crate::args::Command;
use crate::error::Error;

/// Runs a command to its end.
pub async fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Demo(args) => share::demo(args).await,
        Command::Share(args) => share::share(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Watch(args) => watch::run(args).await,
        Command::Attach(args) => attach::run(args).await,
        Command::Send(args) => steer::send(args).await,
        Command::Pending(args) => steer::pending(args).await,
        Command::Respond(args) => steer::respond(args).await,
        Command::Abort(args) => steer::abort(args).await,
        Command::Doctor(args) => doctor::run(args).await,
    }
}
