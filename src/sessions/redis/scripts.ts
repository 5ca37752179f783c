import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { StoreCommand } from '../events.ts';
import { sha1 } from '../hash.ts';

/** A Lua script: its text, the digest under which Redis keeps it, and the command that events name. */
export interface Script {
  command: StoreCommand;
  /** Running it twice, or after its caller has given up, changes nothing that a visitor sees. */
  isHarmless?: boolean;
  text: string;
  digest: string;
}

function readLua(name: string): string {
  return readFileSync(path.join(import.meta.dirname, 'lua', `${name}.lua`), 'utf8');
}

function createScript(command: StoreCommand, text: string): Script {
  return { command, text, digest: sha1(text) };
}

const shared = readLua('shared');

/** Each file in lua/ names its keys, its arguments and what it returns. */
export const writeScript = createScript('set', shared + readLua('write'));
export const renewScript = createScript('renew', shared + readLua('renew'));
export const joinScript = { ...createScript('list', readLua('join')), isHarmless: true };
export const endScript = createScript('destroy', readLua('end'));
export const takeOverScript = createScript('migrate', readLua('take-over'));
