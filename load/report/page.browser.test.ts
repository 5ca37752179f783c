import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findChromium, pictures } from '../../test/control-room.ts';
import { createSampleReport } from '../../test/sample-report.ts';
import { writeComparison, writeReports } from './write.ts';

const executable = findChromium();
const why = executable ? '' : ' (skipped: there is no Chromium on the PATH)';

const screenshots = path.join(pictures, 'report');
const folder = mkdtempSync(path.join(os.tmpdir(), 'unsticky-page-'));
const pages = { pass: '', fail: '', unknown: '', comparison: '' };

const sizes = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };

describe.skipIf(!executable)(`the page of a report in a browser${why}`, () => {
  let browser: Browser;

  beforeAll(async () => {
    mkdirSync(screenshots, { recursive: true });
    for (const verdict of ['pass', 'fail', 'unknown'] as const) {
      pages[verdict] = writeReports(path.join(folder, verdict), createSampleReport({ verdict })).html;
    }
    const stores = { memory: 'fail', plain: 'fail', durable: 'pass' } as const;
    const reports = Object.entries(stores).map(([store, verdict]) => createSampleReport({ store, verdict }));
    pages.comparison = writeComparison(folder, reports).html;
    browser = await chromium.launch({ executablePath: executable as string, args: ['--no-sandbox'] });
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const looks = (['pass', 'fail', 'unknown', 'comparison'] as const).flatMap((name) =>
    (['wide', 'narrow'] as const).flatMap((size) =>
      (['light', 'dark'] as const).map((colorScheme) => ({ name, size, colorScheme })),
    ),
  );

  test.each(looks)(
    '$name, $size, $colorScheme: it fits, draws and asks for nothing',
    async ({ name, size, colorScheme }) => {
      const { page, problems } = await open(browser, pages[name], {
        viewport: sizes[size],
        colorScheme,
        reducedMotion: 'reduce',
      });
      if (name === 'comparison') await page.locator('.run > summary').last().click();
      expect(await page.locator(name === 'comparison' ? '.comparison h1' : '.verdict h1').textContent()).toMatch(
        { pass: 'PASS', fail: 'FAIL', unknown: 'UNKNOWN', comparison: 'Durable passed; memory and plain failed.' }[
          name
        ],
      );
      await expect.poll((): Promise<number> => page.locator('.plot canvas:visible').count()).toBe(4);
      await expect
        .poll(() => page.evaluate<number[]>(drawnPixels))
        .toSatisfy((counts: number[]) => counts.every((count) => count > 500));
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(sizes[size].width);
      await page.screenshot({ path: path.join(screenshots, `${name}-${size}-${colorScheme}.png`), fullPage: true });
      expect(problems).toEqual([]);
    },
  );

  test('a moment with responses between moments without any is drawn', async () => {
    const { page } = await open(browser, pages.pass, { viewport: sizes.wide });
    await page.locator('[data-plot=requests] canvas').waitFor(); // drawn with the first frame
    await expect.poll(() => page.evaluate<number>(loneMoment)).toBeGreaterThan(0);
  });

  test('without JavaScript everything except the plots is shown', async () => {
    const { page } = await open(browser, pages.fail, { javaScriptEnabled: false, viewport: sizes.wide });
    expect(await page.locator('.verdict h1').textContent()).toMatch('FAIL');
    expect(await page.locator('.faults tbody tr:visible').count()).toBe(6);
    expect(await page.locator('.checks tbody tr:visible').count()).toBe(4);
    expect(await page.locator('.timeline noscript').textContent()).toMatch('The plots need JavaScript');
    expect(await page.locator('.with-script:visible').count()).toBe(0);
    await page.locator('details.violation summary').first().click();
    expect(await page.locator('.operations:visible').textContent()).toMatch('add item');
    await page.screenshot({ path: path.join(screenshots, 'fail-without-script.png') });
  });

  test('the violations can be filtered by check, and a link to another check clears the filter', async () => {
    const { page } = await open(browser, pages.fail, { viewport: sizes.wide });
    await page.locator('.filter').getByText('stale reads').click();
    expect(await page.locator('.violations .check:visible').count()).toBe(1);
    await page.locator('.checks a[href$="lost-session"]').click();
    await expect.poll(() => page.locator('.violations .check:visible').count()).toBe(4);
  });

  test('a link of the comparison opens its report', async () => {
    const { page } = await open(browser, pages.comparison, { viewport: sizes.wide });
    await page.locator('.comparison').getByRole('link', { name: 'plain' }).click();
    await expect.poll(() => page.locator('.run[open]').count()).toBe(1);
    expect(await page.locator('.verdict:visible').textContent()).toMatch('FAIL');
  });

  test('the arrow keys move the cursor of all plots, which show that moment', async () => {
    const { page, problems } = await open(browser, pages.pass, { viewport: sizes.wide });
    await page.locator('[data-plot=requests] canvas').waitFor(); // drawn with the first frame
    await page.locator('[data-plot=requests]').focus();
    for (let press = 0; press < 11; press += 1) await page.keyboard.press('ArrowRight');
    const legends = page.locator('.u-legend');
    await expect.poll(() => legends.nth(0).textContent()).toMatch('10.5 s · 1 kill-replica');
    await expect.poll(() => legends.nth(3).textContent()).toMatch('10.5 s · 1 kill-replica');
    expect(await legends.nth(3).textContent()).toMatch('replica-20replica-3');
    await page.locator('.timeline').screenshot({ path: path.join(screenshots, 'timeline-cursor.png') });
    expect(problems).toEqual([]);
  });
});

/** Opens a page and records its problems: errors, and any request. */
async function open(
  browser: Browser,
  file: string,
  options: BrowserContextOptions,
): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  const url = pathToFileURL(file).href;
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on(
    'request',
    (request) => request.url() !== url && !request.url().startsWith('data:') && problems.push(request.url()),
  );
  await page.goto(url);
  return { page, problems };
}

/** Evaluated in the page: draws one response time between two gaps. @returns how many pixels have its colour */
const loneMoment = `(async () => {
  const element = document.createElement('div');
  Object.assign(element.dataset, { plot: 'latency' });
  document.body.append(element);
  const only = (value) => [null, null, value, null, null];
  const [requests, failed] = [[9, 9, 9, 9, 9], [0, 0, 0, 0, 0]];
  const timeline = { bucketSeconds: 1, requests, failed, p50: only(20), p99: only(900), replicas: [] };
  const { ctx } = drawPlots({ id: 'alone', seconds: 5, timeline, bands: [] })(element);
  await new Promise(requestAnimationFrame);
  const { data } = ctx.getImageData(0, 0, ctx.canvas.width, ctx.canvas.height);
  element.style.color = 'var(--series-1)';
  const [red, green, blue] = getComputedStyle(element).color.match(/\\d+/g).map(Number);
  element.remove();
  return data.filter((value, at) => at % 4 === 0 && value === red && data[at + 1] === green && data[at + 2] === blue).length;
})()`;

/** Evaluated in the page: the number of drawn pixels of each visible plot. A string, because this side has no DOM. */
const drawnPixels = `[...document.querySelectorAll('.plot canvas')]
  .filter((canvas) => canvas.width > 0 && canvas.checkVisibility())
  .map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, index) => index % 4 === 3 && value > 0).length;
  })`;
