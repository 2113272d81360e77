//! Who asks: people by a session cookie, machines by a bearer token, anybody on a console that only
//! this machine reaches.

use axum::http::{HeaderMap, header};
use tokio::sync::Semaphore;

use super::AppState;
use super::problem::{Code, Problem};
use super::routes::{Access, Route};
use super::secret;
use crate::clock::now_ms;
use crate::store::desk::{Role, Scope, Session, Token, password};

mod throttle;
pub(super) use throttle::Throttle;

/// The actor of a console without login.
pub const LOCAL: &str = "local";

/// Password verifications at a time: 19 MiB and a core each.
const VERIFICATIONS_MAX: usize = 2;

/// Before the name in a `Cookie` header, when people come by https: the browser then insists on
/// Secure, on `Path=/` and on this very host.
const HOST_PREFIX: &str = "__Host-";

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// Not logged in.
    Nobody,
    /// Whoever sits at this machine.
    Local,
    /// A user, with the cookie's secret.
    Person(Box<Session>, String),
    /// The bearer of a token.
    Machine(Token),
}

impl Who {
    /// What activity and audit call them.
    pub(super) fn actor(&self) -> String {
        match self {
            Who::Nobody => String::new(),
            Who::Local => LOCAL.to_owned(),
            Who::Person(session, _) => session.user.name.clone(),
            Who::Machine(token) => format!("token:{}", token.name),
        }
    }

    /// Whether they have one of these roles.
    pub(super) fn has(&self, roles: &[Role]) -> bool {
        match self {
            Who::Local => true,
            Who::Person(session, _) => roles.contains(&session.user.role),
            Who::Nobody | Who::Machine(_) => false,
        }
    }

    fn may(&self, scope: Scope) -> bool {
        matches!(self, Who::Machine(token) if token.scopes.contains(&scope))
    }

    /// Whether they may use a route.
    ///
    /// # Errors
    /// They must log in first, or they may not at all.
    pub(super) fn check(&self, route: &Route, metrics_open: bool) -> Result<(), Problem> {
        let allowed = match route.may {
            Access::Public => true,
            Access::People(roles) => self.has(roles),
            Access::PeopleOr(roles, scope) => self.has(roles) || self.may(scope),
            Access::Metrics => metrics_open || self.has(&Role::ALL) || self.may(Scope::MetricsRead),
        };
        match self {
            _ if allowed => Ok(()),
            Who::Nobody => Err(Problem::new(Code::LoginRequired, "log in, or send a token")
                .header(header::WWW_AUTHENTICATE, "Bearer realm=\"vigie\"")),
            _ => Err(Problem::new(Code::Forbidden, route.may.words())),
        }
    }
}

/// Compares passwords with hashes, a few at a time, on threads that may block.
#[derive(Debug)]
pub(super) struct Verifier(Semaphore);

impl Default for Verifier {
    fn default() -> Verifier {
        Verifier(Semaphore::new(VERIFICATIONS_MAX))
    }
}

impl Verifier {
    /// Whether the password is the one behind the hash; without a hash it is not, just as slowly.
    pub(super) async fn verify(
        &self,
        hash: Option<String>,
        password: String,
    ) -> Result<bool, Problem> {
        let busy = |_| Problem::new(Code::NotReady, "the console is stopping");
        let _place = self.0.acquire().await.map_err(busy)?;
        tokio::task::spawn_blocking(move || password::verify(&password, hash.as_deref()))
            .await
            .map_err(|error| Problem::internal("verifying a password", &error.to_string()))
    }
}

/// Names of our cookies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cookies {
    /// People come by https.
    pub(super) tls: bool,
}

/// The session's secret.
pub(super) const SESSION: &str = "vigie";
/// What a form before the login is bound to.
pub(super) const VISITOR: &str = "vigie-visitor";
/// Language chosen before the login.
pub(super) const LANGUAGE: &str = "vigie-language";

impl Cookies {
    fn full_name(self, name: &str) -> String {
        if self.tls { format!("{HOST_PREFIX}{name}") } else { name.to_owned() }
    }

