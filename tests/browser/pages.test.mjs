// Opens every kind of page from the disk in Chromium. `make browser` makes the site of the demo and runs this.
//   QI_SITE: folder of a site; QI_CHROMIUM: the browser; QI_SCREENSHOTS: a folder for pictures at three widths.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const site = path.resolve(process.env.QI_SITE ?? "../../qi_home/site/current");
const browserPath = process.env.QI_CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((each) => existsSync(each));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf-8");
const WIDTHS = { phone: 390, laptop: 1366, wall: 2560 };
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

let browser;
before(async () => { browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] }); });
after(() => browser?.close());

const address = (place) => pathToFileURL(path.join(site, place)).href;
const organisations = readdirSync(path.join(site, "organisations")).sort();

// The organisation with the most pages, and of its series the largest page: most features on one page.
function largest(folder, ending = ".html") {
  const names = readdirSync(path.join(site, folder)).filter((name) => name.endsWith(ending));
  const sized = names.map((name) => [readFileSync(path.join(site, folder, name)).length, name]);
  return path.posix.join(folder, sized.sort(([a], [b]) => b - a)[0][1]);
}
const most = organisations.map((code) => [readdirSync(path.join(site, "organisations", code, "m")).length, code]).sort(([a], [b]) => b - a)[0][1];
const folder = path.posix.join("organisations", most);
const series = largest(`${folder}/m`);
const withStrata = readdirSync(path.join(site, folder, "m")).find((name) => /quintile-1.*html$/.test(name));
const kinds = {
  ...Object.fromEntries(readdirSync(site).filter((name) => /^[a-z-]+\.html$/.test(name)).map((name) => [name.replace(".html", ""), name])),
  "organisation": `${folder}/index.html`,
  "organisation-measures": `${folder}/measures.html`,
  "organisation-projects": `${folder}/projects.html`,
  ...(existsSync(path.join(site, folder, "maturity.html")) ? { "organisation-maturity": `${folder}/maturity.html`, "organisation-outcomes": `${folder}/outcomes.html` } : {}),
  "series": series,
  ...(withStrata ? { "series-stratum": `${folder}/m/${withStrata}` } : {}),
  "project": largest(`${folder}/p`),
};

async function open(place, options = {}) {
  const context = await browser.newContext({ viewport: { width: WIDTHS.laptop, height: 900 }, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) faults.push(message.text()); });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("request", (request) => { if (!/^(file|data):/.test(request.url())) faults.push(`asks ${request.url()}`); });
  page.on("requestfailed", (request) => faults.push(`failed ${request.url()}`));
  await page.goto(address(place));
  return { page, faults, close: () => context.close() };
}

for (const [kind, place] of Object.entries(kinds)) {
  test(`${kind} opens without an error or a request, and axe finds nothing`, async () => {
    const { page, faults, close } = await open(place);
    for (const [name, width] of Object.entries(WIDTHS)) {
      await page.setViewportSize({ width, height: name === "phone" ? 844 : 1000 });
      const spill = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(spill <= 0, `${kind} is ${spill} pixels wider than a ${name}`);
      if (process.env.QI_SCREENSHOTS) {
        mkdirSync(process.env.QI_SCREENSHOTS, { recursive: true });
        await page.screenshot({ path: path.join(process.env.QI_SCREENSHOTS, `${kind}-${name}.png`), clip: { x: 0, y: 0, width, height: 1700 }, fullPage: true });
      }
      if (name !== "wall") {
        await page.evaluate(axe);
        const found = await page.evaluate((rules) => axe.run(document, { runOnly: rules, resultTypes: ["violations"], preload: false }), RULES);
        assert.deepEqual(found.violations.map((each) => `${name}: ${each.id}: ${each.nodes.length} × ${each.nodes[0].html.slice(0, 160)} ${each.nodes[0].failureSummary}`), []);
      }
    }
    assert.deepEqual(faults, []);
    await close();
  });
}

test("search and filters narrow the summary table to what fits, over all its parts", async () => {
  const { page, faults, close } = await open(`${folder}/measures.html`);
  const total = Number((await page.locator(".lede").textContent()).match(/[\d,]+/)[0].replace(",", ""));
  const rows = page.locator("table.listing tbody tr:not([hidden])");
  const first = await rows.count();
  await page.getByLabel("Search").fill("zzzz no measure is called this");
  await page.waitForFunction((all) => document.querySelector("output").textContent === `0 of ${all} shown`, total.toLocaleString("en-GB"));
  assert.equal(await rows.count(), 0);
  await page.getByLabel("Search").fill("");
  await page.waitForFunction((all) => document.querySelectorAll("table.listing tbody tr:not([hidden])").length === all, total);
  assert.ok(total >= first);
  const select = page.getByLabel("Family");
  const option = await select.locator("option").nth(1).textContent();
  await select.selectOption(option);
  const families = await rows.evaluateAll((found) => found.map((row) => row.cells[0].querySelector("small").textContent));
  assert.ok(families.length > 0);
  assert.deepEqual(families.filter((text) => !text.split(" · ").includes(option)), []);
  await page.getByRole("button", { name: "Mean" }).click();
  const means = (await rows.evaluateAll((found) => found.map((row) => row.cells[4].textContent)))
    .map((text) => Number(text.replace(/,/g, "").replace("−", "-"))).filter((each) => !Number.isNaN(each));
  assert.deepEqual(means, [...means].sort((a, b) => a - b));
  assert.equal(await page.locator("th[aria-sort=ascending]").count(), 1);
  assert.deepEqual(faults, []);
  await close();
});

