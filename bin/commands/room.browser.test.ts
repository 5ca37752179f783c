import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findChromium, openRoom, pictures, startServedFleet } from '../../test/control-room.ts';
import { createRoomUsers } from '../../load/users/room-users.ts';

const executable = findChromium();
const why = executable ? '' : ' (skipped: there is no Chromium on the PATH)';
const patience = { timeout: 20_000 };
const sizes = {
  large: { width: 1920, height: 1080 },
  wide: { width: 1280, height: 800 },
  narrow: { width: 390, height: 844 },
};
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(!executable)(`the control room in a browser${why}`, () => {
  let fleet: Awaited<ReturnType<typeof startServedFleet>>;
  let room: Awaited<ReturnType<typeof openRoom>>;
  let browser: Browser;
  const users = 100;
  const roomUsers = createRoomUsers({ users, rate: 120 });

  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true });
    fleet = await startServedFleet({ replicas: 3, prometheus: 0 });
    room = await openRoom({ fleet: await fleet.connect(), users: roomUsers });
    browser = await chromium.launch({ executablePath: executable as string, args: ['--no-sandbox'] });
  });
  afterEach(async () => {
    for (const { number, state } of await fleet.fleet.replicas())
      if (state !== 'ready') await fleet.fleet.restart(number);
  });
  afterAll(async () => {
    await browser?.close();
    await roomUsers.stop();
    await room?.close();
    await fleet?.end();
  });

  /** @returns the page, with its errors and its requests to other sites */
  async function open(options: BrowserContextOptions = {}): Promise<{ page: Page; problems: string[] }> {
    const context = await browser.newContext({ viewport: sizes.wide, reducedMotion: 'reduce', ...options });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => request.url().startsWith(room.url) || problems.push(request.url()));
    await page.goto(room.link);
    await expect.poll(() => page.locator('.replica').count(), patience).toBe(3);
    return { page, problems };
  }

  const replica = (page: Page, number: number) => page.locator('.replica').nth(number - 1);
  const button = (page: Page, name: string) => page.getByRole('button', { name });

  async function startUsers(page: Page) {
    if (roomUsers.status().state === 'away') await button(page, 'Start the users').click();
    await expect.poll(() => page.locator('.summary .value').first().textContent(), patience).toBe(`${users}`);
  }

  test('the key is removed from the address and survives a reload', async () => {
    const { page, problems } = await open();
    expect(page.url()).toBe(`${room.url}/`);
    await page.reload();
    await expect.poll(() => page.locator('.replica').count(), patience).toBe(3);
    expect(problems).toEqual([]);
  });

  test('without the key the page says where to find it and shows no data', async () => {
    const page = await (await browser.newContext()).newPage();
    onTestFinished(() => page.context().close());
    await page.goto(room.url);
    await expect.poll(() => page.locator('#headline').textContent()).toMatch('Open the link that the command printed');
    expect(await page.locator('.replica').count()).toBe(0);
  });

  test('the link opens the room in a tab that already shows the page', async () => {
    const page = await (await browser.newContext()).newPage();
    onTestFinished(() => page.context().close());
    await page.goto(room.url);
    await expect.poll(() => page.locator('#headline').textContent()).toMatch('Open the link that the command printed');
    await page.goto(room.link);
    await expect.poll(() => page.locator('.replica').count(), patience).toBe(3);
    expect(page.url()).toBe(`${room.url}/`);
  });

  test('a second click on a button says that the action is running', async () => {
    const { page } = await open();
    await button(page, 'Roll all').dblclick();
    await expect.poll(() => page.getByRole('alert').textContent(), patience).toMatch(/is running|is still running/);
    await expect
      .poll(() => page.locator('#log').textContent(), patience)
      .toMatch(/Restarted all replicas.* \(\d\.\d\d\u00a0s\)/);
  });

  test('arrow keys move a plot to another moment, Escape back to now', async () => {
    const { page } = await open();
    await startUsers(page);
    await expect.poll(() => page.locator('.plot canvas').count(), patience).toBe(3);
    const plot = page.locator('.plot').first();
    const moment = () => plot.locator('.u-legend .u-value').first().textContent();
    await expect.poll(moment, patience).toMatch(/^\d\d:\d\d:\d\d$/); // there is a first second
    await plot.focus();
    for (let step = 0; step < 3; step++) await page.keyboard.press('ArrowLeft');
    expect(await page.locator('#announcer').textContent()).toMatch(/^\d\d:\d\d:\d\d, requests [\d,.–]+$/);
    const past = await moment();
    await page.keyboard.press('Escape');
    await expect.poll(moment, patience).not.toBe(past);
  });

  test('by keyboard: a killed replica is shown as down within 2 s, and as ready after its start', async () => {
    const { page, problems } = await open();
    await startUsers(page);
    await button(page, 'Stop replica-2').focus();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Kill replica-2');
    expect(await page.evaluate('document.activeElement.matches(":focus-visible")')).toBe(true);
    const pressedAt = performance.now();
    await page.keyboard.press('Enter');
    await expect.poll(() => replica(page, 2).getAttribute('data-state'), { ...patience, interval: 20 }).toBe('down');
    expect(performance.now() - pressedAt).toBeLessThan(2000);
    // The focus stays on the button, which now says why it is disabled.
    expect(await page.evaluate('document.activeElement.textContent')).toBe(
      'Kill replica-2. Disabled: replica-2 is down',
    );
    await page.keyboard.press('Enter');
    expect(await page.getByRole('alert').textContent()).toBe('replica-2 is down');
    for (let tab = 0; tab < 3; tab++) await page.keyboard.press('Shift+Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Start replica-2');
    await page.keyboard.press('Space');
    await expect.poll(() => replica(page, 2).getAttribute('data-state'), patience).toBe('ready');
    await expect
      .poll(() => page.locator('#headline').textContent(), patience)
      .toMatch(`ll ${users} sessions are intact`);
    expect(problems).toEqual([]);
  });

  test('an action in one window is shown in the other and announced to screen readers', async () => {
    const [{ page: one }, { page: other }] = [await open(), await open()];
    await button(one, 'Pause replica-3').click();
    await expect.poll(() => replica(other, 3).getAttribute('data-state'), patience).toBe('paused');
    await expect.poll(() => other.locator('#announcer').textContent(), patience).toMatch(/replica-3/);
    await button(other, 'Resume replica-3').click();
    await expect.poll(() => replica(one, 3).getAttribute('data-state'), patience).toBe('ready');
    await expect.poll(() => one.locator('#log').textContent(), patience).toMatch(/Resumed replica-3/);
  });

  const looks = (['large', 'wide', 'narrow'] as const).flatMap((size) =>
    (['light', 'dark'] as const).map((colorScheme) => ({ size, colorScheme })),
  );

  test.each(looks)('$size, $colorScheme: it fits, draws, and axe finds no violation', async ({ size, colorScheme }) => {
    const { page, problems } = await open({ viewport: sizes[size], colorScheme });
    await startUsers(page);
    await fleet.fleet.kill(2);
    await fleet.fleet.pause(3);
    await expect.poll(() => replica(page, 2).getAttribute('data-state'), patience).toBe('down');
    await expect.poll(() => replica(page, 3).getAttribute('data-state'), patience).toBe('paused');
    await expect
      .poll(() => page.evaluate<number[]>(drawnPixels), patience)
      .toSatisfy((counts: number[]) => counts.every((count) => count > 200));
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(sizes[size].width);
    if (size !== 'narrow') expect(await page.evaluate(placed)).toEqual({ plotsBelow: 0, isWide: true });
    expect(await page.evaluate<string[]>(cutOff)).toEqual([]);
    await page.screenshot({ path: path.join(pictures, `room-${size}-${colorScheme}.png`), fullPage: true });
    expect(await violations(page)).toEqual([]);
    expect(problems).toEqual([]);
  });

  test('requests are animated, unless the browser asks for reduced motion', async () => {
    const { page } = await open({ reducedMotion: 'no-preference' });
    await startUsers(page);
    await expect.poll(() => page.evaluate<number>(dotPixels), patience).toBeGreaterThan(50);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await expect.poll(() => page.evaluate<number>(dotPixels), patience).toBe(0);
    const { page: still } = await open({ reducedMotion: 'reduce' });
    const speed = () => still.locator('#users .large').textContent();
    const first = await speed();
    await expect.poll(speed, patience).not.toBe(first); // it gets updates and draws nothing
    expect(await still.evaluate<number>(dotPixels)).toBe(0);
  });

  test('a second with responses between seconds without any is drawn', async () => {
    const { page, problems } = await open();
    expect(await page.evaluate<number>(loneSecond)).toBeGreaterThan(0);
    expect(problems).toEqual([]);
  });

  test('the page says when the room has ended, and reconnects to a new one', async () => {
    const port = Number(new URL(room.url).port);
    const { page } = await open();
    await room.close();
    await expect.poll(() => page.locator('#headline').textContent(), patience).toMatch('The room does not answer');
    expect(await page.locator('#announcer').textContent()).toMatch('The room does not answer');
    room = await openRoom({ fleet: await fleet.connect(), users: roomUsers, port, token: room.token });
    await expect.poll(() => page.locator('#link').textContent(), patience).toMatch('live');
    await expect.poll(() => page.locator('#headline').textContent(), patience).toMatch(/replicas are ready/);
  });

  test('under load, with a killed replica, the headline says that all sessions are intact', async () => {
    const { page, problems } = await open({ reducedMotion: 'no-preference' });
    await startUsers(page);
    const secondsSeen = () => roomUsers.status().seconds.length;
    await button(page, 'Kill replica-2').click();
    const headline = () => page.locator('#headline').textContent();
    await expect.poll(headline, patience).toBe(`replica-2 is down, yet all ${users} sessions are intact.`);
    const killedAt = secondsSeen();
    await expect.poll(secondsSeen, patience).toBeGreaterThan(killedAt + 1);
    expect(await page.locator('.summary [data-tone=bad]').count()).toBe(0);
    expect(problems).toEqual([]);
  });
});

