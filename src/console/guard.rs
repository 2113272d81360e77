//! Requests that other sites make people's browsers send: wrong host names (DNS rebinding), foreign
//! origins, and proxies that nobody told us about.

use axum::http::{HeaderMap, Method, Uri, header};

use super::problem::{Code, Problem};
use super::routes::Kind;

/// Names under which this machine reaches itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What a proxy adds.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "via"];

/// Host names that are ours.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    /// The listener can be reached from this machine only.
    pub(super) loopback: bool,
    /// Whoever comes is let in without a login.
    pub(super) open: bool,
    /// Scheme and authority of `public_url`, in lower case.
    pub(super) public: Option<(String, String)>,
}

impl Hosts {
    /// Reads `https://vigie.example:8443`.
    pub(super) fn public_of(url: &str) -> Option<(String, String)> {
        let (scheme, authority) = url.trim_end_matches('/').split_once("://")?;
        Some((scheme.to_ascii_lowercase(), authority.to_ascii_lowercase()))
    }

    /// Refuses what a browser sends for somebody else's page.
    ///
    /// # Errors
    /// The host is not ours, or another site asked.
    pub(super) fn check(
        &self,
        kind: Kind,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let host = host_of(uri, headers)?;
        if !self.knows(&host, kind) {
            let detail = format!(
                "the request names the host `{host}`; use localhost, or set public_url in \
                 [console] to what people type"
            );
            return Err(Problem::new(Code::HostRefused, detail));
        }
        if self.open && FORWARDED.iter().any(|name| headers.contains_key(*name)) {
            let detail = "without login only direct requests are answered; behind a proxy set \
                          public_url and trusted_proxies in [console], and make a user";
            return Err(Problem::new(Code::ProxyRefused, detail));
        }
        if kind == Kind::Ops {
            return Ok(());
        }
        self.same_origin(kind, method, &host, headers)
    }

    /// Names need DNS, which may lie; an address literal cannot be rebound.
    fn knows(&self, host: &str, kind: Kind) -> bool {
        let name = without_port(host);
        if LOOPBACK.contains(&name) || self.public.as_ref().is_some_and(|(_, own)| own == host) {
            return true;
        }
        let literal = name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
        !self.loopback && (self.public.is_none() || literal || kind == Kind::Ops)
    }

    fn same_origin(
        &self,
        kind: Kind,
        method: &Method,
        host: &str,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let refused = |detail: &str| Err(Problem::new(Code::OriginRefused, detail));
        if headers
            .get_all(header::ORIGIN)
            .iter()
            .any(|origin| !self.is_own(origin.as_bytes(), host))
        {
            return refused("the request's Origin is not this console");
        }
        let said = |name: &str| headers.get(name).map(|value| value.as_bytes());
        match said("sec-fetch-site") {
            None | Some(b"same-origin" | b"none") => Ok(()),
            // A link in a mail or in another tool may lead here.
            Some(_)
                if kind == Kind::Page
                    && method.is_safe()
                    && said("sec-fetch-mode") == Some(b"navigate") =>
            {
                Ok(())
            }
            Some(_) => refused("another site's page asked for this"),
        }
    }

    fn is_own(&self, origin: &[u8], host: &str) -> bool {
        let Some((scheme, authority)) = std::str::from_utf8(origin).ok().and_then(Hosts::public_of)
        else {
            return false;
        };
        if self.public.as_ref().is_some_and(|(_, own)| *own == authority) {
            return self.public.as_ref().is_some_and(|(own, _)| *own == scheme);
        }
        authority == host
    }
}

/// Whether a host, with or without a port, is this machine to itself.
pub(super) fn is_loopback_name(host: &str) -> bool {
    LOOPBACK.contains(&without_port(host))
}

