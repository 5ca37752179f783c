import { added, askReplica, type Fault, FaultError, nothing } from './fault.ts';

const version = '0.0.0-next';

/** The same code with another version and other settings: no format of an older release exists yet. */
export const mixedVersions: Fault = {
  about: 'a replica of another version, with other limits for sessions, works beside the others',
  seconds: 5,
  mayCost: nothing,
  async apply(fleet, { breaks }) {
    const before = await fleet.replicas();
    breaks([], () => fleet.scale(before.length));
    await fleet.scale(before.length + 1, undefined, {
      APP_VERSION: version,
      SESSION_IDLE_SECONDS: '7200',
      SESSION_MAX_BYTES: '32768',
    });
    const [joined] = await added(fleet, before);
    if (!joined) throw new FaultError('no replica was added');
    breaks([joined.name]);
    const said = await askReplica(fleet, joined.name);
    if (said.version !== version) throw new FaultError(`${joined.name} is version ${said.version}, not ${version}`);
    return `${joined.name} says that it is version ${version}`;
  },
};
