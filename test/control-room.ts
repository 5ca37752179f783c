import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectFleet, serveFleet } from '../fleet/control.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { LocalOptions } from '../fleet/local.ts';
import { makeDir, startTestFleet } from '../fleet/testing.ts';
import type { Entry, Mark } from './journal.ts';
import { createRoom, type Room, type RoomOptions } from './room.ts';
import type { News, Point, View } from './view.ts';

// What the tests of rooms share.

/** A fleet that other processes could drive, in a folder of its own. */
export async function startServedFleet(options: Partial<LocalOptions> = {}) {
  const { dir, remove } = options.dir ? { dir: options.dir, remove: () => {} } : makeDir();
  const started = await startTestFleet({ replicas: 2, dir, settings: { LOG_LEVEL: 'warn' }, ...options });
  await serveFleet(started.fleet, dir);
  return { ...started, dir, connect: () => connect(dir), end: () => started.end().finally(remove) };
}

async function connect(dir: string): Promise<Fleet> {
  const fleet = await connectFleet(dir);
  if (!fleet) throw new Error('the fleet of this test does not answer');
  return fleet;
}

/** A room on a free port, and its address and token apart. */
export async function openRoom(
  options: Omit<RoomOptions, 'port'> & { port?: number },
): Promise<Room & { url: string; token: string }> {
  const room = await createRoom({ port: 0, ...options });
  const [url = '', token = ''] = room.link.split('/#');
  return { ...room, url, token };
}

/** Presses a button as the page does. */
export async function press(room: { url: string; token: string }, action: string, replica?: number) {
  const response = await fetch(`${room.url}/actions/${action}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${room.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ replica }),
  });
  return { status: response.status, words: ((await response.json()) as { error?: string }).error };
}

/** Somebody who looks at a room: what was shown last, and all that was told. */
export interface Viewer {
  readonly view: View | undefined;
  readonly entries: Map<number, Entry>;
  readonly points: Point[];
  readonly marks: Map<number, Mark>;
  /** Everything that came, as it came. */
  readonly text: string;
  /** What the log says. */
  log(): string[];
  leave(): void;
}

export async function look(room: { url: string; token: string }): Promise<Viewer> {
  const leaving = new AbortController();
  const headers = { Authorization: `Bearer ${room.token}` };
  const response = await fetch(`${room.url}/events`, { headers, signal: leaving.signal });
  const seen = {
    view: undefined as View | undefined,
    entries: new Map<number, Entry>(),
    points: [] as Point[],
    marks: new Map<number, Mark>(),
    text: '',
  };
  void read(response, seen).catch(() => {}); // it ends where one of the two leaves
  return {
    get view() {
      return seen.view;
    },
    get text() {
      return seen.text;
    },
    entries: seen.entries,
    points: seen.points,
    marks: seen.marks,
    log: () => [...seen.entries.values()].map(({ text }) => text),
    leave: () => leaving.abort(),
  };
}

async function read(
  response: Response,
  seen: Pick<Viewer, 'entries' | 'points' | 'marks'> & { view: View | undefined; text: string },
): Promise<void> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    const chunk = decoder.decode(bytes, { stream: true });
    seen.text += chunk;
    const messages = (rest + chunk).split('\n\n');
    rest = messages.pop() as string;
    for (const message of messages) {
      const { view, points, entries, marks } = JSON.parse(message.slice(message.indexOf('data: ') + 6)) as News;
      seen.view = view;
      seen.points.push(...points);
      for (const entry of entries) seen.entries.set(entry.id, entry);
      for (const mark of marks) seen.marks.set(mark.id, mark);
    }
  }
}

/** Where pictures of the pages go: files of the test run, which git ignores. */
export const pictures = fileURLToPath(new URL('../../test-results/', import.meta.url));

/** @returns the path of the browser; undefined where there is none on the PATH */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
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
