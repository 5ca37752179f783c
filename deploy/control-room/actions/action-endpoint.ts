import type { IncomingMessage } from 'node:http';
import type { Monitor } from '../monitor/monitor.ts';
import type { Refusal } from '../protocol.ts';
import type { Dispatcher } from './dispatcher.ts';

const maxBodyBytes = 1024;

/** Starts the action of a button: POST /actions/<name>, with `{"replica":2}` if it is for one replica. */
export async function startAction(
  req: IncomingMessage,
  name: string,
  dispatcher: Dispatcher,
  monitor: Monitor,
): Promise<Refusal | undefined> {
  if (req.method !== 'POST') return { status: 405, reason: 'Use POST.' };
  if (!/^application\/json\b/.test(req.headers['content-type'] ?? '')) return { status: 415, reason: 'Send JSON.' };
  const text = await readBody(req);
  if (text === undefined) return { status: 413, reason: `Send at most ${maxBodyBytes} bytes.` };
  const target = readTarget(text);
  if (target === undefined) return { status: 400, reason: 'Send {} or {"replica":1}.' };
  await monitor.refresh();
  return dispatcher.start(name, target.replica, monitor.state());
}

/** @returns undefined if it is too large */
async function readBody(req: IncomingMessage): Promise<string | undefined> {
  if (Number(req.headers['content-length'] ?? 0) > maxBodyBytes) return undefined;
  let text = '';
  for await (const chunk of req.setEncoding('utf8')) {
    text += chunk;
    if (text.length > maxBodyBytes) return undefined;
  }
  return text;
}

function readTarget(text: string): { replica: number | undefined } | undefined {
  try {
    const body = JSON.parse(text) as { replica?: unknown } | null;
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
    const { replica } = body;
    if (replica !== undefined && !Number.isInteger(replica)) return undefined;
    return { replica: replica as number | undefined };
  } catch {
    return undefined;
  }
}
