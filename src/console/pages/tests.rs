//! What holds for every page, whatever it is told: nothing of a log becomes markup, nothing is
//! styled or scripted inline, both languages speak.

use super::samples::*;
use super::*;
use crate::triage::Language;

pub(super) use super::samples::chrome;

const LANGUAGES: [Language; 2] = [Language::English, Language::French];

/// What attackers put into account names, agents and comments.
const CORPUS: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "</textarea><iframe srcdoc=x>",
    "\u{202e}gnp.\u{0}<b>",
];

/// Every page, every field of which that comes from outside holds `odd`.
fn pages(language: Language, odd: Option<&str>) -> Vec<(&'static str, String)> {
    let mut chrome = chrome(language);
    if let Some(text) = odd {
        chrome.path = format!("/alerts?q={text}");
        chrome.user = chrome.user.map(|user| User { name: text.into(), ..user });
    }
    let world = World::new(odd);
    let problem = Problem {
        kind: odd.map_or(ProblemKind::Stale, |text| ProblemKind::Refused(text.into())),
        action: "close".into(),
        verdict: Some("test".into()),
        comment: odd.unwrap_or("Seen with the manager.").into(),
    };
    let failed = AlertPage { problem: Some(problem), ..world.alert_page() };
    let mut closed = world.alert_page();
    closed.triage.state = crate::store::sqlite::TriageState::Closed;
    let reason = AccountReason { name: world.name.clone(), too_short: true };
    let login = Login {
        name: world.name.clone(),
        back: chrome.path.clone(),
        failed: Some(LoginFailure::Wrong),
    };
    let failure = Failure { kind: FailureKind::Internal, request_id: world.name.clone() };
    vec![
        ("queue", queue(&world.queue(), &chrome)),
        ("queue-empty", queue(&world.empty_queue(), &chrome)),
        ("alert", alert(&world.alert_page(), &chrome)),
        ("alert-problem", alert(&failed, &chrome)),
        ("alert-closed", alert(&closed, &chrome)),
        ("account", account(&world.account(), &chrome)),
        ("reason", account_reason(&reason, &chrome)),
        ("health", health(&world.health(), &chrome)),
        ("audit", audit(&world.audit(), &chrome)),
        ("login", super::login(&login, &Chrome { user: None, ..chrome.clone() })),
        ("failure", super::failure(&failure, &chrome)),
        ("keys", text(Text::Keys, &chrome)),
        ("accessibility", text(Text::Accessibility, &chrome)),
    ]
}

/// The tags of a page with what stands between quotes left out.
fn tags(html: &str) -> Vec<String> {
    let unquoted = |tag: &str| tag.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
    let found = html.split('<').skip(1).filter_map(|part| part.split_once('>'));
    found.map(|(tag, _)| unquoted(tag)).collect()
}

#[test]
fn nothing_from_a_log_becomes_markup() {
    for odd in CORPUS {
        for language in LANGUAGES {
            for (name, html) in pages(language, Some(odd)) {
                assert!(!html.is_empty(), "{name}");
                let harmless = !odd.contains(['<', '>', '"', '\'']);
                assert!(harmless || !html.contains(odd), "{name} with {odd}");
                for forbidden in ["<img", "<iframe", "<svg/", "<b>\n"] {
                    assert!(!html.contains(forbidden), "{name} with {odd}: {forbidden}");
                }
            }
        }
    }
}

#[test]
fn nothing_is_styled_or_scripted_inline() {
    for (odd, language) in CORPUS.iter().flat_map(|odd| LANGUAGES.map(|language| (odd, language))) {
        for (name, html) in pages(language, Some(odd)) {
            for tag in tags(&html) {
                assert!(!tag.contains(" style="), "{name}: {tag}");
                let handler =
                    tag.split([' ', '\n']).any(|a| a.starts_with("on") && a.contains('='));
                assert!(!handler, "{name}: {tag}");
            }
            assert!(!html.contains("=\"javascript:") || *odd == CORPUS[4], "{name}");
            assert!(!html.contains("href=\"javascript:"), "{name}");
            assert_eq!(html.matches("<script").count(), 1, "{name}");
            assert!(html.contains("defer></script>"), "{name}");
            assert!(!html.contains("<style"), "{name}");
            assert_eq!(html.matches("<h1").count(), 1, "{name}");
        }
    }
}

#[test]
fn pages_speak_their_language() {
    for ((name, english), (_, french)) in
        pages(Language::English, None).iter().zip(&pages(Language::French, None))
    {
        assert!(english.contains("<html lang=\"en\">"), "{name}");
        assert!(french.contains("<html lang=\"fr\">"), "{name}");
        assert!(french.contains("Aller au contenu"), "{name}");
        // Two patterns are the script's; no other place is left unfilled.
        assert_eq!((english.matches("{}").count(), french.matches("{}").count()), (2, 2), "{name}");
    }
}

