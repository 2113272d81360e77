// What is new is said, and nothing moves until somebody asks.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { OPEN, browser, calm, close, open, rows, server } from "./support.mjs";

after(() => browser.close());

test("a new alert is a notice; rows stay where they are", async () => {
  const page = await open({ locale: "en" });
  await page.goto(OPEN + "/alerts?sort=opened");
  await page.locator("#live:not([hidden])").waitFor();
  const order = await rows(page);
  await page.locator("input[name=pick]").nth(1).check();
  const [one, two] = [await server("alert"), await server("alert")];
  await page.locator("#notice", { hasText: "2 new alerts" }).waitFor();
  assert.match(await page.title(), /^\(2\) /);
  assert.deepEqual(await rows(page), order);
  await page.locator("#notice a").click();
  await page.locator(`tr[data-id="${two}"]`).waitFor();
  assert.deepEqual((await rows(page)).slice(0, 2), [two, one]);
  assert.equal(await page.locator(`tr[data-id="${order[1]}"] input[name=pick]`).isChecked(), true);
  assert.doesNotMatch(await page.title(), /^\(/);
  await calm(page, "en");
  await close(page);
});

test("a lost connection is said, and its return too", async () => {
  const page = await open({ locale: "fr" });
  await page.goto(OPEN + "/alerts");
  await page.locator("#live:not([hidden])").waitFor();
  await server("stop");
  await page.locator("#lost:not([hidden])").waitFor();
  assert.match(await page.locator("#lost").textContent(), /connexion en direct est perdue/);
  await server("start");
  await page.locator("#lost").waitFor({ state: "hidden", timeout: 30_000 });
  await close(page);
});
