//! Coming and going, and the language.

use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::{back, is_own_path, see_other, show as show_page, with_cookie};
use crate::clock::now_ms;
use crate::console::auth::{self, Who};
use crate::console::dispatch::Call;
use crate::console::pages::{self, Login, LoginFailure};
use crate::console::problem::Problem;
use crate::console::secret;
use crate::store::desk::DeskError;

/// Seconds in a year: how long a browser remembers a language.
const YEAR_SECONDS: i64 = 31_536_000;
/// Characters of a name in the audit trail, when nobody has it.
const NAME_CHARS_MAX: usize = 64;

/// `GET /login`
pub(in crate::console) async fn show(call: Call) -> Result<Response, Problem> {
    if !matches!(call.who, Who::Nobody) {
        return Ok(see_other("/alerts"));
    }
    let back = call.asked("back").filter(|path| is_own_path(path)).unwrap_or("/alerts");
    let failed = call.asked("expired").map(|_| LoginFailure::Expired);
    let page = Login { name: String::new(), back: back.to_owned(), failed };
    show_page(&call, StatusCode::OK, |chrome| pages::login(&page, chrome)).await
}

/// `POST /login`
pub(in crate::console) async fn log_in(call: Call) -> Result<Response, Problem> {
    let name = call.field("name").unwrap_or_default().trim().to_owned();
    let password = call.field("password").unwrap_or_default().to_owned();
    if let Err(wait) = call.state.throttle.attempt(&name, call.address, now_ms()) {
        let seconds = (wait + 999) / 1_000;
        return again(&call, name, LoginFailure::TooMany, Some(seconds)).await;
    }
    let wanted = name.clone();
    let known = call.state.desk(move |desk| Ok(desk.user(&wanted)?)).await?;
    let hash = known.filter(|(user, _)| !user.disabled).map(|(_, hash)| hash);
    if !call.state.verifier.verify(hash, password).await? {
        let actor: String = name.chars().take(NAME_CHARS_MAX).collect();
        let detail = json!({"address": call.address.to_string()});
        let record = move |desk: &mut crate::store::desk::Desk| {
            Ok(desk.record(&actor, "login.failed", &actor, &detail, now_ms())?)
        };
        call.state.desk(record).await?;
        return again(&call, name, LoginFailure::Wrong, None).await;
    }
    call.state.throttle.succeeded(&name, call.address);
    let (token, csrf) = (secret::token()?, secret::token()?);
    let before = call.state.cookies().get(&call.headers, auth::SESSION);
    let (user, kept) = (name.clone(), token.clone());
    let opened = call.state.desk(move |desk| {
        // A session that was open in this browser ends: nobody goes on under another's secret.
        if let Some(secret) = before {
            desk.close_session(&secret, now_ms())?;
        }
        match desk.open_session(&user, &kept, &csrf, now_ms()) {
            Ok(()) => Ok(true),
            // Disabled or removed a moment ago.
            Err(DeskError::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    });
    if !opened.await? {
        return again(&call, name, LoginFailure::Wrong, None).await;
    }
    let age = call.state.session_limits().absolute_ms / 1_000;
    let cookie = call.state.cookies().set(auth::SESSION, &token, Some(age));
    Ok(with_cookie(see_other(&back(&call, "/alerts")), Some(&cookie)))
}

/// The form once more.
async fn again(
    call: &Call,
    name: String,
    failed: LoginFailure,
    wait_seconds: Option<i64>,
) -> Result<Response, Problem> {
    let status = match failed {
        LoginFailure::TooMany => StatusCode::TOO_MANY_REQUESTS,
        LoginFailure::Wrong | LoginFailure::Expired => StatusCode::UNAUTHORIZED,
    };
    let page = Login { name, back: back(call, "/alerts"), failed: Some(failed) };
    let mut response = show_page(call, status, |chrome| pages::login(&page, chrome)).await?;
    if let Some(seconds) = wait_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

/// `POST /logout`
pub(in crate::console) async fn log_out(call: Call) -> Result<Response, Problem> {
    let Who::Person(_, secret) = &call.who else { return Ok(see_other("/alerts")) };
    let secret = secret.clone();
    call.state.desk(move |desk| Ok(desk.close_session(&secret, now_ms())?)).await?;
    let cookie = call.state.cookies().set(auth::SESSION, "", Some(0));
    Ok(with_cookie(see_other("/login"), Some(&cookie)))
}

/// `POST /language`
pub(in crate::console) async fn language(call: Call) -> Result<Response, Problem> {
    let chosen = call.field("language").filter(|word| super::language_of(word).is_some());
    let response = see_other(&back(&call, "/alerts"));
    let Some(chosen) = chosen.map(str::to_owned) else { return Ok(response) };
    let cookie = call.state.cookies().set(auth::LANGUAGE, &chosen, Some(YEAR_SECONDS));
    if let Who::Person(session, _) = &call.who {
        let name = session.user.name.clone();
        call.state.desk(move |desk| Ok(desk.set_language(&name, Some(&chosen))?)).await?;
    }
    Ok(with_cookie(response, Some(&cookie)))
}
