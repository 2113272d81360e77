//! Devices, addresses and networks: who acts from where. A place of one account is a line in a
//! table; one that several accounts share becomes a pool.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::alert::EntityKind;
use crate::detect::time::Day;

/// What is remembered about one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Last day on which anybody acted from it.
    pub(super) last: Day,
    /// Whose it is.
    pub(super) whose: Whose,
}

/// Whose a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Whose {
    /// One account's so far.
    Account(u32),
    /// Several accounts': the pool of that number.
    Pool(u32),
    /// Several accounts' for so long that it says nothing any more.
    Everybody,
}

/// The name of the network that an address lies in: /24 of IPv4, /48 of IPv6.
pub(super) fn network_of(address: &str) -> Option<String> {
    Some(match address.parse().ok()? {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let s = v6.segments();
            let prefix = std::net::Ipv6Addr::new(s[0], s[1], s[2], 0, 0, 0, 0, 0);
            format!("{prefix}/48")
        }
    })
}

/// Kinds of place, narrowest first: what one explains is not told again by a wider one.
pub(super) const KINDS: [EntityKind; 3] =
    [EntityKind::Device, EntityKind::Source, EntityKind::Network];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_named_by_their_prefix() {
        for (address, network) in [
            ("192.0.2.77", Some("192.0.2.0/24")),
            ("2001:db8:1:2::3", Some("2001:db8:1::/48")),
            ("::1", Some("::/48")),
            ("vpn-gateway", None),
            ("192.0.2.300", None),
        ] {
            assert_eq!(network_of(address).as_deref(), network);
        }
    }
}
