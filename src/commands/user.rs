//! `vigie user`: named people who may sign in to the console.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::{Args, Subcommand, ValueEnum};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;

use super::Failure;
use super::actor::os_user;
use super::desk::{Place, time};
use crate::clock::now_ms;
use crate::store::desk::{DeskError, NewUser, Role, User, password};

/// Arguments of `vigie user`.
#[derive(Debug, Args)]
pub(super) struct UserArgs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Add a user; the password is asked for, or is the first line of standard input
    Add {
        /// Name to sign in with
        name: String,
        /// What they may do
        #[arg(long, value_enum)]
        role: RoleWord,
        /// Language of their pages [default: as their browser says]
        #[arg(long, value_parser = ["en", "fr"])]
        language: Option<String>,
    },
    /// List users
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Remove a user and sign them out; what they did stays on record
    Remove {
        /// Name
        name: String,
    },
    /// Give a user another password and sign them out
    Password {
        /// Name
        name: String,
    },
}

/// [`Role`] as the command line has it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleWord {
    /// See alerts, charts, pseudonyms
    Viewer,
    /// And change alerts
    Analyst,
    /// And decide on actions
    Responder,
    /// Data protection officer: see, and exact lists of persons
    Dpo,
    /// See, and settings, users, tokens
    Admin,
    /// See, and the audit trail
    Auditor,
}

impl RoleWord {
    fn role(self) -> Role {
        match self {
            RoleWord::Viewer => Role::Viewer,
            RoleWord::Analyst => Role::Analyst,
            RoleWord::Responder => Role::Responder,
            RoleWord::Dpo => Role::Dpo,
            RoleWord::Admin => Role::Admin,
            RoleWord::Auditor => Role::Auditor,
        }
    }
}

pub(super) fn user(args: UserArgs) -> Result<(), Failure> {
    let place = args.place;
    match args.what {
        What::Add { name, role, language } => {
            let mut desk = place.made_desk()?;
            let hash = password::hash(&ask()?).map_err(Failure::Failed)?;
            let (role, language) = (role.role(), language.as_deref());
            let new = NewUser { name: &name, role, hash: &hash, language };
            desk.add_user(&os_user(), &new, now_ms())?;
            eprintln!("{name} may sign in as {}", role.word());
        }
        What::List { json } => list(&place.desk()?.users()?, json)?,
        What::Remove { name } => {
            let done = place.desk()?.remove_user(&os_user(), &name, now_ms());
            done.map_err(|error| no_such(error, &name))?;
            eprintln!("{name} is removed");
        }
        What::Password { name } => {
            let mut desk = place.desk()?;
            if desk.user(&name)?.is_none() {
                return Err(no_such(DeskError::NotFound, &name));
            }
            let hash = password::hash(&ask()?).map_err(Failure::Failed)?;
            let done = desk.set_password(&os_user(), &name, &hash, now_ms());
            done.map_err(|error| no_such(error, &name))?;
            eprintln!("{name} has another password and is signed out");
        }
    }
    Ok(())
}

fn no_such(error: DeskError, name: &str) -> Failure {
    match error {
        DeskError::NotFound => Failure::Failed(format!("there is no user `{name}`")),
        error => error.into(),
    }
}

fn list(users: &[User], json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for User { name, role, language, disabled, created_at } in users {
        let created_at = time(*created_at);
        if json {
            let line = json!({ "name": name, "role": role.word(), "language": language,
                "disabled": disabled, "created_at": created_at });
            writeln!(out, "{line}")?;
        } else {
            let disabled = if *disabled { "  disabled" } else { "" };
            writeln!(out, "{name:<24}  {:<9}  since {created_at}{disabled}", role.word())?;
        }
    }
    Ok(())
}

/// The password: typed twice without echo, or the first line of what is piped in.
fn ask() -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(line()?);
    }
    let quiet = Quiet::new()?;
    let first = quiet.ask("Password: ")?;
    let second = quiet.ask("Once more: ")?;
    if first != second {
        return Err(Failure::Failed("the two passwords differ".into()));
    }
    Ok(first)
}

fn line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

/// A terminal that shows nothing of what is typed, as long as this lives.
struct Quiet {
    before: Termios,
}

impl Quiet {
    fn new() -> io::Result<Quiet> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Quiet { before })
    }

    fn ask(&self, prompt: &str) -> io::Result<String> {
        eprint!("{prompt}");
        let line = line();
        eprintln!();
        line
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // There is nothing else to do for a terminal that is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}
