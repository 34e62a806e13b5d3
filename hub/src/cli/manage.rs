//! Commands that work on the hub's data: tokens, gateways, departments, accounts, grants. They open the same databases as
//! the running hub, which notices what they change within a second.
#![allow(clippy::print_stdout, reason = "the commands' answers")]

use std::io::BufRead as _;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use yiwang_wire::token::JoinToken;

use super::show::{self, table};
use super::{
    CliError, Command, DepartmentCommand, FeedTokenCommand, GatewayCommand, GrantArgs, GrantCommand, Outcome,
    TokenCommand, UserCommand, audit, serve,
};
use crate::config::{self, Overrides};
use crate::registry::ca::Authority;
use crate::registry::now_us;
use crate::store::{Grant, NewFeedToken, NewJoinToken, NewUser, OPERATIONS, Role, Sees, Store, check_name};
use crate::web::{password, secret};

const HOUR_US: i64 = 3600 * 1_000_000;

/// Does it.
pub(super) fn run(data: &Path, command: Command) -> Outcome {
    let store = open(data)?;
    let store = store.as_ref();
    match command {
        Command::SetupLink => setup_link(data, store),
        Command::Token(TokenCommand::Create { department, hours }) => create_token(data, store, &department, hours),
        Command::Token(TokenCommand::List) => list_tokens(store),
        Command::Gateway(GatewayCommand::List) => list_gateways(store),
        Command::Gateway(GatewayCommand::Revoke { id }) => revoke_gateway(store, &id),
        Command::Department(DepartmentCommand::List) => list_departments(store),
        Command::Department(DepartmentCommand::Create { name }) => create_department(store, &name),
        Command::FeedToken(FeedTokenCommand::Create { department, note }) => create_feed_token(store, department, note),
        Command::FeedToken(FeedTokenCommand::List) => list_feed_tokens(store),
        Command::FeedToken(FeedTokenCommand::Revoke { id }) => revoke_feed_token(store, &id),
        Command::User(UserCommand::Create { name, role, department, password_stdin }) => {
            create_user(store, name, role, department, password_stdin)
        }
        Command::User(UserCommand::List) => list_users(store),
        Command::User(UserCommand::Password { name, password_stdin }) => set_password(store, &name, password_stdin),
        Command::User(UserCommand::Remove { name }) => {
            store.remove_user(&name)?;
            println!("{name} is removed; its sessions have ended");
            Ok(())
        }
        Command::Grant(GrantCommand::Add(args)) => change_grant(store, args, true),
        Command::Grant(GrantCommand::Remove(args)) => change_grant(store, args, false),
        Command::Grant(GrantCommand::List) => list_grants(store),
        Command::Audit(command) => audit::run(store, command),
        // `cli::main` does these without a store.
        Command::Serve(_) | Command::Check | Command::Config | Command::Openapi => Ok(()),
    }
}

/// The hub's store. A folder without one is more likely a mistyped path than a hub to be made.
fn open(data: &Path) -> Result<Arc<dyn Store>, CliError> {
    let config = config::load(data, &Overrides::default())?;
    match data.join("ca").try_exists() {
        Ok(true) => Ok((config.store.open)(data)?),
        Ok(false) => Err(CliError::Other(format!(
            "there is no hub in {}: give its folder with --data, or start it once with `yiwang-hub serve`",
            data.display()
        ))),
        Err(source) => Err(CliError::File { operation: "look into", path: data.to_owned(), source }),
    }
}

fn setup_link(data: &Path, store: &dyn Store) -> Outcome {
    if !store.setup_needed()? {
        return Err(CliError::Other(
            "there is an administrator already: log in, or set another password with `yiwang-hub user password NAME`"
                .into(),
        ));
    }
    let web = serve::addresses(data).map(|addresses| addresses.web).ok_or_else(|| {
        CliError::Other("the hub does not run: start it with `yiwang-hub serve`, it prints the link itself".into())
    })?;
    println!("{}", serve::make_setup_link(store, &web)?);
    Ok(())
}

fn create_token(data: &Path, store: &dyn Store, department: &str, hours: u32) -> Outcome {
    let now_us = now_us();
    let authority = Authority::open(&data.join("ca"), now_us).map_err(CliError::hub)?;
    check_name("department", department)?;
    if store.ensure_department(department, now_us)? {
        println!("The department {department} is new: it was made.");
    }
    let token = JoinToken { secret: rand::random(), ca_sha256: authority.fingerprint() };
    let expires_us = now_us + i64::from(hours) * HOUR_US;
    let hash = Sha256::digest(token.secret).into();
    store.add_join_token(&NewJoinToken { hash, department: department.to_owned(), expires_us }, now_us)?;
    println!("For one gateway of {department}, once, until {}:\n", show::time(expires_us));
    println!("  {}\n", token.encode());
    let at = serve::addresses(data).map_or_else(|| "HUB:7443".into(), |addresses| addresses.quic);
    println!("At the gateway: yiwang-gateway join {at} TOKEN");
    Ok(())
}

fn list_tokens(store: &dyn Store) -> Outcome {
    let now_us = now_us();
    let rows: Vec<_> = store
        .join_tokens()?
        .into_iter()
        .map(|token| {
            let state = match token.used_by {
                Some(gateway) => format!("used by {gateway}"),
                None if token.expires_us <= now_us => "expired".into(),
                None => "open".into(),
            };
            vec![token.short, token.department, show::time(token.created_us), show::time(token.expires_us), state]
        })
        .collect();
    table(&["TOKEN", "DEPARTMENT", "MADE", "HOLDS UNTIL", "STATE"], &rows);
    Ok(())
}

