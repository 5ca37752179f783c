import { expect, test } from 'vitest';
import { createApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { createContext } from '../context.ts';
import { createLifecycle } from '../lifecycle.ts';
import { createMetrics } from './metrics.ts';
import { readRoutes } from './route-templates.ts';
import type { SessionEvent, StoreCommand, StoreOutcome } from '../sessions/index.ts';

const commands: StoreCommand[] = ['get', 'set', 'renew', 'destroy', 'list', 'find', 'migrate', 'time'];
const outcomes: StoreOutcome[] = ['ok', 'error', 'timeout', 'refused', 'unconfirmed'];

/** What only reads waits for no replica. */
const canBe = (command: StoreCommand, outcome: StoreOutcome) =>
  outcome !== 'unconfirmed' || !['get', 'find'].includes(command);

function start(replica: string) {
  const config = readConfig({ SESSION_STORE: 'memory', LOG_LEVEL: 'silent', REPLICA: replica });
  const routes = readRoutes(createApp(createContext(config)));
  const metrics = createMetrics({
    config: { ...config, store: 'durable' },
    lifecycle: createLifecycle(),
    isStoreUp: () => true,
    failovers: () => 2,
    logOutput: { dropped: () => 3 },
  });
  metrics.knowRoutes(routes);
  return { metrics, routes };
}

type Arguments = Parameters<ReturnType<typeof start>['metrics']['requestEnded']>;

/** As long as a container's host name. */
test.each(['replica-50', '0123456789ab'])(
  'with every series that there can be, %s takes less than 50 KiB',
  async (name) => {
    const { metrics, routes } = start(name);
    for (const route of routes) {
      const { path } = route;
      for (const [method] of Object.entries(route.methods)) {
        for (const statusCode of [200, 404, 503, 0])
          metrics.requestEnded(
            ...([
              { route, method: method.toUpperCase() },
              statusCode,
              path === '/events' && statusCode === 200 ? undefined : 3,
            ] as unknown as Arguments),
          );
      }
    }
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])
      metrics.requestEnded(...([{ path: '/no/such/path', method }, 404, 3] as unknown as Arguments));
    for (const command of commands)
      for (const outcome of outcomes) if (canBe(command, outcome)) metrics.observeStore(command, outcome, 1);
    const text = await metrics.read();
    expect(text).toContain(`route="/cart/items/:sku",status="none",replica="${name}"} 1`);
    expect(text).toContain(`redis_failovers_total{replica="${name}"} 2`);
    expect(text).toContain(`log_lines_dropped_total{replica="${name}"} 3`);
    console.log(`${Buffer.byteLength(text)} bytes`);
    expect(Buffer.byteLength(text)).toBeLessThan(50 * 1024);
  },
);

test.each<[SessionEvent, string]>([
  [{ type: 'created' }, 'session_events_total{event="created"'],
  [{ type: 'renewed' }, 'session_events_total{event="renewed"'],
  [{ type: 'logged_out' }, 'session_events_total{event="logged_out"'],
  [{ type: 'revoked' }, 'session_events_total{event="revoked"'],
  [{ type: 'expired' }, 'session_events_total{event="expired"'],
  [{ type: 'conflict', outcome: 'merged' }, 'session_conflicts_total{outcome="merged"'],
  [{ type: 'conflict', outcome: 'retried' }, 'session_conflicts_total{outcome="retried"'],
  [{ type: 'conflict', outcome: 'refused' }, 'session_conflicts_total{outcome="refused"'],
  [{ type: 'resurrection_prevented' }, 'session_resurrections_prevented_total{'],
  [{ type: 'replayed' }, 'session_idempotent_replays_total{'],
  [{ type: 'commit_failed', code: 'session-ended' }, 'session_commits_failed_total{'],
  ...outcomes.map((outcome): [SessionEvent, string] => [
    { type: 'operation', command: 'set', outcome, ms: 1 },
    `session_store_operations_total{command="set",outcome="${outcome}"`,
  ]),
])('%o is counted as %s, and nothing else is; it was there before, as 0', async (event, series) => {
  const { metrics } = start('replica-1');
  const counted = async () => {
    const lines = (await metrics.read()).split('\n').filter((line) => /^session_\w+_total\{/.test(line));
    return lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]);
  };
  const before = await counted();
  expect(before.find(([name]) => String(name).startsWith(series))?.[1]).toBe(0);
  metrics.observeSessions(event);
  const risen = (await counted()).filter(([, value]) => value !== 0);
  expect(risen).toEqual([[expect.stringContaining(series), 1]]);
});
