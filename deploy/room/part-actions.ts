import type { Action } from './action.ts';

const redis = { target: 'redis', object: 'Redis', mark: 'redis', costs: true, limitSeconds: 30 } as const;
const nginx = { target: 'nginx', object: 'nginx', mark: 'nginx', limitSeconds: 30 } as const;
const users = { target: 'users', object: 'the users', mark: null, limitSeconds: 30 } as const;

/** What can be done to what the replicas depend on, and to who visits them. */
export const partActions = {
  'redis-restart': {
    ...redis,
    label: 'Restart',
    words: ['Restarting', 'Restarted', 'restart'],
    needs: 'redis.restart',
    run: ({ fleet }) => fleet.redis.restart(),
  },
  'redis-pause': {
    ...redis,
    label: 'Hang',
    words: ['Hanging', 'Hung', 'hang'],
    needs: 'redis.pause',
    why: ({ redis }) => (redis === 'down' ? 'Redis is down' : undefined),
    run: ({ fleet }) => fleet.redis.pause(),
  },
  'redis-resume': {
    ...redis,
    label: 'Resume',
    words: ['Resuming', 'Resumed', 'resume'],
    needs: 'redis.resume',
    run: ({ fleet }) => fleet.redis.resume(),
  },
  'redis-kill': {
    ...redis,
    label: 'Kill',
    words: ['Killing', 'Killed', 'kill'],
    needs: 'redis.kill',
    run: ({ fleet }) => fleet.redis.kill('SIGKILL'),
  },
  'redis-start': {
    ...redis,
    label: 'Start',
    words: ['Starting', 'Started', 'start'],
    needs: 'redis.start',
    run: ({ fleet }) => fleet.redis.start(),
  },
  'nginx-reload': {
    ...nginx,
    label: 'Reload',
    words: ['Reloading', 'Reloaded', 'reload'],
    needs: 'proxy.reload',
    why: ({ nginx }) => (nginx === 'up' || nginx === 'unknown' ? undefined : 'nginx is down'),
    run: ({ fleet }) => fleet.proxy.reload(),
  },
  'nginx-kill': {
    ...nginx,
    label: 'Kill',
    words: ['Killing', 'Killed', 'kill'],
    needs: 'proxy.kill',
    costs: true,
    run: ({ fleet }) => fleet.proxy.kill('SIGKILL'),
  },
  'nginx-start': {
    ...nginx,
    label: 'Start',
    words: ['Starting', 'Started', 'start'],
    needs: 'proxy.start',
    run: ({ fleet }) => fleet.proxy.start(),
  },
  'users-start': {
    ...users,
    label: 'Start the users',
    words: ['Starting', 'Started', 'start'],
    why: ({ sight }) => sight.reserved,
    run: async ({ fleet, visitors }) => visitors.start(await fleet.describe()),
  },
  'users-stop': {
    ...users,
    label: 'Stop the users',
    words: ['Stopping', 'Stopped', 'stop'],
    why: ({ sight }) => sight.reserved,
    run: ({ visitors }) => visitors.stop(),
  },
} satisfies Record<string, Action>;
