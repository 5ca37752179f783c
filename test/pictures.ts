import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import { createRoomUsers } from '../load/users/room-users.ts';
import { waitFor } from '../deploy/fleet/wait.ts';
import { findChromium, openRoom, startServedFleet } from './control-room.ts';

// Takes the pictures in docs/ from the real pages: npm run pictures. It needs Chromium, and img2webp (Debian: webp).
// About three minutes, on a machine with nothing else to do: the pictures show response times.

const docs = path.resolve('docs');
const users = 100;

const fleet = await startServedFleet({ replicas: 3, prometheus: 0 });
const roomUsers = createRoomUsers({ users, rate: 200 });
const room = await openRoom({ fleet: await fleet.connect(), users: roomUsers });
const browser = await chromium.launch({ executablePath: findChromium() as string, args: ['--no-sandbox'] });
try {
  await takeRoom();
  await takeVisitor(browser);
  await takeReport(browser);
} finally {
  await browser.close();
  await roomUsers.stop();
  await room.close();
  await fleet.end();
}
process.exit();

/** The control room 12 s after a kill, and an animation of the kill and the restart. */
async function takeRoom(): Promise<void> {
  const page = await open(browser, room.link, 1280, 840);
  await page.getByRole('button', { name: 'Start the users' }).click();
  await waitFor('40 s of load', async () => roomUsers.status().seconds.length > 40, { timeoutMs: 90_000 });
  const frames: Buffer[] = [];
  await film(page, frames, 3);
  await page.getByRole('button', { name: 'Kill replica-2' }).click();
  await film(page, frames, 12);
  await save(page, 'room.png');
  await page.getByRole('button', { name: 'Start replica-2' }).click();
  await film(page, frames, 6);
  animate(frames, 'kill.webp');
}

/** Adds two frames per second of the upper part of the page. */
async function film(page: Page, frames: Buffer[], seconds: number): Promise<void> {
  for (let frame = 0; frame < 2 * seconds; frame++) {
    const next = sleep(500);
    frames.push(await page.screenshot({ clip: { x: 0, y: 0, width: 1280, height: 800 } }));
    await next;
  }
}

function animate(frames: Buffer[], name: string): void {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-pictures-'));
  try {
    const files = frames.map((frame, index) => {
      const file = path.join(dir, `${index}.png`);
      writeFileSync(file, frame);
      return file;
    });
    const file = path.join(docs, name);
    execFileSync('img2webp', ['-loop', '0', '-d', '500', '-lossy', '-q', '60', '-m', '6', ...files, '-o', file]);
    reportSize(file);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** A logged-in visitor with a cart, whose session has survived the kill of the replica that served it. */
async function takeVisitor(browser: Browser): Promise<void> {
  const { http } = await fleet.fleet.describe();
  const page = await open(browser, http, 1280, 900);
  await page.getByLabel('Name').fill('Ada');
  await page.locator('#log-in').click();
  await page.locator('#logout').waitFor();
  for (const sku of ['tea', 'lamp']) {
    await page.getByLabel('Item', { exact: true }).fill(sku);
    await page.locator('#add').click();
    await page.locator('#items').getByText(sku).waitFor();
  }
  for (let request = 0; request < 16; request++) {
    if (request === 8) await fleet.fleet.kill(1);
    await page.locator('#again').click();
    await sleep(200);
  }
  await fleet.fleet.restart(1);
  const isSeen = async () => {
    await page.locator('#again').click();
    await sleep(500);
    return page.getByText('1 restart.').isVisible();
  };
  await waitFor('the restarted replica answers', isSeen, { timeoutMs: 20_000 });
  await save(page, 'page.png');
}

/** The report of a run in which a replica is killed. */
async function takeReport(browser: Browser): Promise<void> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'unsticky-pictures-'));
  try {
    const args = ['bin/unsticky.ts', 'survive', '--plan', 'kill-replica', '--report', dir];
    execFileSync(process.execPath, args, { stdio: 'inherit' });
    const page = await open(browser, `file://${dir}/index.html`, 1280, 1160);
    await page.locator('.plot canvas').first().waitFor();
    await save(page, 'report.png');
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function open(browser: Browser, url: string, width: number, height: number): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: 'light' });
  await page.goto(url);
  return page;
}

async function save(page: Page, name: string): Promise<void> {
  const file = path.join(docs, name);
  await page.screenshot({ path: file });
  reportSize(file);
}

function reportSize(file: string): void {
  console.log(`${path.relative('', file)}: ${Math.round(statSync(file).size / 1024)} KiB`);
}
