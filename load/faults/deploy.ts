import { askReplica, type Fault, FaultError, namesOf, nothing } from './fault.ts';

export const deploy: Fault = {
  about: 'every replica is replaced by one of a new version, one after the other, and then by one of the former',
  seconds: 0,
  mayCost: nothing,
  async apply(fleet, { random, breaks }) {
    const before = await fleet.replicas();
    const [first] = before;
    if (!first) throw new FaultError('there is no replica');
    const former = await askReplica(fleet, first.name);
    const version = `0.0.0-deploy.${Math.floor(random() * 1e6)}`;
    breaks(
      before.map(({ name }) => name),
      () => fleet.deploy({ APP_VERSION: former.version }),
    );
    await fleet.deploy({ APP_VERSION: version });
    const after = await fleet.replicas();
    for (const { name } of after) {
      const said = await askReplica(fleet, name);
      if (said.version !== version) throw new FaultError(`${name} is version ${said.version}, not ${version}`);
    }
    return `${namesOf(after)} say that they are version ${version}`;
  },
};
