//! The small pages: login, failures, keys, accessibility.

use askama::Template;

use super::frame::{Frame, Nav};
use super::view::{Chrome, Failure, FailureKind, Login, LoginFailure, Text};
use super::words::{TextWords, Words};

#[derive(Template)]
#[template(path = "login.html", config = "src/console/pages/askama.toml")]
struct LoginPage<'a> {
    f: Frame<'a>,
    failed: Option<&'static str>,
    name: &'a str,
    back: &'a str,
}

#[derive(Template)]
#[template(path = "failure.html", config = "src/console/pages/askama.toml")]
struct FailurePage<'a> {
    f: Frame<'a>,
    status: u16,
    hint: &'static str,
    reference: Option<String>,
}

#[derive(Template)]
#[template(path = "keys.html", config = "src/console/pages/askama.toml")]
struct KeysPage<'a> {
    f: Frame<'a>,
    w: &'static TextWords,
    keys: [(&'static str, &'static str); 9],
}

#[derive(Template)]
#[template(path = "accessibility.html", config = "src/console/pages/askama.toml")]
struct AccessibilityPage<'a> {
    f: Frame<'a>,
    w: &'static TextWords,
}

pub(super) fn login(page: &Login, chrome: &Chrome) -> String {
    let w = Words::of(chrome.language);
    let view = LoginPage {
        f: Frame::new(chrome, w.login_title, Nav::Elsewhere),
        failed: page.failed.map(|failure| match failure {
            LoginFailure::Wrong => w.login_wrong,
            LoginFailure::TooMany => w.login_many,
            LoginFailure::Expired => w.login_expired,
        }),
        name: &page.name,
        back: &page.back,
    };
    view.render().unwrap_or_default()
}

impl FailureKind {
    /// Its HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            FailureKind::BadRequest => 400,
            FailureKind::Forbidden | FailureKind::Token => 403,
            FailureKind::NotFound => 404,
            FailureKind::Conflict => 409,
            FailureKind::TooMany => 429,
            FailureKind::Internal => 500,
            FailureKind::Unavailable => 503,
        }
    }
}

pub(super) fn failure(page: &Failure, chrome: &Chrome) -> String {
    let w = Words::of(chrome.language);
    let (title, hint) = match page.kind {
        FailureKind::BadRequest => (w.error_400, w.error_400_hint),
        FailureKind::Forbidden => (w.error_403, w.error_403_hint),
        FailureKind::Token => (w.error_token, w.error_token_hint),
        FailureKind::NotFound => (w.error_404, w.error_404_hint),
        FailureKind::Conflict => (w.error_409, w.error_409_hint),
        FailureKind::TooMany => (w.error_429, w.error_429_hint),
        FailureKind::Internal => (w.error_500, w.error_500_hint),
        FailureKind::Unavailable => (w.error_503, w.error_503_hint),
    };
    let id = &page.request_id;
    let view = FailurePage {
        f: Frame::new(chrome, title, Nav::Elsewhere),
        status: page.kind.status(),
        hint,
        reference: (!id.is_empty()).then(|| w.error_id.replace("{}", id)),
    };
    view.render().unwrap_or_default()
}

pub(super) fn text(page: Text, chrome: &Chrome) -> String {
    let w = &Words::of(chrome.language).text;
    let rendered = match page {
        Text::Keys => KeysPage {
            f: Frame::new(chrome, w.keys_title, Nav::Elsewhere),
            w,
            keys: [
                ("j", w.k_down),
                ("k", w.k_up),
                ("x", w.k_pick),
                ("Enter", w.k_open),
                ("t", w.k_take),
                ("h", w.k_hold),
                ("c", w.k_close),
                ("/", w.k_search),
                ("?", w.k_help),
            ],
        }
        .render(),
        Text::Accessibility => {
            AccessibilityPage { f: Frame::new(chrome, w.a_title, Nav::Elsewhere), w }.render()
        }
    };
    rendered.unwrap_or_default()
}
