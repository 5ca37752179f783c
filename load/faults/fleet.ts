import { createHmac } from 'node:crypto';
import type { Fleet } from '../../deploy/fleet/fleet.ts';
import {
  added,
  askReplica,
  type Fault,
  FaultError,
  logInOnce,
  namesOf,
  noImpact,
  requireReplaced,
  requireVersion,
} from './fault.ts';

/** More than a session lives without use: a replica that trusted its own clock would end every session, or none. */
const skewMinutes = 90;

const oneDiffers = ({ isUniform }: Fleet) => (isUniform ? 'replicas with settings of their own' : undefined);

/** Changes of the fleet itself: rolling restarts, scaling, deployments, settings. */
export const fleetFaults = {
  roll: {
    about: 'the replicas are restarted one after the other (SIGTERM)',
    target: 'fleet',
    seconds: 0,
    impactBudget: noImpact,
    async apply(fleet, { declare }) {
      const before = await fleet.replicas();
      declare(before.map(({ name }) => name));
      await fleet.roll();
      await requireReplaced(fleet, before);
      return `${before.length} replicas were restarted`;
    },
  },

  'scale-up': {
    about: 'two replicas are added, then removed again',
    target: 'fleet',
    seconds: 3,
    impactBudget: noImpact,
    async apply(fleet, { declare }) {
      const before = await fleet.replicas();
      declare([], () => fleet.scale(before.length));
      await fleet.scale(before.length + 2);
      const joined = await added(fleet, before);
      declare(joined.map(({ name }) => name));
      if (joined.length !== 2) throw new FaultError(`${joined.length} replicas were added, not 2`);
      for (const { name } of joined) await askReplica(fleet, name);
      return `${namesOf(joined)} answer`;
    },
  },

  'scale-down': {
    about: 'a replica is removed, then one is added again',
    target: 'fleet',
    seconds: 3,
    impactBudget: noImpact,
    async apply(fleet, { declare }) {
      const before = await fleet.replicas();
      if (before.length < 2) throw new FaultError('it needs two replicas');
      declare([], () => fleet.scale(before.length));
      await fleet.scale(before.length - 1);
      const after = await fleet.replicas();
      const gone = before.filter(({ name }) => !after.some((replica) => replica.name === name));
      declare(gone.map(({ name }) => name));
      if (gone.length !== 1) throw new FaultError(`${gone.length} replicas were removed, not 1`);
      return `${namesOf(gone)} is gone, ${after.length} remain`;
    },
  },

  deploy: {
    about: 'every replica is replaced by a new version, one after the other, then by the previous version again',
    target: 'fleet',
    seconds: 0,
    impactBudget: noImpact,
    async apply(fleet, { random, declare }) {
      const before = await fleet.replicas();
      const [first] = before;
      if (!first) throw new FaultError('it needs a replica');
      const previous = await askReplica(fleet, first.name);
      const version = `0.0.0-deploy.${Math.floor(random() * 1e6)}`;
      declare(
        before.map(({ name }) => name),
        () => fleet.deploy({ APP_VERSION: previous.version }),
      );
      await fleet.deploy({ APP_VERSION: version });
      const after = await fleet.replicas();
      for (const { name } of after) await requireVersion(fleet, name, version);
      return `${namesOf(after)} run version ${version}`;
    },
  },

  'rotate-secret': {
    about: 'cookies are signed with a new secret; those signed with the old one stay valid',
    target: 'fleet',
    seconds: 0,
    impactBudget: noImpact,
    async apply(fleet, { declare }) {
      const before = await fleet.replicas();
      declare(before.map(({ name }) => name));
      const secret = await fleet.rotateSecret();
      await requireReplaced(fleet, before);
      const cookie = await logInOnce((await fleet.describe()).http);
      if (!isSigned(cookie, secret))
        throw new FaultError('the cookie of a new login is not signed with the new secret');
      return `${before.length} replicas were restarted twice, and the new secret signed a cookie`;
    },
  },

  'clock-skew': {
    about: `two replicas join with clocks ${skewMinutes} minutes ahead and behind`,
    target: 'fleet',
    seconds: 5,
    impactBudget: noImpact,
    missingCapability: oneDiffers,
    async apply(fleet, { declare }) {
      const before = await fleet.replicas();
      declare([], () => fleet.scale(before.length));
      for (const minutes of [skewMinutes, -skewMinutes]) {
        const name = await addReplica(fleet, { NODE_OPTIONS: shiftClock(minutes * 60_000) });
        declare([name]);
        const { startedAt } = await askReplica(fleet, name);
        const offset = Math.round((Date.parse(startedAt) - Date.now()) / 60_000);
        if (Math.abs(offset - minutes) > 2) throw new FaultError(`the clock of ${name} is off by ${offset} minutes`);
      }
      return `the clocks of ${namesOf(await added(fleet, before))} are ${skewMinutes} minutes ahead and behind`;
    },
  },

  /** The same code with another version number and other settings: there is no older session format yet. */
  'mixed-versions': {
    about: 'a replica of another version, with other session limits, runs beside the others',
    target: 'fleet',
    seconds: 5,
    impactBudget: noImpact,
    missingCapability: oneDiffers,
    async apply(fleet, { declare }) {
      const before = await fleet.replicas();
      declare([], () => fleet.scale(before.length));
      const version = '0.0.0-next';
      const settings = { SESSION_IDLE_SECONDS: '7200', SESSION_MAX_BYTES: '32768' };
      const name = await addReplica(fleet, { APP_VERSION: version, ...settings });
      declare([name]);
      await requireVersion(fleet, name, version);
      return `${name} runs version ${version}`;
    },
  },
} as const satisfies Record<string, Fault>;

/** Adds a replica with settings of its own. @returns its name */
async function addReplica(fleet: Fleet, settings: Record<string, string>): Promise<string> {
  const before = await fleet.replicas();
  await fleet.scale(before.length + 1, undefined, settings);
  const [joined] = await added(fleet, before);
  if (!joined) throw new FaultError('no replica was added');
  return joined.name;
}

/** express-session's cookies are `s:ID.SIGNATURE`, by cookie-signature (https://github.com/tj/node-cookie-signature). */
function isSigned(cookie: string, secret: string): boolean {
  const [, id = '', signature] = /^s:([^.]+)\.(.+)$/.exec(decodeURIComponent(cookie)) ?? [];
  return signature === createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '');
}

/** Node options that shift the time of `Date`; a data: URL, so that no file is needed where the replica runs. */
function shiftClock(offsetMs: number): string {
  const code = `const Real=Date;globalThis.Date=class Date extends Real{constructor(...a){a.length?super(...a):super(Real.now()+${offsetMs})}static now(){return Real.now()+${offsetMs}}}`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}
