// Every page, both languages, wide and narrow, light and dark: accessible, silent, our own.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { OPEN, LOGIN, SCREENS, accessible, browser, calm, close, fits, open, rows } from "./support.mjs";

after(() => browser.close());

const ALERT = process.env.VIGIE_ALERT;
const PAGES = {
  queue: "/alerts",
  empty: "/alerts?q=nothing-like-this",
  closed: "/alerts?view=closed",
  alert: `/alerts/${ALERT}`,
  account: `/accounts/cap00412?alert=${ALERT}`,
  reason: "/accounts/cap00412",
  health: "/health",
  audit: "/audit",
  missing: "/alerts/01HZZ000000000000000000000",
  help: "/help",
  accessibility: "/accessibility",
};
const SHAPES = [
  ["1280-light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["1280-dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
  ["400-light", { viewport: { width: 400, height: 800 }, colorScheme: "light" }],
  ["400-dark", { viewport: { width: 400, height: 800 }, colorScheme: "dark" }],
];

for (const [shape, options] of SHAPES) {
  for (const language of ["en", "fr"]) {
    test(`pages ${shape} ${language}`, async () => {
      const page = await open({ ...options, locale: language });
      for (const [name, path] of Object.entries(PAGES)) {
        await page.goto(OPEN + path);
        // The browser itself reports statuses of 400 and above.
        if (name === "missing") page.complaints = page.complaints.filter((c) => !c.includes("404"));
        await calm(page, language);
        await fits(page);
        await accessible(page);
        await page.screenshot({ path: `${SCREENS}/${name}-${shape}-${language}.png`, fullPage: true });
      }
      await close(page);
    });
  }
}

test("the login page", async () => {
  for (const [shape, options] of SHAPES) {
    const page = await open({ ...options, locale: "fr" });
    await page.goto(LOGIN + "/login");
    await calm(page, "fr");
    await accessible(page);
    await page.screenshot({ path: `${SCREENS}/login-${shape}-fr.png`, fullPage: true });
    await close(page);
  }
});

test("320 px, forced colours, reduced motion", async () => {
  const page = await open({
    viewport: { width: 320, height: 700 },
    forcedColors: "active",
    reducedMotion: "reduce",
  });
  for (const name of ["queue", "alert", "account", "health"]) {
    await page.goto(OPEN + PAGES[name]);
    await calm(page);
    await fits(page);
    await page.screenshot({ path: `${SCREENS}/${name}-320-forced.png`, fullPage: true });
  }
  await close(page);
});

test("what the budget allowed stands beside what was raised", async () => {
  const page = await open({ locale: "en" });
  await page.goto(OPEN + "/health");
  const card = page.locator("#budget");
  const told = await card.getByRole("listitem").first().textContent();
  assert.match(told, /^Rule mass-extraction.volume: \d+ alerts .* a week where 2\.1 are allowed; /);
  const row = card.getByRole("row", { name: /^mass-extraction.volume/ });
  const cells = await row.getByRole("cell").allTextContents();
  assert.deepEqual([cells[0], cells[2], cells[4]], ["8.4", "0", "too many"]);
  assert.ok(Number(cells[1]) >= 45, cells[1]);
  // Names from the log are text, whatever they look like, and those that raised nothing are one line.
  assert.equal(await card.getByRole("row", { name: /^6 others/ }).count(), 1);
  await calm(page);
  await close(page);
});

test("the language switch changes every word and comes back to the page", async () => {
  const page = await open({ locale: "en" });
  await page.goto(OPEN + "/alerts?view=closed");
  await page.getByRole("button", { name: "FR" }).click();
  await page.locator("html[lang=fr]").waitFor();
  assert.equal(new URL(page.url()).search, "?view=closed");
  await calm(page, "fr");
  await page.goto(OPEN + "/health");
  await calm(page, "fr");
  await close(page);
});

test("counts are equal wherever they stand", async () => {
  const page = await open({ locale: "en" });
  await page.goto(OPEN + "/alerts");
  const number = async (locator) => (await locator.first().textContent()).replace(/\D/g, "");
  const nav = await number(page.locator(".top nav .count"));
  const tab = await number(page.locator(".tabs [aria-current] .count"));
  const total = (await page.locator("#total").textContent()).match(/^[\d,]+/)[0].replace(",", "");
  assert.deepEqual([tab, total], [nav, nav]);
  await close(page);
});

test("keyset pages show every alert once", async () => {
  const page = await open({ locale: "en" });
  await page.goto(OPEN + "/alerts?sort=opened");
  const seen = await rows(page);
  while (await page.locator("a[rel=next]").count()) {
    await page.locator("a[rel=next]").click();
    seen.push(...(await rows(page)));
  }
  const total = Number((await page.locator("#total").textContent()).match(/^\d+/)[0]);
  assert.equal(new Set(seen).size, total);
  assert.equal(seen.length, total);
  await close(page);
});

test("what attackers put into names stays text", async () => {
  const page = await open({ locale: "en" });
  await page.goto(OPEN + "/alerts?view=all&q=alert(1)");
  const links = await page.locator("a.name").evaluateAll((all) => all.map((a) => a.href));
  assert.ok(links.length >= 5, `${links.length} odd alerts`);
  for (const link of links) {
    await page.goto(link);
    await calm(page, "en");
    assert.equal(await page.locator("main script, main img, main iframe").count(), 0);
    await page.locator("ul.values a").first().click();
    await calm(page, "en");
  }
  await close(page);
});
