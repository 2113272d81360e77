//! What an organisation's directory would say about the world.

use super::{World, persons};

/// The directory of the world as `accounts.csv`.
pub(super) fn accounts_csv(world: &World) -> String {
    let mut out = String::from("account,partner,unit,role,kind,starts_on,ends_on,protected\n");
    let date = |day: Option<u32>| {
        let day = day.and_then(|d| world.days.get(d as usize));
        day.map_or(String::new(), |d| d.date.to_string())
    };
    for account in world.network.accounts.iter().filter(|a| a.listed) {
        let unit = &world.network.units[account.unit as usize];
        let machine = account.is_machine();
        // The last day of service is the day before the first without.
        let last = account.ends.filter(|_| account.end_listed).map(|d| d.saturating_sub(1));
        out.push_str(&format!(
            "{},{},{},{},{},{},{},{machine}\n",
            account.name,
            unit.partner,
            unit.name,
            account.role(),
            if machine { "machine" } else { "human" },
            date(account.starts),
            date(last),
        ));
    }
    out
}

/// Every person in use and its usual unit, as `persons.csv`.
pub(super) fn persons_csv(world: &World) -> String {
    let mut out = String::from("person,unit,last_active\n");
    for number in (0..world.network.active).map(persons::active) {
        if let Some(unit) = world.unit_of(number) {
            out.extend(persons::id(number).map(char::from));
            out.push_str(&format!(",{unit},\n"));
        }
    }
    out
}
