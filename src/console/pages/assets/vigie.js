// The console works without this script. With it: notices of what is new (nothing moves until
// somebody asks), forms that answer in place, and keys while the alerts table has focus.
"use strict";
(() => {
  const body = document.body;
  const main = () => document.getElementById("main");
  const notice = document.getElementById("notice");
  const title = { base: document.title };
  const fresh = new Set();

  /* Notices */

  function tell(text, show) {
    notice.textContent = text;
    if (show) {
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = body.dataset.show;
      link.addEventListener("click", (event) => {
        event.preventDefault();
        look(true);
      });
      notice.append(" ", link);
    }
    document.title = (fresh.size ? `(${fresh.size}) ` : "") + title.base;
  }

  function quiet() {
    fresh.clear();
    tell("");
  }

  const rowOf = (id) => main().querySelector(`tr[data-id="${CSS.escape(id)}"]`);
  const shownAlert = () => main().querySelector("[data-alert]")?.dataset.alert;

  function opened(id) {
    if (rowOf(id) || id === shownAlert()) return;
    fresh.add(id);
    const pattern = fresh.size === 1 ? body.dataset.newOne : body.dataset.newMany;
    tell(pattern.replace("{}", fresh.size), document.getElementById("total") !== null);
  }

  function changed(id) {
    if (id === shownAlert()) tell(body.dataset.changed, true);
  }

  /* Fragments: the answer is a whole page, of which the content is taken. */

  function swap(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const content = page.getElementById("main");
    if (!content) return false;
    const kept = typed();
    main().replaceChildren(...content.childNodes);
    restore(kept);
    document.querySelector(".top nav")?.replaceWith(page.querySelector(".top nav") ?? "");
    title.base = page.title;
    quiet();
    return true;
  }

  // What somebody was writing or picking survives a swap.
  function typed() {
    const texts = [...main().querySelectorAll("textarea")].filter((t) => t.value.trim());
    const picks = [...main().querySelectorAll("input[name=pick]:checked")];
    return {
      texts: texts.map((t) => [t.form.getAttribute("action"), t.value, t.closest("details")?.id]),
      picks: picks.map((p) => p.value.split(":")[0]),
    };
  }

  function restore({ texts, picks }) {
    for (const [action, value, details] of texts) {
      const area = main().querySelector(`form[action="${CSS.escape(action)}"] textarea`);
      if (area && !area.value) area.value = value;
      if (area && details) document.getElementById(details).open = true;
    }
    for (const id of picks) {
      const box = rowOf(id)?.querySelector("input[name=pick]");
      if (box) box.checked = true;
    }
  }

  async function look(show) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const html = await answer.text();
      if (show) {
        swap(html);
        main().focus();
        return;
      }
      const page = new DOMParser().parseFromString(html, "text/html");
      page.querySelectorAll("tr[data-id]").forEach((row) => opened(row.dataset.id));
      const version = (root) => root.querySelector("input[name=version]")?.value;
      if (shownAlert() && version(page) !== version(document)) changed(shownAlert());
    } catch {
      // The banner already says that the connection is lost.
    }
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.hasAttribute("data-swap")) return;
    event.preventDefault();
    const row = form.closest("tr")?.dataset.id;
    const data = new URLSearchParams(new FormData(form, event.submitter));
    form.querySelectorAll("textarea").forEach((area) => (area.value = ""));
    form.querySelectorAll("input[name=pick]").forEach((box) => (box.checked = false));
    document.querySelectorAll("input[form=bulk]").forEach((box) => {
      if (form.id === "bulk") box.checked = false;
    });
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { accept: "text/html" } });
      if (!swap(await answer.text())) throw new Error("no page");
    } catch {
      const area = form.querySelector("textarea");
      if (area) area.value = data.get("comment") ?? "";
      tell(body.dataset.failed);
      return;
    }
    const problem = document.getElementById("problem");
    if (problem) problem.scrollIntoView({ block: "nearest" });
    (row ? rowOf(row)?.querySelector("a.name") ?? document.getElementById("region") : null ?? main())?.focus();
  });

  /* Live */

  function listen() {
    const lost = document.getElementById("lost");
    const live = document.getElementById("live");
    let polling = null;
    const source = new EventSource(body.dataset.live);
    source.addEventListener("open", () => {
      if (polling) look(false);
      clearInterval(polling);
      polling = null;
      lost.hidden = true;
      live.hidden = false;
    });
    source.addEventListener("error", () => {
      live.hidden = true;
      lost.hidden = false;
      lost.textContent = body.dataset.lost;
      polling ??= setInterval(() => look(false), 30_000);
    });
    source.addEventListener("alert", (event) => {
      const { id, opened: isNew } = JSON.parse(event.data);
      if (isNew) opened(id);
      else changed(id);
    });
    source.addEventListener("triage", (event) => {
      const { id, version } = JSON.parse(event.data);
      const shown = main().querySelector("input[name=version]")?.value;
      if (String(version) !== shown) changed(id);
    });
  }

  /* Keys, only while the table has focus, and only if wanted */

  const wanted = () => localStorage.getItem("vigie-keys") !== "off";

  function move(row, step) {
    const rows = [...main().querySelectorAll("tr[data-id]")];
    const at = row ? rows.indexOf(row) + step : step > 0 ? 0 : rows.length - 1;
    rows[Math.max(0, Math.min(at, rows.length - 1))]?.querySelector("a.name").focus();
  }

  document.addEventListener("keydown", (event) => {
    const region = event.target.closest?.("#region");
    if (!region || !wanted() || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = event.target.closest("tr[data-id]");
    const go = (place) => row && location.assign(row.dataset.open + place);
    const box = row?.querySelector("input[name=pick]");
    const act = {
      j: () => move(row, 1),
      k: () => move(row, -1),
      x: () => box && (box.checked = !box.checked),
      Enter: () => (event.target === region ? move(null, 1) : null),
      t: () => row?.querySelector("form button")?.click(),
      h: () => go("#hold"),
      c: () => go("#close"),
      "/": () => document.getElementById("q").focus(),
      "?": () => location.assign(region.dataset.help),
    }[event.key];
    if (!act) return;
    if (event.key !== "Enter" || event.target === region) event.preventDefault();
    act();
  });

  function start() {
    const target = location.hash && document.querySelector(`details${location.hash}`);
    if (target) {
      target.open = true;
      target.querySelector("input:not([type=hidden]), select, textarea, button")?.focus();
    }
    const box = document.getElementById("keys-on");
    if (box) {
      document.getElementById("switch").hidden = false;
      box.checked = wanted();
      box.addEventListener("change", () => localStorage.setItem("vigie-keys", box.checked ? "on" : "off"));
    }
    if (body.dataset.live) listen();
  }

  start();
})();