// The pages with drawings, and how many each has: of all organisations, of one with everything.
const drawn = ["maturity.html", "outcomes.html", `${folder}/maturity.html`, `${folder}/outcomes.html`].filter((place) => existsSync(path.join(site, place)));
for (const place of drawn) {
  test(`keys and mouse reach every value of the drawings of ${place}`, async () => {
    const { page, faults, close } = await open(place);
    const frames = page.locator("figure.drawing");
    assert.ok(await frames.count() > 0);
    for (const frame of await frames.all()) {
      await frame.locator("summary").click();
      const rows = await frame.locator("tbody tr").evaluateAll((found) => found.map((row) => [...row.cells].map((cell) => cell.textContent.trim())));
      const chart = frame.locator(".chart");
      await chart.focus();
      await page.keyboard.press("Home");
      for (const row of rows) {
        const said = await frame.locator(".tip").innerText();
        for (const cell of row.filter((text) => text !== "–")) assert.ok(said.includes(cell), `${said} lacks ${cell}`);
        await page.keyboard.press("ArrowRight");
      }
      await page.keyboard.press("Escape");
      assert.equal(await frame.locator(".tip").isVisible(), false);
      const box = await frame.locator("svg.drawn").boundingBox();
      const [x, y] = (await chart.getAttribute("data-points")).split(" ")[0].split(",").map(Number);
      const scale = box.width / Number(await frame.locator("svg.drawn").getAttribute("width"));
      await page.mouse.move(box.x + x * scale, box.y + y * scale);
      assert.ok(rows.some((row) => row.length > 0));
      assert.ok(await frame.locator(".tip").isVisible());
      assert.equal(await frame.locator("svg.drawn").evaluate((svg) => [...svg.querySelectorAll("text")].filter((text) => {
        const [inner, outer] = [text.getBoundingClientRect(), svg.getBoundingClientRect()];
        return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
      }).map((text) => text.textContent).join(", ")), "", "labels lie outside their drawing");
    }
    assert.deepEqual(faults, []);
    await close();
  });
}

test("keys reach every value of a chart, and the mouse shows the same", async () => {
  const { page, close } = await open(series);
  const rows = await page.locator("table.data tbody tr").evaluateAll((found) => found.map((row) => [row.cells[0].textContent, row.cells[1].textContent.trim()]));
  await page.locator(".chart").focus();
  const read = async () => page.locator(".tip").innerText();
  await page.keyboard.press("Home");
  for (const [period, value] of rows) {
    const said = await read();
    assert.ok(said.startsWith(period), `${said} is not of ${period}`);
    if (value !== "–") assert.ok(said.includes(value), `${said} lacks ${value}`);
    await page.keyboard.press("ArrowRight");
  }
  const box = await page.locator(".canvas img").boundingBox();
  await page.mouse.move(box.x + (box.width * 60) / 880, box.y + 40);
  assert.ok((await read()).startsWith(rows[0][0]));
  await close();
});

test("without script everything is there", async () => {
  for (const place of [`${folder}/measures.html`, series, "quality.html", ...drawn]) {
    const { page, close } = await open(place, { javaScriptEnabled: false });
    assert.ok(await page.locator("tbody tr").count() > 5);
    assert.equal(await page.locator("form.filters:visible").count(), 0);
    assert.equal(await page.locator("main [hidden]:not(form)").count(), 0);
    for (const figure of await page.locator("figure.drawing").all()) {
      await figure.locator("summary").click();
      assert.ok(await figure.locator("tbody tr").first().isVisible());
    }
    await close();
  }
});

test("a page of a chart prints to a few sheets", async () => {
  const { page, close } = await open(kinds["series-stratum"] ?? series);
  await page.emulateMedia({ media: "print" });
  const pdf = await page.pdf({ format: "A4" });
  assert.ok(pdf.length > 10_000);
  const sheets = (pdf.toString("latin1").match(/\/Type \/Page\b/g) ?? []).length;
  assert.ok(sheets >= 1 && sheets <= 8, `${sheets} sheets`);
  await close();
});
