// What the browser tests share: a browser that complains, axe, screenshots, the server's strings.
import { createRequire } from "node:module";
import { readFileSync, mkdirSync } from "node:fs";
import assert from "node:assert/strict";

const require = createRequire(process.env.VIGIE_PEERS + "/");
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export const OPEN = process.env.VIGIE_OPEN;
export const LOGIN = process.env.VIGIE_LOGIN;
export const SCREENS = process.env.VIGIE_SCREENS;
mkdirSync(SCREENS, { recursive: true });

export const browser = await chromium.launch({
  executablePath: process.env.VIGIE_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});

// Asks the Rust side to do something to the server: alert, stop, start.
export async function server(what) {
  const answer = await fetch(`${process.env.VIGIE_CONTROL}/${what}`);
  assert.equal(answer.status, 200, what);
  return answer.text();
}

// A page that remembers everything a calm console never does.
export async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await context.addInitScript(() => {
    window.violations = [];
    addEventListener("securitypolicyviolation", (e) => {
      window.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`);
    });
  });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.complaints.push(message.text());
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    page.complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (![OPEN, LOGIN].includes(origin) && protocol !== "data:") {
      page.complaints.push(`foreign request: ${request.url()}`);
    }
  });
  return page;
}

export async function close(page) {
  await page.context().close();
}

// Nothing to complain about so far, and one h1 in the right language.
export async function calm(page, language) {
  const about = page.url();
  assert.deepEqual(page.complaints, [], about);
  const violations = await page.evaluate(() => window.violations);
  assert.deepEqual(violations, [], about);
  assert.equal(await page.locator("h1").count(), 1, about);
  if (language) assert.equal(await page.locator("html").getAttribute("lang"), language, about);
}

export async function accessible(page) {
  // The policy forbids script elements; the debugger may evaluate.
  await page.evaluate(`${AXE};0`);
  const found = await page.evaluate((rules) => axe.run(document, { runOnly: rules }), RULES);
  assert.ok(found.passes.length > 5, "axe checked something");
  const told = found.violations.map((v) => [v.id, v.nodes.map((n) => [n.html, n.failureSummary])]);
  assert.deepEqual(told, [], page.url());
}

export async function fits(page) {
  const [content, window] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    innerWidth,
  ]);
  assert.ok(content <= window, `${page.url()} is ${content} px wide in ${window}`);
}

export const rows = (page) =>
  page.locator("tr[data-id]").evaluateAll((all) => all.map((row) => row.dataset.id));
