//! Who runs a command, for the audit trail.

/// Where names of users are; nobody's shell can change it as it can change `$USER`.
const USERS: &str = "/etc/passwd";

/// The user whose process this is: `os:` and the name, else `uid:` and its number. Nobody who signs
/// in to the console has a colon in their name, so that no one is taken for another.
pub(super) fn os_user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = std::fs::read(USERS).unwrap_or_default();
    let name = name_of(uid, &String::from_utf8_lossy(&users));
    name.map_or_else(|| format!("uid:{uid}"), |name| format!("os:{name}"))
}

/// `name:password:uid:…`, one user a line.
fn name_of(uid: u32, users: &str) -> Option<String> {
    let named = |line: &str| {
        let mut parts = line.split(':');
        let (name, number) = (parts.next()?, parts.nth(1)?);
        (number.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
    };
    users.lines().find_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_known_by_their_number() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\n# a comment\nclaire:x:1000:1000::/home:/bin/sh\n";
        for (uid, name) in [(0, Some("root")), (1000, Some("claire")), (7, None)] {
            assert_eq!(name_of(uid, users).as_deref(), name);
        }
        let (kind, name) =
            os_user().split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert!(["os", "uid"].contains(&kind.as_str()) && !name.is_empty());
    }
}
