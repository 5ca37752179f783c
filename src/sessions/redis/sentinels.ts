import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Address, Client } from './client.ts';

/** Which server is the primary: a later one has a higher epoch. */
interface Sighting extends Address {
  epoch: number;
}

const askEveryMs = 500;
const answerMs = 500;

/**
 * Asks all sentinels twice a second which server is the primary, as long as a client follows it. The answer with the highest
 * epoch counts, so a sentinel that was cut off from the others misleads none. Emits `moved` when the primary is another one.
 *
 * It asks, where a subscription to `+switch-master` would tell: one that was cut is silent, like one that has nothing to say.
 */
export class Sentinels extends EventEmitter<{ moved: [] }> {
  readonly #name: string;
  readonly #addresses: Address[];
  readonly #connectTo: (address: Address) => Client;
  #clients: Client[] = [];
  #followers = 0;
  #known: Sighting | undefined;
  #problem = '';
  /** Resolves once they were asked for the first time. */
  #asked: Promise<void> = Promise.resolve();

  constructor(name: string, addresses: Address[], connectTo: (address: Address) => Client) {
    super();
    this.#name = name;
    this.#addresses = addresses;
    this.#connectTo = connectTo;
    this.setMaxListeners(0); // one for each client that follows
  }

  /** Begins to ask, unless it does already. Each call needs one of `release`. */
  acquire(): void {
    this.#followers += 1;
    if (this.#followers > 1) return;
    this.#clients = this.#addresses.map((address) => this.#connectTo(address));
    const connecting = this.#clients.map((client) => {
      client.on('error', () => {}); // it connects again, and the others are asked meanwhile
      return client.connect().catch(() => {});
    });
    this.#asked = withTimeLimit(Promise.all(connecting)).then(() => this.#ask(this.#clients));
    void this.#asked.then(() => this.#keepAsking(this.#clients));
  }

  release(): void {
    this.#followers -= 1;
    if (this.#followers > 0) return;
    for (const client of this.#clients) if (client.isOpen) client.destroy();
    this.#clients = [];
  }

  /** The primary, as last heard. @throws {Error} that says why it is not known */
  async primary(): Promise<Address> {
    await this.#asked;
    if (!this.#known) throw new Error(this.#problem);
    return this.#known;
  }

  async #keepAsking(clients: Client[]): Promise<void> {
    while (this.#clients === clients && clients.length > 0) {
      await pause(askEveryMs, undefined, { ref: false });
      await this.#ask(clients);
    }
  }

  async #ask(clients: Client[]): Promise<void> {
    const answers = await Promise.allSettled(clients.map((client) => this.#askOne(client)));
    const sightings = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const latest = sightings.toSorted((a, b) => b.epoch - a.epoch)[0];
    if (!latest && !this.#known) this.#problem = this.#explain(answers);
    if (!latest || (this.#known && this.#known.epoch > latest.epoch)) return;
    const isNew = latest.host !== this.#known?.host || latest.port !== this.#known.port;
    this.#known = latest;
    if (isNew) this.emit('moved');
  }

  async #askOne(client: Client): Promise<Sighting> {
    if (!client.isReady) throw new Error('not connected');
    const late = pause(answerMs, undefined, { ref: false }).then(() => {
      throw new Error(`no answer within ${answerMs} ms`);
    });
    // The address comes from the first: during a failover the second has the old one, with the new epoch.
    const replies = ['GET-MASTER-ADDR-BY-NAME', 'MASTER'].map((what) =>
      client.sendCommand(['SENTINEL', what, this.#name]),
    );
    const [address, primary] = await Promise.race([Promise.all(replies), late]);
    const [host, port] = address as [string, string];
    return { host, port: Number(port), epoch: Number(fieldsOf(primary).get('config-epoch')) };
  }

  #explain(answers: PromiseSettledResult<Sighting>[]): string {
    const list = this.#addresses.map(({ host, port }) => `${host}:${port}`).join(', ');
    const refused = answers.find(({ status, ...answer }) => 'reason' in answer && /No such master/.test(answer.reason));
    return refused ? `the sentinels ${list} know no primary named ${this.#name}` : `no sentinel answers at ${list}`;
  }
}

/** Waits for it, but not longer than for an answer. */
async function withTimeLimit(work: Promise<unknown>): Promise<void> {
  await Promise.race([work, pause(answerMs, undefined, { ref: false })]);
}

/** A map of RESP3, or the flat list of RESP2. */
function fieldsOf(reply: unknown): Map<unknown, unknown> {
  if (reply instanceof Map) return reply;
  const list = Array.isArray(reply) ? reply : Object.entries(reply as object).flat();
  return new Map(list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1]] as const] : [])));
}
