import { spawnSync } from 'node:child_process';
import { withSystemPath } from './process.ts';

/** What this machine's nginx and Redis say that they are; "unknown" where one does not say. */
export function readVersions(env: NodeJS.ProcessEnv): { nginx: string; redis: string } {
  const ask = (command: string, flag: string, pattern: RegExp) => {
    const options = { encoding: 'utf8', env: withSystemPath(env), timeout: 5000 } as const;
    const { stdout, stderr } = spawnSync(command, [flag], options);
    return pattern.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown'; // nginx says it on its standard error
  };
  return { nginx: ask('nginx', '-v', /nginx\/(\S+)/), redis: ask('redis-server', '--version', /v=(\S+)/) };
}
