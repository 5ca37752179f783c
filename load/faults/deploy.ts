import { askReplica, type Fault, FaultError, nothing } from './fault.ts';

export const deploy: Fault = {
  about: 'every replica is replaced by one of a new version, one after the other',
  seconds: 0,
  mayCost: nothing,
  async apply(fleet, random) {
    const before = await fleet.replicas();
    const version = `0.0.0-deploy.${Math.floor(random() * 1e6)}`;
    await fleet.deploy({ APP_VERSION: version });
    const after = await fleet.replicas();
    for (const { name } of after) {
      const said = await askReplica(fleet, name);
      if (said.version !== version) throw new FaultError(`${name} is version ${said.version}, not ${version}`);
    }
    return {
      targets: before.map(({ name }) => name),
      landed: `${after.length} replicas say that they are version ${version}`,
    };
  },
};
