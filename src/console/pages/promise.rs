//! What the false-alert budget allowed beside what was raised, for people.

use super::frame::Frame;
use super::say::Say;
use super::words::PromiseWords;
use crate::watch::promise::{Line, Standing};

/// Lines of a table; the rest is one more.
const LINES_MAX: usize = 12;
/// Sentences about what is over.
const SENTENCES_MAX: usize = 5;

/// The part of the health page that shows it.
pub(super) struct PromisePart<'a> {
    pub(super) w: &'static PromiseWords,
    /// Nothing counts yet.
    pub(super) early: bool,
    pub(super) note: String,
    /// What is over, one sentence each.
    pub(super) over: Vec<String>,
    pub(super) tables: Vec<Table<'a>>,
}

/// One of the tables.
pub(super) struct Table<'a> {
    pub(super) what: &'static str,
    /// What is not shown stands together in the last one.
    pub(super) rows: Vec<Row<'a>>,
}

/// One line of a table, in words.
pub(super) struct Row<'a> {
    pub(super) name: std::borrow::Cow<'a, str>,
    pub(super) allowed: String,
    pub(super) raised: String,
    pub(super) thefts: String,
    pub(super) unjudged: String,
    pub(super) class: &'static str,
    pub(super) finding: &'static str,
}

impl<'a> PromisePart<'a> {
    pub(super) fn of(f: &Frame<'_>, standing: &'a Standing) -> PromisePart<'a> {
        let w = &f.w.promise;
        let kinds =
            [(w.rule, &standing.rules), (w.partner, &standing.partners), (w.role, &standing.roles)];
        let all = kinds.iter().flat_map(|(what, lines)| lines.iter().map(move |l| (*what, l)));
        let over: Vec<_> = all.filter(|(_, line)| line.over).collect();
        let sentences = over.iter().take(SENTENCES_MAX);
        let mut note = w
            .note
            .replace("{days}", &f.say.plural(w.days, days(standing)))
            .replace("{weeks}", &f.say.plural(w.account_weeks, standing.account_weeks));
        if standing.more {
            note = format!("{note} {}", w.more);
        }
        PromisePart {
            w,
            early: standing.days.is_none(),
            note,
            over: sentences.map(|(what, line)| sentence(f, standing, what, line)).collect(),
            tables: kinds.into_iter().filter_map(|(what, l)| table(f, what, l)).collect(),
        }
    }
}

fn days(standing: &Standing) -> u64 {
    (7.0 * standing.weeks()).round() as u64
}

/// `Rule x: 22 alerts that nobody called a theft, 5.5 a week where 1 are allowed; 14 wait …`
fn sentence(f: &Frame<'_>, standing: &Standing, what: &str, line: &Line) -> String {
    let w = &f.w.promise;
    let weeks = standing.weeks().max(1.0 / 7.0);
    let said = f
        .say
        .plural(w.line, line.held())
        .replace("{what}", what)
        .replace("{name}", name(w, line))
        .replace("{week}", &f.say.decimal(line.held() as f64 / weeks))
        .replace("{allowed}", &few(f.say, line.allowed.unwrap_or(0.0) / weeks));
    match line.unjudged {
        0 => format!("{said}."),
        n => format!("{said}{}{}.", f.say.semicolon(), f.say.plural(w.waiting, n)),
    }
}

fn table<'a>(f: &Frame<'_>, what: &'static str, lines: &'a [Line]) -> Option<Table<'a>> {
    // Rules that raised nothing are told together: there are two dozen of them.
    let speaks = |line: &&Line| line.raised > 0 || line.over;
    let shown: Vec<&Line> = lines.iter().filter(speaks).take(LINES_MAX).collect();
    let is_shown = |line: &Line| shown.iter().any(|one| one.name == line.name);
    let rest: Vec<&Line> = lines.iter().filter(|line| !is_shown(line)).collect();
    if lines.is_empty() {
        return None;
    }
    let rows = shown.iter().map(|line| row(f, line));
    let rows = rows.chain((!rest.is_empty()).then(|| together(f, &rest))).collect();
    Some(Table { what, rows })
}

fn row<'a>(f: &Frame<'_>, line: &'a Line) -> Row<'a> {
    let w = &f.w.promise;
    let (class, finding) = match line {
        Line { over: true, .. } => ("bad", w.too_many),
        Line { allowed: None, .. } => ("still", w.declared),
        _ => ("good", w.kept),
    };
    Row {
        name: name(w, line).into(),
        allowed: line.allowed.map_or_else(|| "–".into(), |allowed| few(f.say, allowed)),
        raised: f.say.number(line.raised),
        thefts: f.say.number(line.thefts),
        unjudged: f.say.number(line.unjudged),
        class,
        finding,
    }
}

/// What is not shown, as one line.
fn together(f: &Frame<'_>, lines: &[&Line]) -> Row<'static> {
    let w = &f.w.promise;
    let sum = |of: fn(&Line) -> u64| f.say.number(lines.iter().map(|line| of(line)).sum());
    Row {
        name: f.say.plural(w.others, lines.len() as u64).into(),
        allowed: few(f.say, lines.iter().filter_map(|line| line.allowed).sum()),
        raised: sum(|line| line.raised),
        thefts: sum(|line| line.thefts),
        unjudged: sum(|line| line.unjudged),
        class: "good",
        finding: w.kept,
    }
}

fn name<'a>(w: &'static PromiseWords, line: &'a Line) -> &'a str {
    if line.name.is_empty() { w.unnamed } else { &line.name }
}

/// A small number that is not nothing does not look like nothing.
fn few(say: Say<'_>, x: f64) -> String {
    if x > 0.0 && x < 0.05 { format!("< {}", say.decimal(0.1)) } else { say.decimal(x) }
}
