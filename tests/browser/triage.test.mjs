// From the queue to a verdict: by keyboard alone, without JavaScript, and two people at once.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { LOGIN, OPEN, browser, calm, close, open, rows } from "./support.mjs";

after(() => browser.close());

const focused = (page) => page.evaluate(() => document.activeElement?.closest("tr")?.dataset.id);

test("by keyboard alone", async () => {
  const page = await open({ locale: "en" });
  await page.goto(OPEN + "/alerts");
  const order = await rows(page);
  while ((await page.evaluate(() => document.activeElement.id)) !== "region") {
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("j");
  assert.equal(await focused(page), order[0]);
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  assert.equal(await focused(page), order[0]);
  await page.keyboard.press("x");
  assert.equal(await page.locator("input[name=pick]:checked").count(), 1);
  await page.keyboard.press("x");
  await page.keyboard.press("t");
  const row = page.locator(`tr[data-id="${order[0]}"]`);
  await row.getByText("In progress").waitFor();
  assert.equal(await focused(page), order[0], "focus stays on the row");
  assert.deepEqual(await rows(page), order, "no row moved");
  await page.keyboard.press("c");
  await page.waitForURL(/#close$/);
  await page.waitForFunction(() => document.activeElement.name === "verdict");
  await page.keyboard.press("Space");
  for (let n = 0; n < 20 && (await page.evaluate(() => document.activeElement.name)) !== "comment"; n++) {
    await page.keyboard.press("Tab");
  }
  await page.keyboard.type("Called the site.");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator(".panel .state-closed").waitFor();
  await page.getByText("Called the site.").waitFor();
  await calm(page, "en");
  await close(page);
});

test("keys do nothing outside the table, nor when switched off", async () => {
  const page = await open({ locale: "en" });
  await page.goto(OPEN + "/alerts");
  await page.keyboard.press("?");
  await page.locator("#q").press("j");
  assert.equal(await page.locator("#q").inputValue(), "j");
  assert.match(page.url(), /\/alerts$/);
  await page.goto(OPEN + "/help");
  await page.locator("#keys-on").uncheck();
  await page.goto(OPEN + "/alerts");
  await page.locator("#region").focus();
  await page.keyboard.press("j");
  assert.equal(await focused(page), undefined);
  await close(page);
});

test("without JavaScript, from the login to the logout", async () => {
  const page = await open({ locale: "en", javaScriptEnabled: false });
  await page.goto(LOGIN + "/alerts?view=new");
  await page.getByLabel("Name").fill("analyst");
  await page.getByLabel("Password").fill(process.env.VIGIE_PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  assert.equal(await page.locator("h1").textContent(), "New alerts");
  const link = page.locator("a.name").first();
  const name = await link.textContent();
  await page.getByRole("button", { name: `Take ${name}`, exact: true }).first().click();
  await page.goto(LOGIN + "/alerts?view=mine");
  await page.locator("a.name").first().click();
  const form = page.locator("#close form");
  await form.getByText("Expected activity").click();
  await form.getByRole("button", { name: "Close the alert" }).click();
  assert.match(await page.locator("#problem").textContent(), /needs a comment/);
  await page.locator("#close textarea").fill("A declared migration.");
  await page.locator("#close").getByRole("button", { name: "Close the alert" }).click();
  assert.equal(await page.locator(".panel .state").textContent(), "Closed");
  assert.match(await page.locator(".stream").textContent(), /closed it: Expected activity/);
  await page.locator("#reopen button").click();
  assert.notEqual(await page.locator(".panel .state").textContent(), "Closed");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.goto(LOGIN + "/alerts");
  assert.match(page.url(), /\/login/);
  await close(page);
});

test("the second of two people is told, and keeps the text", async () => {
  const [first, second] = [await open({ locale: "en" }), await open({ locale: "en" })];
  await first.goto(OPEN + "/alerts?view=new");
  const link = await first.locator("a.name").first().getAttribute("href");
  for (const page of [first, second]) await page.goto(OPEN + link);
  await second.locator("#comment summary").click();
  await second.locator("#comment textarea").fill("Mine.");
  await first.getByRole("button", { name: "Take", exact: true }).click();
  await first.locator(".panel .state-in_progress").waitFor();
  await second.locator("#notice a").waitFor();
  await second.locator("#comment button").click();
  assert.match(await second.locator("#problem").textContent(), /Somebody changed this alert/);
  assert.equal(await second.locator("#comment textarea").inputValue(), "Mine.");
  await second.locator("#comment button").click();
  await second.locator(".stream q", { hasText: "Mine." }).waitFor();
  for (const page of [first, second]) await close(page);
});

test("several at once, with a result for each", async () => {
  const page = await open({ locale: "en" });
  await page.goto(OPEN + "/alerts?view=new");
  const picked = (await rows(page)).slice(0, 2);
  for (const id of picked) await page.locator(`tr[data-id="${id}"] input[name=pick]`).check();
  await page.locator("#bulk").getByRole("button", { name: "Take", exact: true }).click();
  await page.locator(".flash").waitFor();
  assert.match(await page.locator(".flash").textContent(), /^2 alerts changed/);
  const left = await rows(page);
  assert.ok(picked.every((id) => !left.includes(id)));
  await calm(page, "en");
  await close(page);
});
