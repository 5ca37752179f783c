import { createHmac } from 'node:crypto';
import { type Fault, FaultError, logInAnew, nothing, requireReplaced } from './fault.ts';

export const rotateSecret: Fault = {
  about: 'cookies are signed with a new secret, and those that the old one signed stay valid',
  seconds: 0,
  mayCost: nothing,
  async apply(fleet, { breaks }) {
    const before = await fleet.replicas();
    breaks(before.map(({ name }) => name));
    const secret = await fleet.rotateSecret();
    await requireReplaced(fleet, before);
    const cookie = await logInAnew((await fleet.describe()).http);
    if (!isSigned(cookie, secret)) throw new FaultError('a new login has a cookie that the new secret did not sign');
    return `${before.length} replicas were replaced twice, and the new secret has signed a cookie`;
  },
};

/** express-session's cookies are `s:ID.SIGNATURE`, by cookie-signature (https://github.com/tj/node-cookie-signature). */
function isSigned(cookie: string, secret: string): boolean {
  const [, id = '', signature] = /^s:([^.]+)\.(.+)$/.exec(decodeURIComponent(cookie)) ?? [];
  return signature === createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '');
}
