import { type Fault, FaultError } from './fault.ts';

export const killNginx: Fault = {
  about: 'nginx is killed (SIGKILL) and started again: nobody can be answered',
  seconds: 1,
  mayCost: { failures: 'all', stallMs: null, answerMs: 3000, isFelt: true },
  async apply(fleet, { breaks }) {
    const { http } = await fleet.describe();
    breaks(['nginx'], () => fleet.proxy.start());
    await fleet.proxy.kill('SIGKILL');
    const answer = await fetch(`${http}/whoami`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    if (answer) throw new FaultError(`somebody still answers at ${http}`);
    return `nobody answers at ${http}`;
  },
};
