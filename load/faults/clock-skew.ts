import { added, askReplica, type Fault, FaultError, namesOf, nothing } from './fault.ts';

/** More than a session lives without use: a replica that trusted its clock would end every session, or none. */
const minutes = 90;

export const clockSkew: Fault = {
  about: `two replicas join whose clocks are ${minutes} minutes ahead, and behind`,
  seconds: 5,
  mayCost: nothing,
  async apply(fleet, { breaks }) {
    const before = await fleet.replicas();
    breaks([], () => fleet.scale(before.length));
    for (const offset of [minutes, -minutes]) {
      const here = await fleet.replicas();
      await fleet.scale(here.length + 1, undefined, { NODE_OPTIONS: preload(offset * 60_000) });
      const [joined] = await added(fleet, here);
      if (!joined) throw new FaultError('no replica was added');
      breaks([joined.name]);
      const { startedAt } = await askReplica(fleet, joined.name);
      const off = Math.round((Date.parse(startedAt) - Date.now()) / 60_000);
      if (Math.abs(off - offset) > 2) throw new FaultError(`the clock of ${joined.name} is off by ${off} minutes`);
    }
    return `the clocks of ${namesOf(await added(fleet, before))} are ${minutes} minutes ahead, and behind`;
  },
};

/** Node options that shift what Date knows; as a data: URL, they need no file where the replica runs. */
function preload(offsetMs: number): string {
  const code = `const Real=Date;globalThis.Date=class Date extends Real{constructor(...a){a.length?super(...a):super(Real.now()+${offsetMs})}static now(){return Real.now()+${offsetMs}}}`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}
