import type { Fault } from './fault.ts';
import { redisKill } from './redis-kill.ts';

export const redisOutage: Fault = {
  ...redisKill,
  about: 'Redis is killed and stays away for 5 s',
  seconds: 5,
};
