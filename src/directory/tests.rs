use super::*;
use crate::decode::PseudonymKey;

fn hash() -> Pseudonymiser {
    Pseudonymiser::new(PseudonymKey::PUBLIC, "ft")
}

fn fingerprint(id: &str) -> u32 {
    hash().person(id).fingerprint()
}

fn problems<T>(result: Result<T, DirectoryError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn accounts_in_any_shape() {
    let expected = AccountEntry {
        partner: Some("cap-emploi".to_owned()),
        unit: Some("cap emploi; 75".to_owned()),
        role: None,
        machine: true,
        starts_on: Some(19_783),
        ends_on: Some(19_783),
        protected: true,
    };
    let check = |text: &str| {
        let accounts = Accounts::read("a.csv", text.as_bytes()).unwrap();
        assert_eq!(accounts.0.get("svc"), Some(&expected), "{text}");
        assert_eq!(accounts.0.len(), 2, "{text}");
        assert_eq!(accounts.0.get("a"), Some(&AccountEntry::default()), "{text}");
    };
    check(
        "account,partner,unit,role,kind,starts_on,ends_on,protected\n\
         svc,cap-emploi,cap emploi; 75,,machine,2024-03-01,2024-03-01,true\na,,,,,,,\n",
    );
    check(
        "\u{feff}kind;account;protected;unit;partner;ends_on;starts_on\r\n\
         Machine; svc ;YES;\"cap emploi; 75\";cap-emploi;2024-03-01;2024-03-01\r\n;;;;;;\r\n\
         human;a;0;;;;\r\n",
    );
}

#[test]
fn accounts_tell_all_their_errors() {
    let check = |text: &str, expected: &str| {
        assert_eq!(problems(Accounts::read("a.csv", text.as_bytes())), expected, "{text}");
    };
    check("", "a.csv: line 1: the file is empty: its first line names the columns account");
    check(
        "acount,role,role\nx,y,z\n",
        "a.csv: line 1, acount: unknown column: choose among account, partner, unit, role, kind, \
         starts_on, ends_on, protected\n\
         a.csv: line 1, role: the column is there twice: take one out\n\
         a.csv: line 1, account: the column is missing: add it to the first line",
    );
    check(
        "account,kind,starts_on,ends_on,protected\n\
         a,robot,2024-02-30,,maybe\n\
         a,human\n\
         ,,,2024-01-01,\n\
         b,,2024-01-02,2024-01-01,\n\
         \n\
         b,,,,no\n",
        ALL_ERRORS,
    );
    check(
        "account,kind,starts_on,ends_on,protected\r\na,robot,2024-02-30,,maybe\r\na,human\r\n\
         ,,,2024-01-01,\r\nb,,2024-01-02,2024-01-01,\r\n\r\nb,,,,no\r\n",
        ALL_ERRORS,
    );
}

const ALL_ERRORS: &str = "a.csv: line 2, kind: \"robot\" is not known: choose one of human, machine\n\
         a.csv: line 2, starts_on: is no date: write YYYY-MM-DD, or leave it empty\n\
         a.csv: line 2, protected: \"maybe\" is not known: choose one of true, false, yes, no, 1, 0\n\
         a.csv: line 3: 2 values for 5 columns: quote values that hold the separator\n\
         a.csv: line 4, account: is empty: fill it in, or take the line out\n\
         a.csv: line 5, ends_on: lies before starts_on: exchange the two dates\n\
         a.csv: line 7, account: is already on line 5: keep one of the two lines";

#[test]
fn errors_are_bounded() {
    let text = format!("account\n{}", "x,y\n".repeat(29));
    let error = Accounts::read("a.csv", text.as_bytes()).unwrap_err();
    assert_eq!((error.problems.len(), error.more), (20, 9));
    assert!(error.to_string().ends_with("\na.csv: and 9 more"));
}

#[test]
fn other_encodings_are_named() {
    assert_eq!(
        problems(Accounts::read("a.csv", b"account,unit\na,\xe9vry\nb,\n\xff,\n")),
        "a.csv: line 2: not UTF-8: save the file as \"CSV UTF-8\"\n\
         a.csv: line 4: not UTF-8: save the file as \"CSV UTF-8\""
    );
}

#[test]
fn expected_activity() {
    let text = "scope,ceiling,from,to,author,reason\n\
                group:cap-emploi/cap-adviser,400,2024-03-01,,jm,\"transfer, spring\"\n\
                account: svc ,0,,1970-01-01,jm,batch\n";
    let all = read_expected("e.csv", text.as_bytes()).unwrap();
    let group = Scope::Group { partner: "cap-emploi".to_owned(), role: "cap-adviser".to_owned() };
    assert_eq!(
        all[0],
        Expected {
            scope: group,
            ceiling: 400,
            from: Some(19_783),
            to: None,
            author: "jm".to_owned(),
            reason: "transfer, spring".to_owned(),
        }
    );
    assert_eq!((all[1].scope.to_string().as_str(), all[1].to), ("account:svc", Some(0)));
    assert_eq!(
        problems(read_expected(
            "e.csv",
            b"scope,ceiling,from,to,author,reason\nteam:x,-1,2024-01-02,2024-01-01,,\n"
        )),
        "e.csv: line 2, scope: is no scope: write account:NAME, unit:NAME, partner:NAME, role:NAME \
         or group:PARTNER/ROLE\n\
         e.csv: line 2, ceiling: is no number of persons a day: write a whole number\n\
         e.csv: line 2, to: lies before from: exchange the two dates\n\
         e.csv: line 2, author: is empty: fill it in, or take the line out\n\
         e.csv: line 2, reason: is empty: fill it in, or take the line out"
    );
}

#[test]
fn scopes_read_as_written() {
    for text in ["account:a:b", "unit:u", "partner:p", "role:r", "group:p/r/x"] {
        assert_eq!(Scope::parse(text).map(|scope| scope.to_string()).as_deref(), Some(text));
    }
    for text in ["", "account", "account:", "group:p", "group:/r", "group:p/", "team:x"] {
        assert_eq!(Scope::parse(text), None, "{text}");
    }
}

#[test]
fn caseloads_hold_pseudonyms() {
    let text = "person;account\n123;b\nft:123;b\nnir:123;a\n";
    let caseload = Caseload::read("c.csv", text.as_bytes(), &hash()).unwrap();
    let expected =
        vec![("a".to_owned(), fingerprint("nir:123")), ("b".to_owned(), fingerprint("123"))];
    assert_eq!(caseload, Caseload(expected));
    assert_eq!(
        problems(Caseload::read("c.csv", b"person,account\n1840775,\n,a\n1840775,a,b\n", &hash())),
        "c.csv: line 2, account: is empty: fill it in, or take the line out\n\
         c.csv: line 3, person: is empty: fill it in, or take the line out\n\
         c.csv: line 4: 3 values for 2 columns: quote values that hold the separator"
    );
}

#[test]
fn the_last_unit_of_a_person_counts() {
    let text = "person,unit,last_active\n\
                1,old,2024-01-01\n1,new,2024-03-01\n1,older,2023-01-01\n1,undated,\n\
                2,first,\n2,second,\n";
    let units = PersonUnits::read("p.csv", text.as_bytes(), &hash()).unwrap();
    let mut expected = vec![
        (fingerprint("1"), "new".to_owned(), Some(19_783)),
        (fingerprint("2"), "second".to_owned(), None),
    ];
    expected.sort_unstable();
    assert_eq!(units, PersonUnits(expected));
    assert_eq!(
        problems(PersonUnits::read("p.csv", b"person,unit,last_active\n1,,hier\n", &hash())),
        "p.csv: line 2, last_active: is no date: write YYYY-MM-DD, or leave it empty\n\
         p.csv: line 2, unit: is empty: fill it in, or take the line out"
    );
}

#[test]
fn a_reload_may_lose_a_tenth() {
    let check =
        |old, new, expected| assert_eq!(shrinks_too_much(old, new), expected, "{old} {new}");
    check(0, 0, false);
    check(100, 90, false);
    check(100, 89, true);
    check(1, 0, true);
    check(10, 1_000, false);
    check(usize::MAX, usize::MAX, false);
}
