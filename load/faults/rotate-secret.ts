import { type Fault, nothing, requireReplaced } from './fault.ts';

export const rotateSecret: Fault = {
  about: 'cookies are signed with a new secret, and those that the old one signed stay valid',
  seconds: 0,
  mayCost: nothing,
  async apply(fleet) {
    const before = await fleet.replicas();
    await fleet.rotateSecret();
    await requireReplaced(fleet, before);
    return {
      targets: before.map(({ name }) => name),
      landed: `${before.length} replicas were replaced twice: to accept the new secret, and to sign with it`,
    };
  },
};
