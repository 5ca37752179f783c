// Imported first: with NODE_USE_ENV_PROXY=1, Node would ask the proxy of the environment for 127.0.0.1. Processes that are
// started inherit it.
const own = ['127.0.0.1', 'localhost', '::1'];

for (const name of ['NO_PROXY', 'no_proxy']) {
  const others = process.env[name]?.split(',').filter((host) => host.trim() !== '') ?? [];
  process.env[name] = [...new Set([...others, ...own])].join(',');
}
