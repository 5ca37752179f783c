// Imported first: Node keeps what it has compiled of commands, and of the replicas that they start, for the next start.
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/unsticky', import.meta.url));
enableCompileCache(process.env.NODE_COMPILE_CACHE);
