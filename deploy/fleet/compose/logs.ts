import { followDocker } from '../containers/follow.ts';
import type { LogOptions } from '../fleet.ts';
import type { Docker } from './docker.ts';

const logs = ['logs', '--no-color'];

/** The last lines of all parts in the order of their times, then new ones. */
export async function writeComposeLogs(
  docker: Docker,
  { parts = [], lines, follow }: LogOptions,
  write: (line: string) => void,
): Promise<void> {
  const now = new Date().toISOString();
  const last = await docker.compose([...logs, '--timestamps', '--until', now, '--tail', String(lines), ...parts]);
  const timed = last.split('\n').flatMap((line) => (line === '' ? [] : splitTime(line)));
  for (const { line } of timed.sort((a, b) => (a.time < b.time ? -1 : 1))) write(line);
  const following = ['compose', ...logs, '--follow', '--since', now, ...parts];
  if (follow) await followDocker(following, docker.env, write, { ending: follow });
}

/** `part | 2026-01-31T12:00:00.123456789Z text`: times of one length. */
function splitTime(line: string): { time: string; line: string } {
  const [, part = '', time = '', text = ''] = /^([^|]*\| )(\S+) ?(.*)$/s.exec(line) ?? [];
  return { time, line: part + text };
}
