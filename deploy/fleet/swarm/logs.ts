import type { Container } from '../containers/docker.ts';
import { FleetError, type LogOptions } from '../fleet.ts';
import { pause } from '../wait.ts';
import type { Swarm } from './engines.ts';

/** How soon the lines of a new container come. */
const lookMs = 1000;

/**
 * The last lines of all services, or of those named, in the order of their times, then new ones. Asks each engine itself:
 * `docker service logs` fails as long as a machine is gone, and ends with the manager that leads.
 */
export async function writeSwarmLogs(
  swarm: Swarm,
  { parts = [], lines, follow }: LogOptions,
  write: (line: string) => void,
): Promise<void> {
  const wanted = async () =>
    (await swarm.containers()).filter(({ service }) => parts.length === 0 || parts.includes(service));
  const containers = await wanted();
  const missing = parts.find((part) => !containers.some(({ service }) => service === part));
  if (missing) {
    const known = new Set((await swarm.containers()).map(({ service }) => service));
    throw new FleetError(`there is no service ${missing}: there are ${[...known].sort().join(', ')}`);
  }
  const now = new Date().toISOString();
  const last: { time: string; line: string }[] = [];
  const note = (container: Container) => (text: string) => last.push(splitTime(container, text));
  const args = ['--timestamps', '--until', now, '--tail', String(lines)];
  await Promise.all(containers.map((one) => swarm.logs(one, args, note(one))));
  for (const { line } of last.sort((a, b) => (a.time < b.time ? -1 : 1))) write(line);
  if (follow) await followContainers(swarm, { wanted, write, now, ending: follow });
}

interface Following {
  wanted(): Promise<Container[]>;
  write(line: string): void;
  /** Lines of the first containers are written from then on, those of later ones from their start. */
  now: string;
  ending: AbortSignal;
}

async function followContainers(swarm: Swarm, { wanted, write, now, ending }: Following): Promise<void> {
  const followed = new Map<string, Promise<void>>();
  for (let since = ['--since', now]; !ending.aborted; since = []) {
    for (const one of await wanted().catch(() => [])) {
      const writeLine = (text: string) => write(splitTime(one, text).line);
      if (!followed.has(one.Id))
        followed.set(one.Id, swarm.logs(one, ['--timestamps', '--follow', ...since], writeLine, ending));
    }
    await pause(lookMs, ending);
  }
  await Promise.all(followed.values());
}

/** `2026-01-31T12:00:00.123456789Z text`: times of one length. */
function splitTime({ Name }: Container, text: string): { time: string; line: string } {
  const at = text.indexOf(' ');
  return { time: text.slice(0, at), line: `${Name.slice(1)} | ${text.slice(at + 1)}` };
}