/** The violations that axe-core finds. It is evaluated, not added as a script, which the page's policy would block. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] };
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** Evaluated in the page: how many plots end below the screen, and whether the page uses the full width. */
const placed = `(() => {
  const boxesOf = (selector) => [...document.querySelectorAll(selector)].map((element) => element.getBoundingClientRect());
  const [{ left, right }] = boxesOf('.overview');
  return {
    plotsBelow: boxesOf('.plot').filter(({ bottom }) => bottom > innerHeight).length,
    isWide: left < innerWidth / 20 && right > innerWidth * 0.95,
  };
})()`;

/** Evaluated in the page: the number of drawn pixels of each plot. */
const drawnPixels = `[...document.querySelectorAll('.plot canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, index) => index % 4 === 3 && value > 0).length;
})`;

/** Evaluated in the page: draws one response time between two gaps. @returns how many pixels have its colour */
const loneSecond = `(async () => {
  const { createPlots } = await import('/plots.js');
  const place = document.createElement('div');
  place.append(...[document.createElement('p'), document.createElement('div')]);
  document.body.append(place);
  const element = place.lastElementChild;
  element.dataset.plot = 'latency';
  element.style.cssText = 'width: 600px; height: 200px; color: var(--series-1)';
  const second = (at, p50, p99) => ({ at, by: 'users', requests: 9, failed: 0, excused: 0, p50, p99 });
  const points = [1, 2, 3, 4, 5].map((at) => (at === 3 ? second(at, 20, 900) : second(at, null, null)));
  createPlots([element], () => {}).add(points, [], { at: 5000 });
  await new Promise(requestAnimationFrame);
  const canvas = element.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const [red, green, blue] = getComputedStyle(element).color.match(/\\d+/g).map(Number);
  place.remove();
  return data.filter((value, at) => at % 4 === 0 && value === red && data[at + 1] === green && data[at + 2] === blue).length;
})()`;

/** Evaluated in the page: elements that extend beyond its right edge. */
const cutOff = `[...document.querySelectorAll('body *:not(.visually-hidden, .visually-hidden *)')]
  .filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 1)
  .map((element) => element.outerHTML.slice(0, 100))`;

const dotPixels = `(() => {
  const canvas = document.querySelector('.dots');
  if (canvas.width === 0) return 0;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, index) => index % 4 === 3 && value > 0).length;
})()`;
