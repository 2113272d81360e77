//! What all templates use: the words and the way to say things, what surrounds a page, and the
//! small marks that mean the same everywhere.

use std::fmt::Write;

use super::assets;
use super::query::{encode, severity_word};
use super::say::{Html, Say};
use super::view::{Chrome, Count};
use super::words::Words;
use crate::alert::{Alert, EntityKind, Severity};
use crate::store::sqlite::TriageState;

/// Which entry of the navigation is this page's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nav {
    Alerts,
    Health,
    Audit,
    Elsewhere,
}

/// What surrounds a page.
pub(super) struct Frame<'a> {
    pub(super) say: Say<'a>,
    pub(super) w: &'static Words,
    pub(super) chrome: &'a Chrome,
    pub(super) title: String,
    here: Nav,
}

impl<'a> Frame<'a> {
    pub(super) fn new(chrome: &'a Chrome, title: impl Into<String>, here: Nav) -> Frame<'a> {
        let say = Say::new(chrome);
        Frame { say, w: say.w, chrome, title: title.into(), here }
    }

    /// ` aria-current` of a navigation entry, spelt in the template.
    pub(super) fn is_here(&self, word: &str) -> bool {
        match word {
            "alerts" => self.here == Nav::Alerts,
            "health" => self.here == Nav::Health,
            _ => self.here == Nav::Audit,
        }
    }

    pub(super) fn style(&self) -> &'static str {
        &assets::style().name
    }

    pub(super) fn script(&self) -> &'static str {
        &assets::script().name
    }

    pub(super) fn icon(&self) -> &'static str {
        &assets::icon().name
    }

    pub(super) fn open_count(&self) -> String {
        self.say.count(self.chrome.counts.open)
    }

    pub(super) fn open_words(&self) -> String {
        let open = self.chrome.counts.open;
        self.say
            .plural(self.w.open_count, open.value)
            .replace(&self.say.number(open.value), &self.say.count(open))
    }

    /// How many alerts belong together; `None`: it stands alone.
    pub(super) fn campaign(&self, alerts: Count) -> Option<String> {
        let words = || self.say.plural(self.w.campaign_of, alerts.value);
        let (plain, said) = (self.say.number(alerts.value), self.say.count(alerts));
        (alerts.value > 1).then(|| words().replacen(&plain, &said, 1))
    }

    pub(super) fn blind_count(&self) -> u64 {
        self.chrome.counts.blind
    }

    pub(super) fn blind_words(&self) -> String {
        self.say.plural(self.w.blind_count, self.chrome.counts.blind)
    }

    /// Singular or plural of the script's notice.
    pub(super) fn new_alerts(&self, form: usize) -> &'static str {
        self.w.new_alerts.split('|').nth(form).unwrap_or_default()
    }

    pub(super) fn may_triage(&self) -> bool {
        self.chrome.user.as_ref().is_some_and(|user| user.may_triage)
    }

    pub(super) fn severity(&self, severity: Severity) -> Html {
        severity_mark(self.w, severity)
    }

    pub(super) fn state(&self, state: TriageState) -> Html {
        Html(format!(
            "<span class=\"state state-{}\">{}</span>",
            state.word(),
            state_word(self.w, state)
        ))
    }

    /// Label of a verdict; an unknown word as it is.
    pub(super) fn verdict(&self, word: &str) -> String {
        let known = verdicts(self.w).into_iter().find(|v| v.word == word);
        known.map_or_else(|| word.to_owned(), |v| v.label.to_owned())
    }
}

/// Severity as word, shape and colour.
pub(super) fn severity_mark(w: &Words, severity: Severity) -> Html {
    let path = match severity {
        Severity::Critical => "M8 0l8 8-8 8-8-8z",
        Severity::High => "M8 1l8 14H0z",
        Severity::Medium => "M2 2h12v12H2z",
        Severity::Low => "M8 15L0 1h16z",
        Severity::Info => "M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2z",
    };
    let mut out = String::new();
    let word = severity_word(severity);
    let _ = write!(
        out,
        "<span class=\"sev sev-{word}\"><svg class=\"shape\" viewBox=\"0 0 16 16\" width=\"10\" \
         height=\"10\" aria-hidden=\"true\"><path d=\"{path}\"/></svg>{}</span>",
        severity_label(w, severity)
    );
    Html(out)
}

