//! Words of what the false-alert budget allowed beside what was raised.

use super::words;

words! { PromiseWords:
    title: "Allowed and raised", "Permises et levées";
    early: "Rules, partners and roles are compared from the 29th day on.", "Règles, partenaires et rôles sont comparés à partir du 29e jour.";
    note: "{days} that are over, {weeks}. An alert of medium or more counts once, at the rule that opened it; partners and roles count alerts about single accounts. What you judged a theft is not held against the promise; what nobody has judged is.", "{days} révolus, {weeks}. Une alerte moyenne ou pire compte une fois, à la règle qui l’a ouverte ; partenaires et rôles comptent les alertes sur un seul compte. Ce que vous avez jugé vol n’est pas imputé à la promesse ; ce que personne n’a jugé l’est.";
    days: "{} day|{} days", "{} jour|{} jours";
    account_weeks: "{} account week|{} account weeks", "{} semaine de compte|{} semaines de compte";
    more: "There were so many alerts that only the newest are counted.", "Il y a eu tant d’alertes que seules les plus récentes sont comptées.";
    within: "Nothing is above what the budget allows by more than chance explains.", "Rien ne dépasse ce que le budget permet au-delà du hasard.";
    over: "More alerts than the budget allows, by more than chance explains:", "Plus d’alertes que le budget n’en permet, au-delà du hasard :";
    line: "{what} {name}: {} alert that nobody called a theft, {week} a week where {allowed} are allowed|{what} {name}: {} alerts that nobody called a theft, {week} a week where {allowed} are allowed", "{what} {name} : {} alerte que personne n’a jugée vol, {week} par semaine là où {allowed} sont permises|{what} {name} : {} alertes que personne n’a jugées vol, {week} par semaine là où {allowed} sont permises";
    waiting: "{} waits for a verdict|{} wait for a verdict", "{} attend un verdict|{} attendent un verdict";
    todo: "Judge those that wait first: thefts do not count. Declare in expected.csv what is innocent and known beforehand; a rule that goes on like this needs a smaller share.", "Jugez d’abord celles qui attendent : les vols ne comptent pas. Déclarez dans expected.csv ce qui est innocent et connu d’avance ; une règle qui continue ainsi demande une part plus petite.";
    rule: "Rule", "Règle";
    partner: "Partner", "Partenaire";
    role: "Role", "Rôle";
    allowed: "Allowed", "Permises";
    raised: "Raised", "Levées";
    thefts: "Thefts", "Vols";
    unjudged: "Not judged", "Non jugées";
    finding: "Finding", "Constat";
    kept: "kept", "tenue";
    too_many: "too many", "trop";
    declared: "no share of the budget", "sans part du budget";
    others: "{} other|{} others", "{} autre|{} autres";
    unnamed: "not in the log", "absent du journal";
}
