//! Words of the account page and of the form before it.

use super::words;

words! { AccountWords:
    title: "Account {}", "Compte {}";
    recorded: "This view is recorded in the audit trail.", "Cette consultation est enregistrée dans la piste d’audit.";
    from_alert: "You came from alert {}.", "Vous venez de l’alerte {}.";
    from_reason: "Reason given: {}", "Motif donné : {}";
    who: "Who", "Qui";
    partner: "Partner", "Partenaire";
    unit: "Unit", "Unité";
    role: "Role", "Rôle";
    kind: "Kind", "Nature";
    kind_human: "person", "personne";
    kind_machine: "machine", "machine";
    kind_source: "address", "adresse";
    day: "Its day", "Son jour";
    days_closed: "Days known", "Jours connus";
    days: "{} day|{} days", "{} jour|{} jours";
    baseline: "Baseline", "Référence";
    baseline_own: "its own days", "ses propres jours";
    baseline_learning: "shipped values and peers: still learning", "valeurs fournies et pairs : apprend encore";
    no_card: "vigie has not seen this account since it started, or had no room for its card. Its days and alerts are below.", "vigie n’a pas vu ce compte depuis son démarrage, ou n’avait plus de place pour sa fiche. Ses jours et alertes sont ci-dessous.";
    thresholds: "What is normal today", "Ce qui est normal aujourd’hui";
    thresholds_caption: "Thresholds of the day, by what is counted", "Seuils du jour, par mesure";
    t_what: "Counted", "Compté";
    t_window: "Window", "Fenêtre";
    t_expected: "Mean", "Moyenne";
    t_usual: "Usually at most", "D’habitude au plus";
    t_alert: "Alert at", "Alerte à";
    not_judged: "not judged yet", "pas encore jugé";
    history: "Last 90 days", "90 derniers jours";
    history_title: "Persons read each day", "Personnes lues chaque jour";
    history_desc: "A bar a day on a logarithmic scale: persons listed, inside it persons opened, a diamond for foreign origins; triangles mark days with an alert.", "Une barre par jour, échelle logarithmique : personnes listées, dedans les ouvertes, un losange pour les origines étrangères ; les triangles marquent les jours d’alerte.";
    history_none: "No day has been kept yet.", "Aucun jour gardé pour l’instant.";
    h_day: "Day", "Jour";
    h_listed: "Persons listed", "Personnes listées";
    h_opened: "Persons opened", "Personnes ouvertes";
    h_foreign: "Foreign origins", "Origines étrangères";
    h_alert: "Alert", "Alerte";
    alerts: "Its alerts", "Ses alertes";
    alerts_none: "This account never had an alert.", "Ce compte n’a jamais eu d’alerte.";
    reason_title: "Why do you look at {}?", "Pourquoi consulter {} ?";
    reason_text: "An account’s behaviour is personal data. Come from one of its alerts, or say why you look. The reason is recorded with your name.", "Le comportement d’un compte est une donnée personnelle. Venez d’une de ses alertes, ou dites pourquoi. Le motif est enregistré avec votre nom.";
    reason: "Reason", "Motif";
    reason_hint: "At least 8 characters, for example a ticket number.", "8 caractères au moins, par exemple un numéro de ticket.";
    reason_short: "This reason is too short.", "Ce motif est trop court.";
    reason_send: "Show the account", "Afficher le compte";
}
