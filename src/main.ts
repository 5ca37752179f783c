import { type Config, ConfigError, readConfig } from './config.ts';
import { createContext } from './context.ts';
import { nameInCompose } from './replica-name.ts';
import { startReplica } from './server.ts';

const config = readConfigOrExit({ ...process.env, REPLICA: process.env.REPLICA || (await nameInCompose()) });
const context = createContext(config);
const { logger, logOutput } = context;
process.once('exit', logOutput.flushSync);
const starting = startReplica(context);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop(signal));
try {
  const { port, adminPort, ready } = await starting;
  if (config.secretsAreForDevelopment)
    logger.warn('SESSION_SECRETS is not set: cookies are signed with a public secret');
  await ready;
  const startMs = Math.round(performance.now());
  const rssMb = Math.round(process.memoryUsage.rss() / 1e6);
  logger.info({ host: config.host, port, adminPort, store: config.store, startMs, rssMb }, 'ready');
} catch (err) {
  logger.fatal({ err }, 'cannot start');
  process.exit(1);
}

/** Drains and exits: with 0 if every request was answered. A second signal exits at once. */
async function stop(signal: string): Promise<void> {
  logger.info({ signal }, 'draining');
  for (const again of ['SIGTERM', 'SIGINT'] as const) {
    process.removeAllListeners(again).once(again, () => process.exit(1));
  }
  const { drain } = await starting;
  const finished = await drain();
  logger[finished ? 'info' : 'warn']({ finished }, 'stopped');
  process.exit(finished ? 0 : 1);
}

function readConfigOrExit(env: NodeJS.ProcessEnv): Config {
  try {
    return readConfig(env);
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err;
    console.error(err.message);
    process.exit(1);
  }
}
