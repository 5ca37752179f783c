import { type Fault, FaultError } from './fault.ts';

export const killReplica: Fault = {
  about: 'one replica is killed (SIGKILL) and started again',
  mayFail: false,
  async apply(fleet, random) {
    const ready = (await fleet.replicas()).filter(({ state }) => state === 'ready');
    const victim = ready[Math.floor(random() * ready.length)];
    if (!victim || ready.length < 2) throw new FaultError('kill-replica needs two replicas that are ready');
    await fleet.kill(victim.number, 'SIGKILL');
    const after = (await fleet.replicas()).find(({ number }) => number === victim.number);
    if (after?.state !== 'down') throw new FaultError(`${victim.name} is ${after?.state} after SIGKILL`);
    const served = victim.requestsServed === null ? '' : `, after ${victim.requestsServed} requests`;
    return {
      targets: [victim.name],
      landed: `${victim.name} (${victim.runsAs}) is gone${served}`,
      heal: () => fleet.restart(victim.number),
    };
  },
};
