import type { IncomingMessage } from 'node:http';
import type { Desk, Refusal } from './desk.ts';
import type { Watch } from './watch.ts';

export interface Answer {
  status: number;
  body: object;
}

const mostBodyBytes = 1024;

/** Does what a button of the page asks for: POST /actions/<name>, with `{"replica":2}` where it is for one. */
export async function answerPress(req: IncomingMessage, name: string, desk: Desk, watch: Watch): Promise<Answer> {
  if (req.method !== 'POST') return { status: 405, body: { error: 'Use POST.' } };
  if (!/^application\/json\b/.test(req.headers['content-type'] ?? ''))
    return { status: 415, body: { error: 'Send JSON.' } };
  const text = await readBody(req);
  if (text === undefined) return { status: 413, body: { error: `Send at most ${mostBodyBytes} bytes.` } };
  const target = readTarget(text);
  if (target === undefined) return { status: 400, body: { error: 'Send {} or {"replica":1}.' } };
  await watch.lookOnce();
  const refusal: Refusal | undefined = desk.press(name, target.replica, watch.situation());
  return refusal ? { status: refusal.status, body: { error: refusal.words } } : { status: 202, body: {} };
}

/** @returns undefined where it is too large */
async function readBody(req: IncomingMessage): Promise<string | undefined> {
  if (Number(req.headers['content-length'] ?? 0) > mostBodyBytes) return undefined;
  let text = '';
  for await (const chunk of req.setEncoding('utf8')) {
    text += chunk;
    if (text.length > mostBodyBytes) return undefined;
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