#[test]
fn blindness_is_told_in_the_language_of_the_page() {
    let page = World::new(None).health();
    let [english, french] = page.blind[0].detail.clone();
    for (language, said, unsaid) in
        [(Language::English, &english, &french), (Language::French, &french, &english)]
    {
        let html = health(&page, &chrome(language));
        assert!(html.contains(said) && !html.contains(unsaid), "{said}");
    }
}

#[test]
fn too_many_alerts_are_told_in_plain_words_and_the_quiet_rules_together() {
    let world = World::new(None);
    let mut page = world.health();
    for (language, sentence, others) in [
        (
            Language::English,
            "Rule mass-extraction.volume: 18 alerts that nobody called a theft, 4.5 a week where \
             0.4 are allowed; 14 wait for a verdict.",
            "2 others",
        ),
        (
            Language::French,
            "Règle mass-extraction.volume\u{a0}: 18 alertes que personne n’a jugées vol, 4,5 par \
             semaine là où 0,4 sont permises\u{202f}; 14 attendent un verdict.",
            "2 autres",
        ),
    ] {
        let html = health(&page, &chrome(language));
        assert!(html.contains(sentence), "{html}");
        assert!(html.contains(others) && !html.contains("mass-extraction.misses"), "{html}");
    }
    let html = health(&page, &chrome(Language::English));
    assert!(html.contains("28 days that are over, 16,000 account weeks."), "{html}");
    let caf = "caf: 18 alerts that nobody called a theft, 4.5 a week where 1 are allowed.</li>";
    assert!(html.contains(caf), "{html}");
    assert!(html.contains("only the newest are counted") && html.contains("not in the log"));

    page.promise.rules.iter_mut().for_each(|line| line.over = false);
    page.promise.partners.clear();
    let html = health(&page, &chrome(Language::English));
    assert!(html.contains("Nothing is above what the budget allows"), "{html}");
    page.promise = crate::watch::promise::Standing::default();
    let html = health(&page, &chrome(Language::English));
    assert!(html.contains("from the 29th day on") && !html.contains("Nothing is above"), "{html}");
}

#[test]
fn a_campaign_is_counted_and_leads_to_its_alerts() {
    let world = World::new(None);
    for (language, row, more, page) in [
        (
            Language::English,
            "3 alerts of one campaign",
            "1,000+ alerts of one campaign",
            ["5 alerts of one campaign", "same session s-1", "by way of another alert"],
        ),
        (
            Language::French,
            "3 alertes d’une même campagne",
            "1 000+ alertes d’une même campagne",
            ["5 alertes d’une même campagne", "même session s-1", "par une autre alerte"],
        ),
    ] {
        let chrome = chrome(language);
        let html = queue(&world.queue(), &chrome);
        assert!(html.contains(&format!("#campaign\">{row}</a>")), "{html}");
        let spaces = ['\u{a0}', '\u{202f}'];
        assert!(html.replace(spaces, " ").contains(more), "{html}");
        assert_eq!(html.matches("#campaign").count(), 2, "who stands alone is no campaign");
        let html = alert(&world.alert_page(), &chrome);
        assert!(page.iter().all(|words| html.contains(words)), "{html}");
        let alone = AlertPage { mates: Count { value: 1, capped: false }, ..world.alert_page() };
        assert!(!alert(&alone, &chrome).contains("#campaign"));
    }
}

#[test]
fn forms_say_which_session_and_which_version() {
    let world = World::new(None);
    let html = alert(&world.alert_page(), &chrome(Language::English));
    let forms: Vec<&str> = html.split("<form").skip(1).collect();
    let posts = forms.iter().filter(|form| form.contains("method=\"post\""));
    for form in posts {
        let form = form.split("</form>").next().unwrap_or("");
        assert!(form.contains("name=\"csrf\" value=\"token\""), "{form}");
        if form.contains("action=\"/alerts/") {
            assert!(form.contains("name=\"version\" value=\"2\""), "{form}");
        }
    }
}

#[test]
fn who_may_only_look_gets_no_forms() {
    let mut chrome = chrome(Language::English);
    chrome.user = Some(User { name: "v".into(), ..User::default() });
    let world = World::new(None);
    for html in [queue(&world.queue(), &chrome), alert(&world.alert_page(), &chrome)] {
        assert!(!html.contains("action=\"/alerts/"), "{html}");
        assert!(!html.contains("/audit"));
    }
}

#[test]
fn no_alert_does_not_look_like_no_data() {
    let chrome = chrome(Language::English);
    let check = |reading: Reading, want: &str| {
        let page = Queue { reading, ..World::new(None).empty_queue() };
        let html = queue(&page, &chrome);
        assert!(html.contains(want), "{want}");
        assert!(html.contains("href=\"/health\""));
    };
    let well = Reading { shards: 3, last_event_at: Some(chrome.now), ..Reading::default() };
    check(well, "silence means that nothing stood out");
    check(Reading { ended: true, ..well }, "read to its end");
    check(Reading { last_event_at: None, ..well }, "no all-clear");
    check(Reading { unreachable: 1, ..well }, "Something is not being read");
    check(Reading { blind: 1, ..well }, "Something is not being read");
}
