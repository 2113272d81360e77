//! `vigie token`: secrets of machines that use the API.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde_json::json;

use super::Failure;
use super::actor::os_user;
use super::desk::{Place, time};
use crate::clock::now_ms;
use crate::store::desk::{DeskError, NewToken, Scope, Token};

/// What a token begins with, so that a leaked one is found by whoever looks for secrets.
const PREFIX: &str = "vigie_";

const DAY_MS: i64 = 86_400_000;

/// Arguments of `vigie token`.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a token and print it, this once
    Create {
        /// What activity and audit call its bearer
        name: String,
        /// What it may do; more than once for more
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
        scopes: Vec<Scope>,
        /// Days until it expires
        #[arg(long, value_name = "N", default_value_t = 365,
            value_parser = clap::value_parser!(u16).range(1..=3_650))]
        days: u16,
    },
    /// List tokens
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token, at once
    Revoke {
        /// Name
        name: String,
    },
}

fn scope(word: &str) -> Result<Scope, String> {
    Scope::parse(word).ok_or_else(|| {
        let choices = Scope::ALL.map(Scope::word).join(", ");
        format!("valid choices: {choices}")
    })
}

pub(super) fn token(args: TokenArgs) -> Result<(), Failure> {
    let place = args.place;
    match args.what {
        What::Create { name, scopes, days } => {
            let secret = secret()?;
            let expires_at = Some(now_ms() + i64::from(days) * DAY_MS);
            let new = NewToken { name: &name, secret: &secret, scopes: &scopes, expires_at };
            place.made_desk()?.create_token(&os_user(), &new, now_ms())?;
            writeln!(io::stdout(), "{secret}")?;
            eprintln!("this is the only time that it is shown; it expires in {days} days");
        }
        What::List { json } => list(&place.desk()?.tokens()?, json)?,
        What::Revoke { name } => {
            let done = place.desk()?.revoke_token(&os_user(), &name, now_ms());
            done.map_err(|error| match error {
                DeskError::NotFound => Failure::Failed(format!("there is no token `{name}`")),
                error => error.into(),
            })?;
            eprintln!("{name} is revoked");
        }
    }
    Ok(())
}

/// 256 random bits.
fn secret() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|e| Failure::Failed(format!("the system has no randomness: {e}")))?;
    let mut secret = PREFIX.to_owned();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(secret, "{byte:02x}");
    }
    Ok(secret)
}

fn list(tokens: &[Token], json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for token in tokens {
        let Token { name, created_by, .. } = token;
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.word()).collect();
        let created_at = time(token.created_at);
        let [expires_at, used_at] = [token.expires_at, token.used_at].map(|at| at.map(time));
        if json {
            let line = json!({ "name": name, "scopes": scopes, "created_by": created_by,
                "created_at": created_at, "expires_at": expires_at, "used_at": used_at });
            writeln!(out, "{line}")?;
        } else {
            let (expires, used) = (expires_at.as_deref(), used_at.as_deref());
            let (expires, used) = (expires.unwrap_or("never"), used.unwrap_or("never"));
            let scopes = scopes.join(" ");
            writeln!(out, "{name:<24}  expires {expires}  last used {used}  {scopes}")?;
        }
    }
    Ok(())
}
