//! What an access log says without saying it: the action in the method and the path, the outcome
//! in the status, the endpoint and the query template in the address.

use std::borrow::Cow;

use super::draft::Draft;
use super::field::{Field, FieldSet};
use super::pseudonym::Naming;
use super::recipe::{Found, Getter, Record};
use super::scalar::Scalar;

/// Where the parts of an HTTP request are; each may be missing.
#[derive(Debug, Default)]
pub(super) struct HttpRecipe {
    /// A request line, `GET /path?query HTTP/1.1`.
    pub(super) request: Vec<Getter>,
    pub(super) method: Vec<Getter>,
    /// With or without the query.
    pub(super) path: Vec<Getter>,
    pub(super) query: Vec<Getter>,
    pub(super) status: Vec<Getter>,
}

impl HttpRecipe {
    /// Fills what the mapping's own sources left open.
    pub(super) fn fill<'a, N: Naming>(
        &'a self,
        record: Record<'a, '_>,
        given: FieldSet,
        draft: &mut Draft<'a, '_, N>,
    ) {
        let request = text(&self.request, record);
        let (line_method, line_target) = request.as_deref().map_or((None, None), split_request);
        let own_method = text(&self.method, record);
        let own_target = text(&self.path, record);
        let own_query = text(&self.query, record);
        let method = own_method.as_deref().or(line_method);
        let target = own_target.as_deref().or(line_target);
        let (path, query) = match target.map(|t| t.split_once('?').unwrap_or((t, ""))) {
            Some((path, "")) => (Some(path), own_query.as_deref().unwrap_or_default()),
            Some((path, query)) => (Some(path), query),
            None => (None, own_query.as_deref().unwrap_or_default()),
        };
        let mut derive = |field, value: Option<Cow<'a, str>>| {
            if let Some(value) = value.filter(|_| !given.contains(field)) {
                draft.scalar(field, Scalar::Text(value));
            }
        };
        derive(Field::Action, action(method, path).map(Cow::Borrowed));
        derive(Field::Outcome, status(&self.status, record).map(Cow::Borrowed));
        derive(Field::Resource, path.map(|path| Cow::Owned(endpoint(path))));
        derive(Field::Query, (!query.is_empty()).then(|| Cow::Owned(parameters(query))));
    }
}

fn text<'a>(getters: &'a [Getter], record: Record<'a, '_>) -> Option<Cow<'a, str>> {
    getters.iter().find_map(|getter| match getter.find(Field::Resource, record) {
        Found::One(Scalar::Text(text)) => Some(text),
        _ => None,
    })
}

fn split_request(line: &str) -> (Option<&str>, Option<&str>) {
    let mut words = line.split_ascii_whitespace();
    let method = words.next().filter(|word| word.bytes().all(|b| b.is_ascii_alphabetic()));
    (method, words.next().filter(|_| method.is_some()))
}

/// A read of a page opens a record, a search says so in its path, the other methods change
/// something. `None` when there is no method.
fn action(method: Option<&str>, path: Option<&str>) -> Option<&'static str> {
    let method = method?;
    let is = |name: &str| method.eq_ignore_ascii_case(name);
    if !(is("GET") || is("POST") || is("PUT") || is("PATCH") || is("DELETE")) {
        return Some("other");
    }
    let path = path.unwrap_or_default().to_ascii_lowercase();
    if (is("GET") || is("POST")) && (path.contains("search") || path.contains("recherche")) {
        return Some("search");
    }
    Some(if is("GET") { "view" } else { "update" })
}

fn status(getters: &[Getter], record: Record<'_, '_>) -> Option<&'static str> {
    let status = getters.iter().find_map(|getter| match getter.find(Field::Outcome, record) {
        Found::One(Scalar::Text(text)) => text.trim().parse::<u64>().ok(),
        Found::One(Scalar::Unsigned(number)) => Some(number),
        _ => None,
    })?;
    match status {
        401 | 403 => Some("denied"),
        400.. => Some("failure"),
        _ => Some("success"),
    }
}

/// The path with `*` for every segment that holds a digit: a thousand files are one endpoint.
fn endpoint(path: &str) -> String {
    let segment = |text| if contains_digit(text) { "*" } else { text };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn contains_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

/// The names of a query's parameters: its template.
fn parameters(query: &str) -> String {
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    query.split('&').map(name).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_of_requests() {
        let check = |line: &str, expected: Option<&str>| {
            let (method, target) = split_request(line);
            assert_eq!(action(method, target), expected, "{line}");
        };
        check("GET /dossiers/12 HTTP/1.1", Some("view"));
        check("GET /api/Recherche?nom=x HTTP/1.1", Some("search"));
        check("POST /search HTTP/2.0", Some("search"));
        check("PUT /search/12 HTTP/1.1", Some("update"));
        check("post /dossiers", Some("update"));
        check("DELETE /dossiers/12 HTTP/1.1", Some("update"));
        check("OPTIONS * HTTP/1.1", Some("other"));
        check("GET", Some("view"));
        check("\\x16\\x03\\x01", None);
        check("", None);
    }

    #[test]
    fn templates_hold_no_values() {
        assert_eq!(endpoint("/dossiers/1840775/pieces/a1"), "/dossiers/*/pieces/*");
        assert_eq!(parameters("nom=dupont&ne=1970&page"), "nom&ne&page");
    }
}
