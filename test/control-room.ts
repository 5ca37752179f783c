import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectFleet, serveFleet } from '../deploy/fleet/local/remote.ts';
import type { Fleet } from '../deploy/fleet/fleet.ts';
import type { LocalOptions } from '../deploy/fleet/local/fleet.ts';
import { makeDir, startTestFleet } from './fleet.ts';
import { startControlRoom, type ControlRoom, type ControlRoomOptions } from '../deploy/control-room/server.ts';
import type { Entry, Mark, Point, Update, View } from '../deploy/control-room/protocol.ts';

// Support for the tests of the control room.

/** Starts a fleet in a folder of its own that other processes can drive. */
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

/** Opens a room on a free port. @returns it with the two parts of its link */
export async function openRoom(
  options: Omit<ControlRoomOptions, 'port'> & { port?: number },
): Promise<ControlRoom & { url: string; token: string }> {
  const room = await startControlRoom({ port: 0, ...options });
  const [url = '', token = ''] = room.link.split('/#');
  return { ...room, url, token };
}

/** Sends the request of a button, as the page does. */
export async function sendAction(room: { url: string; token: string }, action: string, replica?: number) {
  const response = await fetch(`${room.url}/actions/${action}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${room.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ replica }),
  });
  return { status: response.status, reason: ((await response.json()) as { error?: string }).error };
}

/** A viewer of a room: the last view, and everything it received. */
export interface Viewer {
  readonly view: View | undefined;
  readonly entries: Map<number, Entry>;
  readonly points: Point[];
  readonly marks: Map<number, Mark>;
  /** Everything received, unparsed. */
  readonly text: string;
  /** The texts of the event log. */
  log(): string[];
  leave(): void;
}

export async function connectViewer(room: { url: string; token: string }): Promise<Viewer> {
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
  void read(response, seen).catch(() => {}); // the stream ends when either side closes it
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
      const { view, points, entries, marks } = JSON.parse(message.slice(message.indexOf('data: ') + 6)) as Update;
      seen.view = view;
      seen.points.push(...points);
      for (const entry of entries) seen.entries.set(entry.id, entry);
      for (const mark of marks) seen.marks.set(mark.id, mark);
    }
  }
}

/** The folder for screenshots, which git ignores. */
export const pictures = fileURLToPath(new URL('../test-results/', import.meta.url));

/** @returns the path of Chromium; undefined if it is not on the PATH */
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
