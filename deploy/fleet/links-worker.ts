import { parentPort, workerData } from 'node:worker_threads';
import { type Link, type LinkState, openLink } from './link.ts';
import type { LinkCall, LinkReply } from './links.ts';

// Runs in a thread of its own (links.ts): what measures a fleet must not slow the way between its parts.

const { targetPort } = workerData as { targetPort: number };
const links = new Map<number, Link & { state: LinkState }>();

parentPort?.on('message', async ({ id, call, replica, ms = 0 }: LinkCall) => {
  const reply: LinkReply = await perform(call, replica, ms).then(
    (result) => ({ id, result }),
    (err: Error) => ({ id, error: err.message }),
  );
  parentPort?.postMessage(reply);
});

async function perform(call: LinkCall['call'], replica: number, ms: number): Promise<number> {
  if (call === 'open') return open(replica);
  const link = links.get(replica);
  if (!link) throw new Error(`there is no link of replica ${replica}`);
  if (call === 'reset') return link.reset();
  if (call === 'close') link.close();
  if (call === 'close') links.delete(replica);
  if (call === 'cut') link.state = { ...link.state, isCut: true };
  if (call === 'delay') link.state = { ...link.state, delayMs: ms };
  if (call === 'heal') link.state = { delayMs: 0, isCut: false };
  if (call === 'cut' || call === 'delay' || call === 'heal') link.set(link.state);
  return link.port;
}

async function open(replica: number): Promise<number> {
  const link = await openLink(targetPort);
  links.set(replica, Object.assign(link, { state: { delayMs: 0, isCut: false } }));
  return link.port;
}
