//! The command line: what there is to say (`clap`), and one line for each command that does it. `serve` runs the hub,
//! `manage` works on its data, also while it runs: both open the same databases.

mod audit;
mod manage;
mod serve;
mod show;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use thiserror::Error;

use crate::basemap::{Basemap, BasemapError};
use crate::config::{self, Config, ConfigError, Overrides};
use crate::error::chain;
use crate::store::{Role, StoreError};

/// The central hub: takes in what every gateway reports and shows one view.
#[derive(Debug, Parser)]
#[command(name = "yiwang-hub", version)]
struct Cli {
    /// Folder with everything that the hub keeps
    #[arg(long, global = true, env = "YIWANG_HUB_DATA", default_value = "/var/lib/yiwang-hub", value_name = "DIR")]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the hub
    Serve(ServeArgs),
    /// Print a new one-time link that sets the administrator's password
    SetupLink,
    /// One-time tokens that let gateways join
    #[command(subcommand)]
    Token(TokenCommand),
    /// The gateways that joined
    #[command(subcommand)]
    Gateway(GatewayCommand),
    /// Departments
    #[command(subcommand)]
    Department(DepartmentCommand),
    /// Tokens with which programs read the feed and the API
    #[command(subcommand)]
    FeedToken(FeedTokenCommand),
    /// Accounts of people
    #[command(subcommand)]
    User(UserCommand),
    /// Which department sees what of others
    #[command(subcommand)]
    Grant(GrantCommand),
    /// The append-only record of who did what
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Say whether hub.toml can be read
    Check,
    /// Print the commented default of hub.toml
    Config,
    /// Print the description of the API
    Openapi,
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// UDP address for gateways [default: 0.0.0.0:7443]
    #[arg(long, value_name = "ADDRESS")]
    quic: Option<SocketAddr>,
    /// Address of the page and the API [default: 0.0.0.0:8443]
    #[arg(long, value_name = "ADDRESS")]
    web: Option<SocketAddr>,
    /// The page without TLS: only on loopback
    #[arg(long)]
    plain_http: bool,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check offline that nothing in the record was changed, taken out or put in
    Verify {
        /// A hash that an earlier check printed: it must still be there
        #[arg(long, value_name = "HASH")]
        expect: Option<String>,
    },
    /// Show the newest records
    List {
        /// How many
        #[arg(long, default_value_t = 50)]
        last: usize,
    },
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token for one gateway
    Create {
        /// Department that the gateway will belong to; made where it is new
        #[arg(long)]
        department: String,
        /// How long the token holds
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=24 * 365))]
        hours: u32,
    },
    /// List the tokens that were made
    List,
}

#[derive(Debug, Subcommand)]
enum GatewayCommand {
    /// List the gateways
    List,
    /// Revoke a gateway for ever, also while it is connected
    Revoke {
        /// Its id
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum DepartmentCommand {
    /// List the departments
    List,
    /// Make a department
    Create {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
enum FeedTokenCommand {
    /// Make a token; it is shown once
    Create {
        /// Department whose view it has
        #[arg(long)]
        department: String,
        /// What it is for
        #[arg(long, default_value = "")]
        note: String,
    },
    /// List the tokens
    List,
    /// Revoke a token
    Revoke {
        /// Its id, as listed
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Make an account; without --password-stdin a password is made and shown once
    Create {
        /// Name to log in with
        name: String,
        /// administrator, operator or department
        #[arg(long, value_parser = parse_role)]
        role: Role,
        /// Department [default: operations for administrators and operators]
        #[arg(long)]
        department: Option<String>,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the accounts
    List,
    /// Set another password, which ends the account's sessions
    Password {
        /// The account
        name: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove an account
    Remove {
        /// The account
        name: String,
    },
}

#[derive(Debug, Subcommand)]
enum GrantCommand {
    /// Let a department see what another one has
    Add(GrantArgs),
    /// Take that back
    Remove(GrantArgs),
    /// List who sees what beside its own
    List,
}

#[derive(Debug, Args)]
struct GrantArgs {
    /// Who sees
    #[arg(long)]
    department: String,
    /// Whose; `all` for everybody's. `pictures/all` or `pictures/DEPARTMENT`: their pictures, where their data is seen
    #[arg(long)]
    sees: String,
}

/// Why a command did not do it.
#[derive(Debug, Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Basemap(#[from] BasemapError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Hub(Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot {operation} {path}")]
    File {
        operation: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{0}")]
    Other(String),
}

impl CliError {
    fn hub(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Hub(chain(&error).into())
    }

    /// What the person can do about it, where the text does not say it already.
    fn next(&self) -> Option<&'static str> {
        match self {
            Self::Store(StoreError::Unknown { what: "department", .. }) => {
                Some("`yiwang-hub department list` shows what there is, `department create` makes one")
            }
            Self::Store(StoreError::Unknown { what: "gateway", .. }) => {
                Some("`yiwang-hub gateway list` shows their ids")
            }
            Self::Store(StoreError::Unknown { what: "user", .. }) => Some("`yiwang-hub user list` shows their names"),
            Self::Store(StoreError::Unknown { what: "feed token", .. }) => {
                Some("`yiwang-hub feed-token list` shows their ids")
            }
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                Some("run it as the hub's own user, or choose another folder with --data")
            }
            _ => None,
        }
    }
}

type Outcome = Result<(), CliError>;

/// The base map that the configuration names, looked at.
fn basemap(config: &Config) -> Result<Option<Arc<Basemap>>, CliError> {
    let open = |(path, coordinates): &(PathBuf, _)| Basemap::open(path, *coordinates).map(Arc::new);
    Ok(config.basemap.as_ref().map(open).transpose()?)
}

/// Runs the command of this process's arguments.
#[allow(clippy::print_stdout, reason = "the commands' answers")]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Serve(args) => {
            serve::run(&cli.data, &Overrides { quic: args.quic, web: args.web, plain_http: args.plain_http })
        }
        Command::Check => config::load(&cli.data, &Overrides::default())
            .map_err(CliError::from)
            .and_then(|config| basemap(&config))
            .map(|_| println!("{} can be read", cli.data.join("hub.toml").display())),
        Command::Config => {
            print!("{}", config::DEFAULT_FILE);
            Ok(())
        }
        Command::Openapi => crate::web::openapi()
            .to_pretty_json()
            .map(|text| println!("{text}"))
            .map_err(|error| CliError::Other(error.to_string())),
        command => manage::run(&cli.data, command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("yiwang-hub: {}", chain(&error));
            if let Some(next) = error.next() {
                eprintln!("  {next}");
            }
            ExitCode::FAILURE
        }
    }
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| {
        let all: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("there is: {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
        let cli =
            Cli::try_parse_from(["yiwang-hub", "token", "create", "--data", "/d", "--department", "公安"]).unwrap();
        assert_eq!(cli.data, PathBuf::from("/d"));
        assert!(matches!(cli.command, Command::Token(TokenCommand::Create { hours: 24, .. })));
        assert!(Cli::try_parse_from(["yiwang-hub", "user", "create", "x", "--role", "king"]).is_err());
    }
}