    /// The value of a cookie; `None` too when there are two: somebody planted one.
    pub(super) fn get(self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.full_name(name);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut values = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned());
        values.next().filter(|_| values.next().is_none())
    }

    /// A `Set-Cookie` value; `None` for the age: until the browser closes.
    pub(super) fn set(self, name: &str, value: &str, age_seconds: Option<i64>) -> String {
        let age = age_seconds.map_or_else(String::new, |age| format!("; Max-Age={age}"));
        let secure = if self.tls { "; Secure" } else { "" };
        let name = self.full_name(name);
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")
    }
}

/// Finds out who asks; `touch`: it counts as a sign of life.
///
/// # Errors
/// The token is none of ours, or the database cannot be read.
pub(super) async fn who(
    state: &AppState,
    headers: &HeaderMap,
    touch: bool,
) -> Result<Who, Problem> {
    if !state.login_required() {
        return Ok(Who::Local);
    }
    let now = now_ms();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let secret = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret.trim().to_owned());
        let found = match secret {
            Some(secret) => state.desk(move |desk| Ok(desk.token(&secret, now)?)).await?,
            None => None,
        };
        return found.map(Who::Machine).ok_or_else(|| {
            Problem::new(Code::LoginRequired, "the token is unknown, revoked or expired")
                .header(header::WWW_AUTHENTICATE, "Bearer realm=\"vigie\", error=\"invalid_token\"")
        });
    }
    let Some(secret) = state.cookies().get(headers, SESSION) else { return Ok(Who::Nobody) };
    let (limits, kept) = (state.session_limits(), secret.clone());
    let session = state
        .desk(move |desk| {
            Ok(if touch {
                desk.session(&secret, limits, now)?
            } else {
                desk.peek(&secret, limits, now)?
            })
        })
        .await?;
    Ok(session.map_or(Who::Nobody, |session| Who::Person(Box::new(session), kept)))
}

/// What the forms of whoever asks must send back; `None`: there is nothing to compare with.
pub(super) fn csrf(state: &AppState, who: &Who, headers: &HeaderMap) -> Option<String> {
    match who {
        Who::Local => Some(state.local_csrf()),
        Who::Person(session, _) => Some(session.csrf.clone()),
        Who::Machine(_) => None,
        Who::Nobody => {
            let visitor = state.cookies().get(headers, VISITOR)?;
            Some(visitor_csrf(state, &visitor))
        }
    }
}

/// What the forms of a visitor must send back.
pub(super) fn visitor_csrf(state: &AppState, visitor: &str) -> String {
    secret::encode(&secret::sign(state.key(), &["visitor", visitor]))
}

/// Checks what a form or a header sent back.
///
/// # Errors
/// It is not from this session.
pub(super) fn check_csrf(
    state: &AppState,
    who: &Who,
    headers: &HeaderMap,
    given: Option<&str>,
) -> Result<(), Problem> {
    let right = csrf(state, who, headers)
        .zip(given)
        .is_some_and(|(wanted, given)| secret::same(&wanted, given));
    if right {
        return Ok(());
    }
    Err(Problem::new(Code::CsrfRefused, "load the page again, then send the form again"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_cookie_is_ours_only_under_its_full_name_and_once() {
        let check = |tls: bool, line: &'static str, wanted: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static(line));
            assert_eq!(Cookies { tls }.get(&headers, SESSION).as_deref(), wanted, "{line}");
        };
        check(false, "a=b; vigie=x", Some("x"));
        check(true, "a=b; vigie=x", None);
        check(true, "vigie=x; __Host-vigie=y", Some("y"));
        check(true, "__Host-vigie=y; __Host-vigie=z", None);
        check(false, "vigie-visitor=x", None);
    }

    #[test]
    fn a_cookie_over_tls_is_bound_to_the_host() {
        let set = Cookies { tls: true }.set(SESSION, "x", Some(60));
        let wanted = "__Host-vigie=x; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60";
        assert_eq!(set, wanted);
        let set = Cookies { tls: false }.set(SESSION, "x", None);
        assert_eq!(set, "vigie=x; Path=/; HttpOnly; SameSite=Lax");
    }
}