fn list_gateways(store: &dyn Store) -> Outcome {
    let rows: Vec<_> = store
        .gateways()?
        .into_iter()
        .map(|gateway| {
            let state = if gateway.revoked_us.is_some() { "revoked" } else { "in use" };
            vec![
                gateway.id,
                gateway.name,
                gateway.department,
                state.into(),
                show::time_or_dash(gateway.last_contact_us),
                show::time(gateway.certificate_ends_us),
                gateway.software,
            ]
        })
        .collect();
    table(&["GATEWAY", "NAME", "DEPARTMENT", "STATE", "LAST CONTACT", "CERTIFICATE ENDS", "SOFTWARE"], &rows);
    Ok(())
}

fn revoke_gateway(store: &dyn Store, id: &str) -> Outcome {
    if store.revoke_gateway(id, now_us())? {
        println!(
            "{id} is revoked; a connection that it has ends within a second. To let the machine in again, make a token and join anew."
        );
    } else {
        println!("{id} was revoked before");
    }
    Ok(())
}

fn list_departments(store: &dyn Store) -> Outcome {
    let rows: Vec<_> = store.departments()?.into_iter().map(|d| vec![d.id, show::time(d.created_us)]).collect();
    table(&["DEPARTMENT", "MADE"], &rows);
    Ok(())
}

fn create_department(store: &dyn Store, name: &str) -> Outcome {
    check_name("department", name)?;
    let made = store.ensure_department(name, now_us())?;
    println!("The department {name} {}", if made { "was made" } else { "is there already" });
    Ok(())
}

fn create_feed_token(store: &dyn Store, department: String, note: String) -> Outcome {
    let (id, secret) = secret::generate_feed_token();
    let created_by = "command line".to_owned();
    let new = NewFeedToken { id: id.clone(), hash: secret.hash, department: department.clone(), note, created_by };
    store.add_feed_token(&new, now_us())?;
    println!("With the view of {department}, until it is revoked (`yiwang-hub feed-token revoke {id}`). Shown once:\n");
    println!("  {}", secret.text);
    Ok(())
}

fn list_feed_tokens(store: &dyn Store) -> Outcome {
    let rows: Vec<_> = store
        .feed_tokens()?
        .into_iter()
        .map(|token| {
            let state = token.revoked_us.map_or_else(|| "in use".into(), |us| format!("revoked {}", show::time(us)));
            vec![token.id, token.department, token.note, token.created_by, show::time(token.created_us), state]
        })
        .collect();
    table(&["ID", "DEPARTMENT", "NOTE", "MADE BY", "MADE", "STATE"], &rows);
    Ok(())
}

fn revoke_feed_token(store: &dyn Store, id: &str) -> Outcome {
    let revoked = store.revoke_feed_token(id, now_us())?;
    println!(
        "{id} {}",
        if revoked { "is revoked; feeds that use it end within a second" } else { "was revoked before" }
    );
    Ok(())
}

fn create_user(store: &dyn Store, name: String, role: Role, department: Option<String>, from_stdin: bool) -> Outcome {
    let department = match (department, role) {
        (Some(department), _) => department,
        (None, Role::Administrator | Role::Operator) => OPERATIONS.to_owned(),
        (None, Role::Department) => {
            return Err(CliError::Other("say the user's department with --department NAME".into()));
        }
    };
    check_name("user", &name)?;
    let password = new_password(from_stdin)?;
    let password_hash = password::hash_new(&password.text).map_err(CliError::hub)?;
    store.add_user(&NewUser { name: name.clone(), password_hash, role, department: department.clone() }, now_us())?;
    println!("{name} is made: {} of {department}", role.as_str());
    password.show_if_made();
    Ok(())
}

fn set_password(store: &dyn Store, name: &str, from_stdin: bool) -> Outcome {
    let password = new_password(from_stdin)?;
    store.set_password(name, &password::hash_new(&password.text).map_err(CliError::hub)?)?;
    println!("{name} has another password; its sessions have ended");
    password.show_if_made();
    Ok(())
}

struct NewPassword {
    text: String,
    made: bool,
}

impl NewPassword {
    fn show_if_made(&self) {
        if self.made {
            println!("Password, shown once: {}", self.text);
        }
    }
}

fn new_password(from_stdin: bool) -> Result<NewPassword, CliError> {
    if !from_stdin {
        return Ok(NewPassword { text: password::generate(), made: true });
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|source| CliError::File {
        operation: "read the password from",
        path: "standard input".into(),
        source,
    })?;
    Ok(NewPassword { text: line.trim_end_matches(['\r', '\n']).to_owned(), made: false })
}

fn list_users(store: &dyn Store) -> Outcome {
    let row = |user: crate::store::User| {
        vec![user.name, user.role.as_str().into(), user.department, show::time(user.created_us)]
    };
    table(&["USER", "ROLE", "DEPARTMENT", "MADE"], &store.users()?.into_iter().map(row).collect::<Vec<_>>());
    Ok(())
}

fn change_grant(store: &dyn Store, args: GrantArgs, add: bool) -> Outcome {
    let grant = Grant { department: args.department.clone(), sees: Sees::parse(&args.sees) };
    let changed = if add { store.add_grant(&grant)? } else { store.remove_grant(&grant)? };
    let (who, whose) = (args.department, args.sees);
    println!(
        "{who} {} {whose}",
        match (add, changed) {
            (true, true) => "sees from now on what belongs to",
            (true, false) => "could see before what belongs to",
            (false, true) => "sees no longer what belongs to",
            (false, false) => "had no grant to see what belongs to",
        }
    );
    Ok(())
}

fn list_grants(store: &dyn Store) -> Outcome {
    let row = |grant: Grant| {
        let sees = grant.sees.text();
        vec![grant.department, sees]
    };
    table(&["DEPARTMENT", "SEES"], &store.grants()?.into_iter().map(row).collect::<Vec<_>>());
    Ok(())
}
