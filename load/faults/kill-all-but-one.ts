import { type Fault, FaultError, namesOf, nothing, requireState } from './fault.ts';

export const killAllButOne: Fault = {
  about: 'all replicas but one are killed (SIGKILL) at once and started again',
  seconds: 3,
  mayCost: nothing,
  async apply(fleet, { random, taken, breaks }) {
    const ready = (await fleet.replicas()).filter(({ state, name }) => state === 'ready' && !taken.includes(name));
    const survivor = Math.floor(random() * ready.length);
    const victims = ready.filter((_, index) => index !== survivor);
    if (victims.length === 0) throw new FaultError('it needs two replicas that are ready');
    for (const { name, number } of victims) breaks([name], () => fleet.restart(number));
    await Promise.all(victims.map(({ number }) => fleet.kill(number, 'SIGKILL')));
    for (const victim of victims) await requireState(fleet, victim, 'down');
    return `${namesOf(victims)} are gone`;
  },
};
