//! Style, script and icon, inside the program, under names that hold a hash of their content: a
//! browser may keep each for ever, and a new vigie is never shown with an old style.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// One file of `/assets/`.
#[derive(Clone, Debug)]
pub struct Asset {
    /// `vigie-0123456789abcdef.css`
    pub name: String,
    /// Its `Content-Type`.
    pub kind: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| named("css", "text/css; charset=utf-8", include_bytes!("assets/vigie.css")));
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    named("js", "text/javascript; charset=utf-8", include_bytes!("assets/vigie.js"))
});
static ICON: LazyLock<Asset> =
    LazyLock::new(|| named("svg", "image/svg+xml", include_bytes!("assets/vigie.svg")));

fn named(ending: &str, kind: &'static str, bytes: &'static [u8]) -> Asset {
    let hash: String = Sha256::digest(bytes)[..8].iter().map(|b| format!("{b:02x}")).collect();
    Asset { name: format!("vigie-{hash}.{ending}"), kind, bytes }
}

/// The asset of this name; `None`: there is none (any more).
#[must_use]
pub fn asset(name: &str) -> Option<&'static Asset> {
    [style(), script(), icon()].into_iter().find(|asset| asset.name == name)
}

pub(super) fn style() -> &'static Asset {
    &STYLE
}

pub(super) fn script() -> &'static Asset {
    &SCRIPT
}

pub(super) fn icon() -> &'static Asset {
    &ICON
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_found_by_the_names_that_pages_use() {
        for one in [style(), script(), icon()] {
            assert_eq!(asset(&one.name).map(|a| a.bytes), Some(one.bytes));
            assert!(!one.bytes.is_empty());
        }
        assert!(asset("vigie.css").is_none());
    }
}