/// The one host that the request names, in lower case.
fn host_of(uri: &Uri, headers: &HeaderMap) -> Result<String, Problem> {
    let mut named = headers.get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    let text = match (uri.authority(), first, second) {
        (_, _, Some(_)) => None,
        (Some(authority), ..) => Some(authority.as_str()),
        (None, Some(host), _) => host.to_str().ok(),
        (None, None, _) => None,
    };
    text.filter(|host| !host.is_empty() && !host.contains('@'))
        .map(str::to_ascii_lowercase)
        .ok_or_else(|| Problem::new(Code::BadRequest, "the request must name one host"))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn hosts(loopback: bool, public: Option<&str>) -> Hosts {
        Hosts {
            loopback,
            open: loopback && public.is_none(),
            public: public.and_then(Hosts::public_of),
        }
    }

    fn asked(hosts: &Hosts, kind: Kind, method: Method, said: &[(&str, &str)]) -> Option<Code> {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        hosts.check(kind, &method, &Uri::from_static("/"), &headers).err().map(|p| p.code())
    }

    #[test]
    fn a_rebound_name_never_reaches_a_loopback_console() {
        let here = hosts(true, None);
        let check = |host: &str, wanted: Option<Code>| {
            for kind in [Kind::Page, Kind::Api, Kind::Ops] {
                assert_eq!(asked(&here, kind, Method::GET, &[("host", host)]), wanted, "{host}");
            }
        };
        for own in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "[::1]"] {
            check(own, None);
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8080",
            "10.0.0.1",
            "localhost:8080:80",
            "127.0.0.2",
            "localhost:80@evil.example",
        ] {
            let wanted = if foreign.contains('@') { Code::BadRequest } else { Code::HostRefused };
            check(foreign, Some(wanted));
        }
        assert_eq!(asked(&here, Kind::Page, Method::GET, &[]), Some(Code::BadRequest));
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(asked(&here, Kind::Page, Method::GET, &twice), Some(Code::BadRequest));
    }

    #[test]
    fn beyond_this_machine_the_public_name_counts() {
        let public = hosts(false, Some("https://vigie.example"));
        let check = |kind, host: &str, wanted: Option<Code>| {
            assert_eq!(asked(&public, kind, Method::GET, &[("host", host)]), wanted, "{host}");
        };
        check(Kind::Page, "vigie.example", None);
        check(Kind::Page, "10.1.2.3:8080", None);
        check(Kind::Page, "[2001:db8::1]:8080", None);
        check(Kind::Page, "evil.example", Some(Code::HostRefused));
        check(Kind::Ops, "scraped.internal:8080", None);
    }

    #[test]
    fn other_sites_get_nothing_done_and_read_nothing() {
        let here = hosts(true, None);
        let check = |kind, method: Method, more: &[(&str, &str)], wanted: Option<Code>| {
            let said = [&[("host", "localhost:8080")], more].concat();
            assert_eq!(asked(&here, kind, method, &said), wanted, "{more:?}");
        };
        let refused = Some(Code::OriginRefused);
        check(Kind::Action, Method::POST, &[("origin", "http://localhost:8080")], None);
        check(Kind::Action, Method::POST, &[("origin", "http://localhost:9090")], refused);
        check(Kind::Action, Method::POST, &[("origin", "http://evil.example")], refused);
        check(Kind::Action, Method::POST, &[("origin", "null")], refused);
        check(Kind::Action, Method::POST, &[("sec-fetch-site", "same-origin")], None);
        check(Kind::Action, Method::POST, &[("sec-fetch-site", "none")], None);
        check(Kind::Action, Method::POST, &[("sec-fetch-site", "same-site")], refused);
        let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        check(Kind::Page, Method::GET, &link, None);
        check(Kind::Action, Method::POST, &link, refused);
        check(Kind::Api, Method::GET, &link, refused);
        check(Kind::Page, Method::GET, &[("sec-fetch-site", "cross-site")], refused);
        let proxy = Some(Code::ProxyRefused);
        check(Kind::Page, Method::GET, &[("x-forwarded-for", "1.2.3.4")], proxy);
    }

    #[test]
    fn the_public_origin_has_its_scheme() {
        let public = hosts(true, Some("https://vigie.example"));
        let from = |origin: &str| {
            let said = [("host", "vigie.example"), ("origin", origin)];
            asked(&public, Kind::Action, Method::POST, &said)
        };
        assert_eq!(from("https://vigie.example"), None);
        assert_eq!(from("http://vigie.example"), Some(Code::OriginRefused));
        assert_eq!(from("https://vigie.example:444"), Some(Code::OriginRefused));
    }
}
