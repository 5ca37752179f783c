import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { startTestFleet } from '../../test/fleet.ts';
import { createVisitor, startTestRedis, startTestReplica } from '../../test/replica.ts';

const executable = findOnPath(['chromium', 'chromium-browser', 'google-chrome']);
const why = executable ? '' : ' (skipped: there is no Chromium on the PATH)';
const screenshots = fileURLToPath(new URL('../../test-results/page', import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const sizes = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };
const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1';

describe.skipIf(!executable)(`the visitor's page in a browser${why}`, () => {
  let browser: Browser;
  let fleet: Fleet;
  let http: string;
  let https: string;
  let end: () => Promise<void>;

  beforeAll(async () => {
    mkdirSync(screenshots, { recursive: true });
    ({ fleet, http, end } = await startTestFleet({ replicas: 3 }));
    ({ https } = await fleet.describe());
    // Without TLS a browser sends Sec-Fetch-Site only to localhost, not to a host like this one.
    const args = ['--no-sandbox', '--host-resolver-rules=MAP *.test 127.0.0.1'];
    browser = await chromium.launch({ executablePath: executable as string, args });
  });
  afterAll(async () => {
    await browser?.close();
    await end?.();
  });

  /** A visitor's browser with its errors. */
  async function visit(url: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({ viewport: sizes.wide, reducedMotion: 'reduce', ...options });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => {
      // A browser reports each stream whose replica went away; the page opens it again.
      const isStream = message.location().url.endsWith('/events');
      if (message.type() === 'error' && !isStream) problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(url);
    return { page, problems };
  }

  const scripts = [
    { scripting: 'with JavaScript', javaScriptEnabled: true },
    { scripting: 'without JavaScript', javaScriptEnabled: false },
  ];
  const addresses = [
    { over: 'http', urlOf: () => http },
    { over: 'https', urlOf: () => https },
    { over: 'http, at a name', urlOf: () => http.replace('127.0.0.1', 'shop.test') },
  ];
  const ways = scripts.flatMap((script) => addresses.map((address) => ({ ...script, ...address })));

  test.each(ways)('a visit over $over, $scripting', async ({ javaScriptEnabled, urlOf }) => {
    const options = { javaScriptEnabled, ignoreHTTPSErrors: true };
    const name = `Ada ${crypto.randomUUID().slice(0, 8)}`;
    const { page, problems } = await visit(urlOf(), options);
    await logIn(page, name);
    for (const sku of ['tea', 'soap', 'tea']) await add(page, sku);
    await eventually(() => page.locator('#items li').allInnerTexts()).toHaveLength(2);
    expect((await page.locator('#items li').allInnerTexts()).join()).toMatch(/2\s*tea.*1\s*soap/s);
    await page.getByRole('button', { name: 'Remove soap' }).click();
    await eventually(() => page.locator('#items li').count()).toBe(1);

    await page.getByLabel('Theme').selectOption('dark');
    await page.getByLabel('Greeting').selectOption('fr');
    await page.getByRole('button', { name: 'Save' }).click();
    await eventually(() => heading(page)).toBe(`Bonjour, ${name}.`);
    expect(await page.locator('h1 span').getAttribute('lang')).toBe('fr');
    // The style sheet may come after the heading.
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    await eventually(background).toBe('rgb(19, 21, 24)');

    const other = await visit(urlOf(), { ...options, userAgent: phone });
    await logIn(other.page, name);
    await page.getByRole('button', { name: 'Send a request' }).click();
    await page.getByRole('button', { name: 'End Safari on iOS' }).click();
    await eventually(() => page.locator('#sessions li').count()).toBe(1);
    await other.page.getByRole('button', { name: 'Send a request' }).click();
    await eventually(() => heading(other.page)).toBe('Hello, stranger.');

    await logIn(other.page, name);
    await other.page.getByRole('button', { name: 'Log out everywhere' }).click();
    await eventually(() => heading(other.page)).toBe('Hello, stranger.');
    await page.getByRole('button', { name: 'Send a request' }).click();
    await eventually(() => heading(page)).toBe('Hello, stranger.');
    expect([...problems, ...other.problems]).toEqual([]);
  });

  test('a session that is ended in another place is shown as ended at once, without a request by the visitor', async () => {
    const name = `Ada ${crypto.randomUUID().slice(0, 8)}`;
    const [here, there] = [await visit(http), await visit(http, { userAgent: phone })];
    await logIn(here.page, name);
    await eventually(() => here.page.locator('#live').textContent()).toMatch(/^Connected to replica-\d: /);
    await here.page.screenshot({ path: path.join(screenshots, 'live.png') });
    await logIn(there.page, name);
    await there.page.getByRole('button', { name: 'End Chrome on Linux' }).click();
    await eventually(() => heading(here.page)).toBe('Hello, stranger.');
    await eventually(() => here.page.getByRole('alert').textContent()).toContain('was ended in another place');
    expect(await here.page.locator('#live').isVisible()).toBe(false);
    // The other one is still there, and its own logout is no surprise.
    expect(await there.page.locator('#live').isVisible()).toBe(true);
    await there.page.getByRole('button', { name: 'Log out', exact: true }).click();
    await eventually(() => heading(there.page)).toBe('Hello, stranger.');
    expect(await there.page.getByRole('alert').textContent()).toBe('');
    expect([...here.problems, ...there.problems]).toEqual([]);
  });

  test('a stream moves to another replica when its own is killed', async () => {
    const { page } = await visit(http);
    await logIn(page, 'Ada');
    const live = () => page.locator('#live').textContent();
    await eventually(live).toMatch(/^Connected to replica-\d: /);
    const [, own = ''] = /(replica-\d)/.exec((await live()) ?? '') ?? [];
    const number = Number(own.at(-1));
    await fleet.kill(number);
    onTestFinished(() => fleet.restart(number));
    await eventually(live).not.toContain(own);
    await eventually(live).toMatch(/^Connected to replica-\d: /);
  });

  const looks = (['wide', 'narrow'] as const).flatMap((size) =>
    (['light', 'dark'] as const).map((colorScheme) => ({ size, colorScheme })),
  );

  test.each(looks)('$size, $colorScheme: it fits, and axe finds nothing', async ({ size, colorScheme }) => {
    const { page, problems } = await visit(http, { viewport: sizes[size], colorScheme });
    const look = async (state: string) => {
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(sizes[size].width);
      await page.evaluate('scrollTo(0, 0)');
      await page.screenshot({ path: path.join(screenshots, `${state}-${size}-${colorScheme}.png`), fullPage: true });
      expect(await violations(page)).toEqual([]);
    };
    await look('logged-out');
    const name = `Grace ${size} ${colorScheme}`;
    await createVisitor(http).send('POST', '/login', { name }, { 'user-agent': phone });
    await logIn(page, name);
    for (const sku of ['tea', 'w'.repeat(64), ...Array.from({ length: 12 }, (_, at) => `item-${at}`)])
      await add(page, sku);
    await look('logged-in');
    expect(problems).toEqual([]);
    await itemField(page).fill('???');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await eventually(() => page.getByRole('alert').textContent()).toContain('Item must be');
    expect(await itemField(page).inputValue()).toBe('???');
    await look('refused');
  });

  test.each(['light', 'dark'] as const)('the colour of every replica has enough contrast, %s', async (colorScheme) => {
    const { page } = await visit(http, { viewport: sizes.narrow, colorScheme });
    await page.locator('.dot').waitFor();
    for (let tone = 0; tone < 8; tone++) {
      await page.evaluate(`for (const { dataset } of document.querySelectorAll('[data-tone]')) dataset.tone = ${tone}`);
      expect(await violations(page), `tone ${tone}`).toEqual([]);
    }
  });

  test('shows the serving replica, and counts what the session survived', async () => {
    const { page, problems } = await visit(http);
    await logIn(page, 'Ada');
    const survived = () => page.locator('#lived').textContent();
    await eventually(survived).toMatch(
      /^This session is less than a minute old and survived 1 request, 1 replica and 0 restarts\.$/,
    );
    for (let asked = 2; asked <= 6; asked++) {
      await page.getByRole('button', { name: 'Send a request' }).click();
      await eventually(survived).toContain(`survived ${asked} requests`);
    }
    expect(await survived()).toContain('3 replicas and 0 restarts');
    await fleet.restart(2);
    await page.getByLabel('Ask every second').check();
    await eventually(survived).toContain('3 replicas and 1 restart.');
    await page.getByLabel('Ask every second').uncheck();
    // One colour per replica, with the name beside it.
    const dots = await page.evaluate<[string, string][]>(
      '[...document.querySelectorAll("#dots .dot")].map((dot) => [dot.title, getComputedStyle(dot).backgroundColor])',
    );
    const colours = new Map(dots);
    expect(dots.every(([name, colour]) => colours.get(name) === colour)).toBe(true);
    expect(new Set(colours.values()).size).toBe(3);
    expect(await page.locator('#legend').textContent()).toMatch(/replica-1 × \d+.*replica-2 × \d+.*replica-3 × \d+/);
    await page.reload();
    await eventually(survived).toContain('3 replicas and 1 restart.');
    expect(problems).toEqual([]);
  });

  test('a killed replica costs the visitor nothing', async () => {
    const { page, problems } = await visit(http);
    await logIn(page, 'Ada');
    await add(page, 'tea');
    const served = await page.locator('#replica').textContent();
    const number = Number(served?.split('-').at(-1));
    await fleet.kill(number);
    onTestFinished(() => fleet.restart(number));
    for (const sku of ['soap', 'bread', 'milk', 'salt']) await add(page, sku);
    expect(await heading(page)).toBe('Hello, Ada.');
    expect(await page.locator('#items li').count()).toBe(5);
    expect(await page.locator('.dot.failed').count()).toBe(0);
    expect(await page.locator('#replica').textContent()).not.toBe(served);
    expect(problems).toEqual([]);
  });

  test.each(scripts)(
    'a replica that hangs costs a wait, and no form takes effect twice, $scripting',
    async ({ javaScriptEnabled }) => {
      const { page, problems } = await visit(http, { javaScriptEnabled });
      await logIn(page, 'Ada');
      await fleet.pause(1);
      onTestFinished(() => fleet.resume(1));
      for (let added = 0; added < 4; added++) await add(page, 'tea');
      expect(problems).toEqual([]);
    },
  );

  test('typed text and focus survive updates of the page', async () => {
    const { page } = await visit(http);
    await logIn(page, 'Ada');
    await add(page, 'tea');
    expect(await page.evaluate('document.activeElement.id')).toBe('add');
    await page.getByRole('button', { name: 'Remove tea' }).click();
    await eventually(() => page.locator('#items li').count()).toBe(0);
    expect(await page.evaluate('document.activeElement.id')).toBe('cart-title');
    await page.getByLabel('Ask every second').check();
    await itemField(page).pressSequentially('bre');
    const before = await page.locator('#dots .dot').count();
    // Another tab of the same visitor changes the section that has the focus.
    const [cookie] = await page.context().cookies();
    await createVisitor(http, `sid=${cookie?.value}`).send('POST', '/cart/items', { sku: 'milk', quantity: 1 });
    await eventually(() => page.locator('#dots .dot').count()).toBeGreaterThan(before + 2);
    await page.keyboard.type('ad');
    await page.keyboard.press('Enter');
    await eventually(() => page.locator('#items').textContent()).toMatch(/milk.*bread/s);
  });

  test('what is sent while another response is awaited is sent after it, a double click once; what is typed meanwhile stays', async () => {
    const { page } = await visit(http);
    await logIn(page, 'Ada');
    const asked: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST') asked.push(new URLSearchParams(request.postData() ?? '').get('sku') ?? '');
    });
    const answer = Promise.withResolvers<void>();
    await page.route('**/page/cart?*', (route) => answer.promise.then(() => route.continue()));
    for (const sku of ['tea', 'tea', 'soap']) {
      await itemField(page).fill(sku);
      await page.getByRole('button', { name: 'Add', exact: true }).click();
    }
    await itemField(page).fill('milk');
    answer.resolve();
    await eventually(() => page.locator('#items').textContent()).toMatch(/1\s*tea.*1\s*soap/s);
    expect(asked).toEqual(['tea', 'soap']);
    expect(await itemField(page).inputValue()).toBe('milk');
  });

  test('a change whose response was lost takes effect once, however often it is sent', async () => {
    const { page } = await visit(http);
    await logIn(page, 'Ada');
    const loseAnswers = (times: number) =>
      page.route('**/page/cart?*', (route) => route.fetch().then(() => route.abort()), { times });
    await loseAnswers(1);
    await add(page, 'tea');
    expect(await page.locator('.dot.failed').count()).toBe(1);
    await loseAnswers(4); // as often as the page retries
    await itemField(page).fill('tea');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await eventually(() => page.getByRole('alert').textContent()).toContain('Send it again: it takes effect once.');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await eventually(() => page.locator('#items .figure').textContent()).toBe('2');
    expect(await page.getByRole('alert').textContent()).toBe('');
  });

  test('where nothing answers the page says so at once, and shows what has no replica as such', async () => {
    const { page } = await visit(http);
    await logIn(page, 'Ada');
    expect(await page.locator('#took').textContent()).toMatch(/^The last one took \d+ ms\.$/);
    await fleet.proxy.kill();
    onTestFinished(() => fleet.proxy.start().catch(() => {}));
    const start = performance.now();
    await page.getByRole('button', { name: 'Send a request' }).click();
    await eventually(() => page.getByRole('alert').textContent()).toContain('No replica has answered yet');
    expect(performance.now() - start).toBeLessThan(900);
    expect(await page.locator('#took').textContent()).toMatch(/^The last one failed after \d+ ms\.$/);
    const colours = await page.evaluate(`(() => {
      const entry = document.querySelector('#legend .failed');
      return [entry.textContent, getComputedStyle(entry, '::before').backgroundColor];
    })()`);
    expect(colours).toEqual([expect.stringMatching(/^no replica × \d$/), 'rgba(0, 0, 0, 0)']);
    await fleet.proxy.start();
    await eventually(() => page.getByRole('alert').textContent()).toBe('');
  });

  test('an address without anything is a page to a person', async () => {
    const { page } = await visit(http);
    const response = await page.goto(`${http}/nope`);
    expect(response?.status()).toBe(404);
    expect(await page.locator('h1').textContent()).toBe('Not found.');
    expect(await page.getByRole('alert').textContent()).toContain('/nope');
    await page.getByRole('button', { name: 'To the page' }).click();
    await eventually(() => page.locator('#replica').count()).toBe(1);
    const api = await createVisitor(http).send('GET', '/nope');
    expect(api.headers.get('content-type')).toContain('application/problem+json');
  });

  test("a link from another site opens the page with the visitor's session", async () => {
    const { page, problems } = await visit(http);
    await logIn(page, 'Ada');
    const elsewhere = createServer((_req, res) => {
      res.setHeader('Content-Type', 'text/html').end(`<!doctype html><a href="${http}/">there</a>`);
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void elsewhere.close());
    await new Promise((resolve) => elsewhere.once('listening', resolve));
    await page.goto(`http://elsewhere.test:${(elsewhere.address() as { port: number }).port}/`);
    await page.getByRole('link').click();
    await eventually(() => heading(page)).toBe('Hello, Ada.');
    expect(problems.filter((problem) => !problem.includes('favicon') && !problem.includes('404'))).toEqual([]);
  });

  test.each(scripts)(
    'Redis away, $scripting: the page says so, and works again afterwards',
    async ({ scripting, javaScriptEnabled }) => {
      const redis = await startTestRedis({ appendOnly: true });
      const replica = await startTestReplica({ REDIS_URL: redis.url, REPLICA: 'replica-1' });
      onTestFinished(async () => {
        await replica.drain();
        await redis.stop();
      });
      const { page } = await visit(replica.url, { javaScriptEnabled });
      await logIn(page, 'Ada');
      await redis.stop();
      await itemField(page).fill('tea');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await eventually(() => page.locator('#problem').textContent()).toContain('Nothing was changed.');
      await page.screenshot({
        path: path.join(screenshots, `away-${scripting.replace(' ', '-')}.png`),
        fullPage: true,
      });
      if (javaScriptEnabled) {
        expect(await violations(page)).toEqual([]);
        const other = await page.context().newPage();
        await other.goto(replica.url);
        expect(await heading(other)).toBe('Session store unavailable.');
        expect(await violations(other)).toEqual([]);
        await other.close();
      }
      await redis.start();
      const again = page.getByRole('button', { name: javaScriptEnabled ? 'Add' : /Send it again|Send a request/ });
      await eventually(async () => {
        await again.click();
        return page
          .locator('#items')
          .textContent({ timeout: 300 })
          .catch(() => '');
      }).toMatch(/1\s*tea/);
    },
  );
});

/** Waits until the page shows this: the machine may be busy. */
function eventually<T>(read: () => Promise<T>) {
  return expect.poll(read, { timeout: 15_000 });
}

async function logIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'Log out', exact: true }).waitFor();
}

function itemField(page: Page) {
  return page.getByRole('textbox', { name: 'Item' });
}

async function add(page: Page, sku: string): Promise<void> {
  const quantity = page.locator('#items li', { has: page.getByText(sku, { exact: true }) }).locator('.figure');
  const before = (await quantity.count()) === 0 ? 0 : Number(await quantity.textContent());
  await itemField(page).fill(sku);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await eventually(() => quantity.textContent()).toBe(String(before + 1));
}

async function heading(page: Page): Promise<string | null> {
  return page.locator('h1').textContent();
}

/** The violations that axe-core finds. It is evaluated, not added as a script, which the page's policy would block. */
async function violations(page: Page): Promise<unknown> {
  await page.evaluate(axe);
  return page.evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))',
  );
}

function findOnPath(names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return names.flatMap((name) => folders.map((dir) => path.join(dir, name))).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