pub(super) fn severity_label(w: &Words, severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => w.critical,
        Severity::High => w.high,
        Severity::Medium => w.medium,
        Severity::Low => w.low,
        Severity::Info => w.info,
    }
}

pub(super) fn state_word(w: &Words, state: TriageState) -> &'static str {
    match state {
        TriageState::New => w.state_new,
        TriageState::InProgress => w.state_in_progress,
        TriageState::OnHold => w.state_on_hold,
        TriageState::Closed => w.state_closed,
    }
}

/// A verdict as the form offers it.
pub(super) struct VerdictChoice {
    /// The contract's word.
    pub(super) word: &'static str,
    pub(super) label: &'static str,
    /// What choosing it means.
    pub(super) does: &'static str,
    pub(super) needs_comment: bool,
}

/// All verdicts, in the order to offer them.
pub(super) fn verdicts(words: &Words) -> [VerdictChoice; 8] {
    let w = &words.verdict;
    let choice =
        |word, label, does, needs_comment| VerdictChoice { word, label, does, needs_comment };
    [
        choice("true_positive_impact", w.true_positive_impact, w.true_positive_impact_does, false),
        choice(
            "true_positive_no_impact",
            w.true_positive_no_impact,
            w.true_positive_no_impact_does,
            false,
        ),
        choice("benign_expected", w.benign_expected, w.benign_expected_does, true),
        choice("false_positive_logic", w.false_positive_logic, w.false_positive_logic_does, true),
        choice("false_positive_data", w.false_positive_data, w.false_positive_data_does, true),
        choice("duplicate", w.duplicate, w.duplicate_does, false),
        choice("test", w.test, w.test_does, false),
        choice("undetermined", w.undetermined, w.undetermined_does, false),
    ]
}

/// Partner, unit and role of an alert, as far as they are known.
pub(super) fn belongs(alert: &Alert) -> String {
    let parts = [&alert.partner, &alert.unit, &alert.role];
    let known: Vec<&str> = parts.into_iter().filter_map(|p| p.as_deref()).collect();
    // A unit's name mostly begins with its partner's: said once is enough.
    let redundant = match (&alert.partner, &alert.unit) {
        (Some(partner), Some(unit)) => unit.starts_with(partner.as_str()),
        _ => false,
    };
    known[usize::from(redundant)..].join(" · ")
}

pub(super) fn kind_word(w: &Words, kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Account => w.kind_account,
        EntityKind::Unit => w.kind_unit,
        EntityKind::Partner => w.kind_partner,
        EntityKind::Source => w.kind_source,
        EntityKind::Device => w.kind_device,
        EntityKind::Network => w.kind_network,
    }
}

/// Path of an alert's page.
pub(super) fn alert_path(id: &str) -> String {
    format!("/alerts/{}", encode(id))
}

/// Path of an account's page, come to from an alert.
pub(super) fn account_path(name: &str, alert: &str) -> String {
    format!("/accounts/{}?alert={}", encode(name), encode(alert))
}

/// Escapes text for HTML made by hand (SVG).
pub(super) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::desk::Verdict;
    use crate::triage::Language;

    #[test]
    fn the_form_offers_the_verdicts_that_there_are() {
        for language in [Language::English, Language::French] {
            let offered = verdicts(Words::of(language));
            assert_eq!(offered.each_ref().map(|v| v.word), Verdict::ALL.map(Verdict::word));
            let comments = Verdict::ALL.map(Verdict::needs_comment);
            assert_eq!(offered.map(|v| v.needs_comment), comments);
        }
    }
}
