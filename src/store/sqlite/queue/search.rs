//! Alerts by the words that they hold: the trigrams of a word lead to the few alerts that have all
//! of them, and those are then looked at. A word that is short or everywhere leads nowhere.

use rusqlite::{Connection, params};

/// Words of a search that count; the rest is left out.
const WORDS_MAX: usize = 8;

/// Letters that are looked up at a time.
const LETTERS: usize = 3;

/// Trigrams of a word that are looked up: what they find is looked at anyway.
const TRIGRAMS_MAX: usize = 32;

/// More alerts than this are not looked at one by one.
const FEW: u32 = 1_000;

/// Words of a text.
pub(super) fn words(text: Option<&str>) -> Vec<&str> {
    text.unwrap_or_default().split_whitespace().take(WORDS_MAX).collect()
}

/// Ids, as a JSON array, of all alerts that can have one of these words, and so all of them; `None`
/// when every one of the words is of too many alerts to tell, or there is none.
pub(super) fn few(conn: &Connection, words: &[&str]) -> rusqlite::Result<Option<String>> {
    for word in words {
        let Some(trigrams) = trigrams(&word.to_lowercase()) else { continue };
        let (found, ids): (u32, String) = conn
            .prepare_cached(
                "WITH hit (id) AS ( \
                   SELECT id FROM alert_text WHERE seq IN ( \
                     SELECT rowid FROM alert_search WHERE alert_search MATCH ?1 LIMIT ?3) \
                   UNION SELECT * FROM (SELECT id FROM alert_place \
                     WHERE kind IN ('ip', 'device') AND value = ?2 LIMIT ?3)) \
                 SELECT count(*), json_group_array(id) FROM hit",
            )?
            .query_row(params![trigrams, word, FEW + 1], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if found <= FEW {
            return Ok(Some(ids));
        }
    }
    Ok(None)
}

/// A query for all trigrams of a word; `None`: it has none, or holds what no query can.
fn trigrams(word: &str) -> Option<String> {
    let letters: Vec<char> = word.chars().collect();
    let quoted = |letters: &[char]| {
        format!("\"{}\"", letters.iter().collect::<String>().replace('"', "\"\""))
    };
    let some: Vec<String> = letters.windows(LETTERS).take(TRIGRAMS_MAX).map(quoted).collect();
    (!some.is_empty() && !word.contains('\0')).then(|| some.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{AlertFilter, Count, Sort};
    use crate::store::testing::{edited, world};

    #[test]
    fn a_word_is_its_trigrams() {
        assert_eq!(trigrams("év"), None);
        assert_eq!(trigrams("évry").as_deref(), Some("\"évr\" AND \"vry\""));
        assert_eq!(trigrams("a\"b").as_deref(), Some("\"a\"\"b\""));
        assert_eq!(trigrams("abc\0"), None);
        assert_eq!(trigrams(&"x".repeat(9_999)).unwrap().matches("AND").count(), TRIGRAMS_MAX - 1);
    }

    #[test]
    fn rare_words_and_frequent_ones_find_the_same_as_a_look_at_every_alert() {
        let mut world = world();
        world.put((0..1_200).map(|n| {
            edited(&format!("{n:04}"), |a| {
                a.entity.id = format!("cap{n:05}");
                a.explanation =
                    if n % 7 == 0 { "rare \"Évry\" AND NOT*".into() } else { "x".into() };
                a.seen.ips = vec![format!("192.0.2.{}", n % 200)];
                a.exposure.persons = n;
            })
        }));
        let reader = world.reader();
        let found = |text: &str| {
            let filter = AlertFilter { text: Some(text), ..AlertFilter::default() };
            let counts = reader.counts(&filter).unwrap();
            let pages = Sort::ALL.map(|sort| {
                let page = reader.alerts(&filter, sort, None, 1_000).unwrap();
                assert!(page.alerts.len() == counts.matching.counted as usize, "{text}");
                page.alerts.len()
            });
            assert_eq!(pages, [pages[0]; 3]);
            let Count { counted, more } = counts.matching;
            (counted, more)
        };
        for (text, wanted) in [
            ("cap", (1_000, true)),
            ("ca", (1_000, true)),
            ("cap00007", (1, false)),
            ("CAP0000", (10, false)),
            ("évry", (172, false)),
            ("\"évry\"", (172, false)),
            ("cap rare cap0000", (2, false)),
            ("NOT*", (172, false)),
            ("192.0.2.7", (6, false)),
            ("192.0.2.", (0, false)),
            ("cap00007 192.0.2.8", (0, false)),
            ("capcap", (0, false)),
            ("nothing\0", (0, false)),
        ] {
            assert_eq!(found(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_changed_or_taken_is_found_no_more_and_leaves_nothing() {
        let mut world = world();
        let says = |revision, text: &str| {
            edited("A", |a| (a.revision, a.explanation) = (revision, text.into()))
        };
        world.put([says(1, "zebra"), edited("B", |a| a.explanation = "zebu".into())]);
        world.put([says(2, "quagga")]);
        let few = |word| few(world.store.raw(), &[word]).unwrap().unwrap();
        assert_eq!(
            (few("zebra"), few("quagga"), few("zeb")),
            ("[]".into(), "[\"A\"]".into(), "[\"B\"]".into())
        );
        world.store.raw().execute("DELETE FROM alert", []).unwrap();
        assert_eq!((few("quagga").as_str(), few("zeb").as_str()), ("[]", "[]"));
        let left = "SELECT count(*) FROM alert_search_data WHERE instr(block, CAST('qua' AS BLOB)) \
                    OR instr(block, CAST('zeb' AS BLOB)) OR instr(block, CAST('bra' AS BLOB))";
        let left: u32 = world.store.raw().query_row(left, [], |row| row.get(0)).unwrap();
        let texts: u32 = world
            .store
            .raw()
            .query_row("SELECT count(*) FROM alert_text", [], |r| r.get(0))
            .unwrap();
        assert_eq!((left, texts), (0, 0));
    }
}
