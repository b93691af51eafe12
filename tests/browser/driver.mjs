// Drives a real Chromium for the Rust tests: one JSON command a line on stdin, one JSON answer a line on stdout.
// It knows pages and selectors, nothing of groundlink; what is tested stands in the Rust tests.
//
//   node driver.mjs PLAYWRIGHT_FOLDER CHROMIUM AXE_FOLDER

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";

const [playwrightFolder, chromiumPath, axeFolder] = process.argv.slice(2);
const { chromium } = createRequire(path.join(playwrightFolder, "package.json"))("playwright-core");

const browser = await chromium.launch({
  executablePath: chromiumPath,
  headless: true,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
  ],
});

const pages = new Map(); // name -> { context, page, problems, sent }

function pageOf(command) {
  const entry = pages.get(command.page);
  if (!entry) throw new Error(`no page named ${command.page}`);
  return entry;
}

function locate(command) {
  let found = pageOf(command).page.locator(command.selector);
  if (command.text !== undefined) found = found.filter({ hasText: command.text });
  return command.last ? found.last() : found.first();
}

const operations = {
  // A fresh browser context: no cookies or storage of another page. With `beside`: in the browser of that page.
  async open(command) {
    const { width, height, mobile = false, dark = false, beside } = command;
    const context = beside ? pages.get(beside).context : await browser.newContext({
      viewport: { width, height },
      isMobile: mobile,
      hasTouch: mobile,
      deviceScaleFactor: mobile ? 2 : 1,
      colorScheme: dark ? "dark" : "light",
    });
    const page = await context.newPage();
    const problems = [];
    const sent = [];
    page.on("request", (request) => {
      if (request.method() === "POST") sent.push(request.postDataJSON());
    });
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        problems.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
    page.on("pageerror", (error) => problems.push(`page error: ${error.message}`));
    page.on("requestfailed", (request) => {
      // Ended streams are how a page goes away or reconnects, no fault.
      const why = request.failure()?.errorText ?? "";
      if (why !== "net::ERR_ABORTED") problems.push(`request failed: ${request.url()} ${why}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) problems.push(`status ${response.status()}: ${response.url()}`);
    });
    pages.set(command.page, { context, page, problems, sent });
    const response = await page.goto(command.url, { waitUntil: "domcontentloaded" });
    return { status: response?.status(), title: await page.title() };
  },
  async reload(command) {
    await pageOf(command).page.reload({ waitUntil: "domcontentloaded" });
    return {};
  },
  async close(command) {
    const { context, page } = pageOf(command);
    await page.close();
    pages.delete(command.page);
    if (context.pages().length === 0) await context.close();
    return {};
  },
  async offline(command) {
    await pageOf(command).context.setOffline(command.offline);
    return {};
  },
  async dark(command) {
    await pageOf(command).page.emulateMedia({ colorScheme: command.dark ? "dark" : "light" });
    return {};
  },
  // What a person's settings ask of the page.
  async motion(command) {
    await pageOf(command).page.emulateMedia({ reducedMotion: command.reduced ? "reduce" : "no-preference" });
    return {};
  },
  // As a browser does with a tab that nobody has looked at for long, and when somebody looks again.
  async freeze(command) {
    const { context, page } = pageOf(command);
    const session = await context.newCDPSession(page);
    await session.send("Page.setWebLifecycleState", { state: command.frozen ? "frozen" : "active" });
    await session.detach();
    return {};
  },
  // The person lets the page's site do something, or has not said yet.
  async permit(command) {
    const { context, page } = pageOf(command);
    await context.grantPermissions(command.permissions, { origin: new URL(page.url()).origin });
    return {};
  },
  // Whether the page has the focus. A page of a test has it by default, whatever is in front of it.
  async focus(command) {
    const { context, page } = pageOf(command);
    const entry = pageOf(command);
    entry.focusing ??= await context.newCDPSession(page);
    await entry.focusing.send("Emulation.setFocusEmulationEnabled", { enabled: command.focused });
    if (command.focused) {
      await entry.front?.close();
      entry.front = undefined;
      await page.bringToFront();
    } else {
      entry.front ??= await context.newPage();
      await entry.front.bringToFront();
    }
    return {};
  },
  // What a browser does when its push service has a message for the worker of a scope.
  async push(command) {
    const { context, page } = pageOf(command);
    const session = await context.newCDPSession(page);
    const scope = new URL(command.scope, page.url()).href;
    const found = new Promise((resolve) => {
      session.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
        const registration = registrations.find(({ scopeURL, isDeleted }) => scopeURL === scope && !isDeleted);
        if (registration) resolve(registration.registrationId);
      });
    });
    await session.send("ServiceWorker.enable");
    const registrationId = await Promise.race([found, new Promise((resolve) => { setTimeout(resolve, command.timeout); })]);
    if (!registrationId) throw new Error(`no worker of ${scope}`);
    await session.send("ServiceWorker.deliverPushMessage", { origin: new URL(scope).origin, registrationId, data: command.data });
    await session.detach();
    return {};
  },
  // The value of an expression within the worker of a scope.
  async worker(command) {
    const { context, page } = pageOf(command);
    const scope = new URL(command.scope, page.url()).href;
    const worker = context.serviceWorkers().find((one) => one.url().startsWith(scope))
      ?? await context.waitForEvent("serviceworker", { predicate: (one) => one.url().startsWith(scope), timeout: command.timeout });
    return { value: await worker.evaluate(command.expression) };
  },
  // What keeps the browser from offering to install the page as an app, and the manifest it found.
  async app(command) {
    const { context, page } = pageOf(command);
    const session = await context.newCDPSession(page);
    const { url, errors, data } = await session.send("Page.getAppManifest");
    const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
    await session.detach();
    // Every page here is in a context of its own, which the browser takes for a private window.
    const faults = installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito");
    return { url, errors, manifest: data ? JSON.parse(data) : null, installabilityErrors: faults };
  },
  // The value of an expression within the page.
  async evaluate(command) {
    return { value: await pageOf(command).page.evaluate(command.expression) };
  },
  // What axe-core finds wrong, one line a fault.
  async axe(command) {
    const { page } = pageOf(command);
    // Through the debugger: the page's own policy forbids scripts that are not its own.
    await page.evaluate(await readFile(path.join(axeFolder, "node_modules/axe-core/axe.min.js"), "utf8"));
    const { violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
    const faults = violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(" ")}: ${failureSummary.replace(/\s+/g, " ")}`));
    return { faults };
  },
  async resize(command) {
    await pageOf(command).page.setViewportSize({ width: command.width, height: command.height });
    return {};
  },

  // Waits until something that fits is there ("visible", "hidden", "attached", "detached").
  async wait(command) {
    const found = locate(command);
    await found.waitFor({ state: command.state ?? "visible", timeout: command.timeout });
    const shown = (command.state ?? "visible") === "visible";
    return shown ? { text: await found.innerText() } : {};
  },
  async click(command) {
    await locate(command).click({ timeout: command.timeout });
    return {};
  },
  // Clicks on several pages at the same moment, once all can be clicked. A click that comes too late is no fault.
  async race(command) {
    const spots = await Promise.all(command.clicks.map(async (click) => {
      const found = locate(click);
      await found.waitFor({ state: "visible", timeout: command.timeout });
      return found;
    }));
    const outcomes = await Promise.allSettled(spots.map((spot) => spot.click({ timeout: 5000 })));
    return { clicked: outcomes.filter(({ status }) => status === "fulfilled").length };
  },
  // What the page has sent to the hub so far, as JSON.
  async sent(command) {
    return { sent: pageOf(command).sent };
  },
  // Clicks what is within the element that has the text.
  async click_within(command) {
    await locate(command).locator(command.inner).first().click({ timeout: command.timeout });
    return {};
  },
  async fill(command) {
    await locate(command).fill(command.value, { timeout: command.timeout });
    return {};
  },
  async select(command) {
    await locate(command).selectOption(command.value, { timeout: command.timeout });
    return {};
  },
  async press(command) {
    await locate(command).press(command.key, { timeout: command.timeout });
    return {};
  },
  // Presses keys wherever the focus is.
  async keys(command) {
    for (const key of command.keys) await pageOf(command).page.keyboard.press(key);
    return {};
  },
  async type(command) {
    await pageOf(command).page.keyboard.type(command.text);
    return {};
  },
  async box(command) {
    return { box: await locate(command).boundingBox({ timeout: command.timeout }) };
  },
  async wheel(command) {
    await pageOf(command).page.mouse.move(200, 300);
    await pageOf(command).page.mouse.wheel(0, command.by);
    return {};
  },
  async texts(command) {
    return { texts: await pageOf(command).page.locator(command.selector).allInnerTexts() };
  },
  async count(command) {
    return { count: await pageOf(command).page.locator(command.selector).count() };
  },
  async attribute(command) {
    return { value: await locate(command).getAttribute(command.name, { timeout: command.timeout }) };
  },

  // Watches from inside the page the last element that fits `selector`, at every change, until its text contains
  // `until`; `grown` waits for that, and answers the distinct lengths it had on the way. Started before what makes it
  // grow, it misses nothing, however slow the driver.
  async watch(command) {
    await pageOf(command).page.evaluate(({ selector, until }) => {
      const last = () => [...document.querySelectorAll(selector)].at(-1)?.textContent ?? "";
      const watched = { lengths: [], last };
      watched.reached = new Promise((resolve) => {
        const look = () => {
          const text = last();
          if (watched.lengths.at(-1) !== text.length) watched.lengths.push(text.length);
          if (!text.includes(until)) return;
          observer.disconnect();
          resolve();
        };
        const observer = new MutationObserver(look);
        observer.observe(document, { subtree: true, childList: true, characterData: true });
        look();
      });
      window.watched = watched;
    }, command);
    return {};
  },
  async grown(command) {
    return pageOf(command).page.evaluate(async ({ timeout }) => {
      const { lengths, last, reached } = window.watched;
      const late = new Promise((_, reject) => {
        const why = () => new Error(`it did not come so far; lengths ${lengths}; at last: ${last().slice(-200)}`);
        setTimeout(() => reject(why()), timeout);
      });
      await Promise.race([reached, late]);
      return { lengths };
    }, command);
  },

  // Things to press or fill in that are smaller than a finger, in CSS pixels.
  async small(command) {
    return pageOf(command).page.evaluate((least) => {
      const wanted = "button, a[href], select, textarea, input, summary, [role=button]";
      const small = [];
      for (const element of document.querySelectorAll(wanted)) {
        if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: false }) || element.disabled) continue;
        // A link within text is as high as its line; a tick counts with its label.
        if (element.matches("a[href]") && element.closest(".md, .note")) continue;
        const target = element.matches("input") ? element.closest("label") ?? element : element;
        const { width, height, top } = target.getBoundingClientRect();
        if (width === 0 || height === 0 || top + height < 0) continue;
        if (element.matches(".skip")) continue;
        if (width < least - 0.5 || height < least - 0.5) {
          small.push(`${element.tagName.toLowerCase()} "${(element.ariaLabel || element.textContent || element.id).trim().slice(0, 40)}" ${Math.round(width)}x${Math.round(height)}`);
        }
      }
      return { small };
    }, command.least);
  },

  // Whether the page can be scrolled sideways, and if so, by which elements.
  async layout(command) {
    return pageOf(command).page.evaluate(() => {
      const root = document.documentElement;
      const scrollsItself = (element) => {
        for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
          if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(at).overflowX)) return true;
        }
        return false;
      };
      const { clientWidth } = root;
      const scrollWidth = Math.max(root.scrollWidth, document.body.scrollWidth);
      if (scrollWidth <= clientWidth) return { scrollWidth, clientWidth };
      // Only now: it has the browser lay out, one by one, all the items that it leaves out while they are not in sight.
      const wide = [...document.body.querySelectorAll("*")]
        .filter((element) => element.getBoundingClientRect().right > clientWidth + 1 && !scrollsItself(element))
        .map((element) => `${element.tagName.toLowerCase()}.${element.className}`);
      return { scrollWidth, clientWidth, wide: wide.slice(0, 10) };
    });
  },
  async screenshot(command) {
    await pageOf(command).page.screenshot({ path: command.path, fullPage: command.full ?? false });
    return {};
  },
  // What an element looks like on the screen, in greys: one byte a pixel, row by row, in Base64.
  async pixels(command) {
    const shot = await locate(command).screenshot({ timeout: command.timeout });
    const blank = await pageOf(command).context.newPage();
    const greys = await blank.evaluate(async (source) => {
      const image = new Image();
      image.src = source;
      await image.decode();
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const pen = canvas.getContext("2d");
      pen.drawImage(image, 0, 0);
      const { data, width, height } = pen.getImageData(0, 0, canvas.width, canvas.height);
      let bytes = "";
      for (let at = 0; at < data.length; at += 4) bytes += String.fromCharCode((data[at] + data[at + 1] + data[at + 2]) / 3);
      return { width, height, bytes: btoa(bytes) };
    }, `data:image/png;base64,${shot.toString("base64")}`);
    await blank.close();
    return greys;
  },
  async problems(command) {
    return { problems: pageOf(command).problems };
  },
  async title(command) {
    return { title: await pageOf(command).page.title() };
  },
};

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
answer({ ready: true, version: browser.version() });

// At the end of the input nobody waits for what is still being done.
process.stdin.once("end", () => browser.close().catch(() => {}));

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  try {
    const command = JSON.parse(line);
    const operation = operations[command.op];
    if (!operation) throw new Error(`unknown operation ${command.op}`);
    answer({ ok: await operation(command) });
  } catch (error) {
    answer({ error: String(error?.message ?? error) });
  }
}
await browser.close();
