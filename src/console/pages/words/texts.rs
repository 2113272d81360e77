//! Words of the text pages: keys and accessibility.

use super::words;

words! { TextWords:
    keys_title: "Keyboard", "Clavier";
    keys_text: "These keys work only while the alerts table has focus (Tab to it), so they never disturb typing or a screen reader. They need JavaScript; everything they do is also a link or a button.", "Ces touches n’agissent que lorsque le tableau des alertes a le focus (Tab), donc jamais pendant une saisie ni contre un lecteur d’écran. Elles demandent JavaScript ; tout ce qu’elles font est aussi un lien ou un bouton.";
    key: "Key", "Touche";
    does: "Does", "Effet";
    k_down: "next alert", "alerte suivante";
    k_up: "previous alert", "alerte précédente";
    k_pick: "pick or unpick", "choisir ou non";
    k_open: "open the alert", "ouvrir l’alerte";
    k_take: "take it", "la prendre";
    k_hold: "put it on hold", "la mettre en attente";
    k_close: "close it", "la clore";
    k_search: "go to the search field", "aller à la recherche";
    k_help: "this page", "cette page";
    switch: "Single keys are on in this browser", "Touches simples actives dans ce navigateur";
    a_title: "Accessibility statement", "Déclaration d’accessibilité";
    a_state: "State", "État";
    a_state_text: "This console aims at RGAA 4.1 (WCAG 2.1 AA) and at WCAG 2.2 AA where it applies. It has not been audited by a person. The body that runs it must publish its own statement after an audit.", "Cette console vise le RGAA 4.1 (WCAG 2.1 AA) et le WCAG 2.2 AA là où il s’applique. Aucune personne ne l’a auditée. L’organisme qui l’exploite doit publier sa propre déclaration après audit.";
    a_tested: "What is tested", "Ce qui est testé";
    a_tested_text: "Every page, in both languages, in a real browser with axe-core: no violation of the rules it can check. Handling an alert by keyboard alone, and without JavaScript. Reading at 320 pixels, in light, dark and forced colours.", "Chaque page, dans les deux langues, dans un vrai navigateur avec axe-core : aucune violation des règles vérifiables. Traitement d’une alerte au clavier seul, et sans JavaScript. Lecture à 320 pixels, en clair, sombre et couleurs forcées.";
    a_charts: "Charts", "Graphiques";
    a_charts_text: "Each has a title, a description and a table with the same values.", "Chacun a un titre, une description et un tableau des mêmes valeurs.";
    a_contact: "Something does not work for you?", "Quelque chose ne fonctionne pas pour vous ?";
    a_contact_text: "Tell whoever runs this vigie; in France, the Défenseur des droits can be seized if there is no answer.", "Dites-le à qui exploite cette vigie ; en France, sans réponse, le Défenseur des droits peut être saisi.";
}
