import type { Fleet } from '../../deploy/fleet/fleet.ts';
import { type Fault, type FaultContext, FaultError, namesOf, noImpact, pickReady, requireState } from './fault.ts';

async function pauseOne(fleet: Fleet, context: FaultContext): Promise<string> {
  const victim = await pickReady(fleet, context);
  context.declare([victim.name], () => fleet.resume(victim.number));
  await fleet.pause(victim.number);
  await requireState(fleet, victim, 'paused');
  return `${victim.name} (${victim.runsAs}) is paused`;
}

/** Faults of one replica's process, or of several at once. */
export const replicaFaults = {
  'kill-replica': {
    about: 'a replica is killed (SIGKILL) and started again',
    target: 'replica',
    seconds: 3,
    impactBudget: noImpact,
    async apply(fleet, context) {
      const victim = await pickReady(fleet, context);
      context.declare([victim.name], () => fleet.restart(victim.number));
      await fleet.kill(victim.number, 'SIGKILL');
      await requireState(fleet, victim, 'down');
      const served = victim.requestsServed === null ? '' : ` after ${victim.requestsServed} requests`;
      return `${victim.name} (${victim.runsAs}) is gone${served}`;
    },
  },

  'stop-replica': {
    about: 'a replica gets SIGTERM, drains, and is started again',
    target: 'replica',
    seconds: 3,
    impactBudget: noImpact,
    async apply(fleet, context) {
      const victim = await pickReady(fleet, context);
      context.declare([victim.name], () => fleet.restart(victim.number));
      await fleet.kill(victim.number, 'SIGTERM');
      await requireState(fleet, victim, 'down');
      return `${victim.name} (${victim.runsAs}) has drained and exited`;
    },
  },

  'pause-replica': {
    about: 'a replica hangs (SIGSTOP): it accepts connections and answers none',
    target: 'replica',
    seconds: 5,
    // Only nginx's read timeout of 2 s detects a paused process.
    impactBudget: { ...noImpact, stallMs: 3000 },
    apply: pauseOne,
  },

  'hang-replica': {
    about: 'a replica hangs for longer: nginx sets it aside, and users are served as before',
    target: 'replica',
    seconds: 20, // time for as many requests as a comparison of throughput needs
    impactBudget: { ...noImpact, stallMs: 3000, steady: { afterMs: 3000, throughput: 0.9, p99Ms: 250 } },
    apply: pauseOne,
  },

  'kill-all-but-one': {
    about: 'all replicas but one are killed (SIGKILL) at once and started again',
    target: 'replica',
    seconds: 3,
    impactBudget: noImpact,
    async apply(fleet, { random, taken, declare }) {
      const ready = (await fleet.replicas()).filter(({ state, name }) => state === 'ready' && !taken.includes(name));
      const survivor = Math.floor(random() * ready.length);
      const victims = ready.filter((_, index) => index !== survivor);
      if (victims.length === 0) throw new FaultError('it needs two ready replicas');
      for (const { name, number } of victims) declare([name], () => fleet.restart(number));
      await Promise.all(victims.map(({ number }) => fleet.kill(number, 'SIGKILL')));
      for (const victim of victims) await requireState(fleet, victim, 'down');
      return `${namesOf(victims)} are gone`;
    },
  },
} as const satisfies Record<string, Fault>;
