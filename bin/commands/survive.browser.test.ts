import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findChromium, openRoom, pictures, startServedFleet } from '../../test/control-room.ts';

// What the project promises, as a visitor sees it while replicas are killed in the control room.

const executable = findChromium();
const why = executable ? '' : ' (skipped: there is no Chromium on the PATH)';
const patience = { timeout: 20_000 };

describe.skipIf(!executable)(`a visitor while replicas are killed in the control room${why}`, () => {
  let fleet: Awaited<ReturnType<typeof startServedFleet>>;
  let room: Awaited<ReturnType<typeof openRoom>>;
  let browser: Browser;
  let site: string;

  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true });
    fleet = await startServedFleet({ replicas: 3, prometheus: 0 });
    site = (await fleet.fleet.describe()).http;
    room = await openRoom({ fleet: await fleet.connect() });
    browser = await chromium.launch({ executablePath: executable as string, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await room?.close();
    await fleet?.end();
  });

  /** A browser of its own, with what went wrong in it. */
  async function open(url: string): Promise<{ page: Page; problems: string[] }> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(url);
    return { page, problems };
  }

  async function logIn(page: Page) {
    await page.getByLabel('Name').fill('Ada');
    await page.getByRole('button', { name: 'Log in' }).click();
    await expect.poll(() => greeting(page), patience).toBe('Hello, Ada.');
  }

  const greeting = (page: Page) => page.locator('#greeting').textContent();
  const cart = (page: Page) => page.locator('#items li > span').allTextContents();

  test('after the replica that served the page is killed, a reload shows the same visitor and cart, served by another', async () => {
    const visitor = await open(site);
    await logIn(visitor.page);
    for (const sku of ['tea', 'milk']) {
      await visitor.page.getByLabel('Item').fill(sku);
      await visitor.page.getByRole('button', { name: 'Add', exact: true }).click();
      await expect.poll(() => cart(visitor.page), patience).toContain(`1 ${sku}`);
    }
    const served = String(await visitor.page.locator('#replica').textContent());
    const number = Number(served.replace('replica-', ''));

    const control = await open(room.link);
    const shown = control.page.locator('.replica').nth(number - 1);
    const pressedAt = performance.now();
    await control.page.getByRole('button', { name: `Kill ${served}` }).click();
    await expect.poll(() => shown.getAttribute('data-state'), { ...patience, interval: 20 }).toBe('down');
    expect(performance.now() - pressedAt).toBeLessThan(2000);
    await control.page.screenshot({ path: path.join(pictures, 'killed.png') });

    for (let look = 0; look < 4; look++) {
      await visitor.page.reload();
      expect(await greeting(visitor.page)).toBe('Hello, Ada.');
      expect(await cart(visitor.page)).toEqual(['1 tea', '1 milk']);
      expect(await visitor.page.locator('#replica').textContent()).not.toBe(served);
    }
    await visitor.page.screenshot({ path: path.join(pictures, 'survived.png'), fullPage: true });

    await control.page.getByRole('button', { name: `Start ${served}` }).click();
    await expect.poll(() => shown.getAttribute('data-state'), patience).toBe('ready');
    expect([...visitor.problems, ...control.problems]).toEqual([]);
  });

  test('"log out everywhere" in one browser ends the session in the other', async () => {
    const [here, there] = [await open(site), await open(site)];
    await logIn(here.page);
    await logIn(there.page);
    await here.page.getByRole('button', { name: 'Log out everywhere' }).click();
    await expect.poll(() => greeting(here.page), patience).toBe('Hello, stranger.');
    await there.page.reload();
    expect(await greeting(there.page)).toBe('Hello, stranger.');
    expect([...here.problems, ...there.problems]).toEqual([]);
  });
});
