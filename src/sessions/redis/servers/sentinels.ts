import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type Address, type Client, isSameAddress, type Resolver } from '../client.ts';
import { within } from '../deadline.ts';
import { askSentinel, latestOf, type Sighting } from './sighting.ts';

const askEveryMs = 500;
const answerMs = 500;
const stragglerMs = 100;
/** After so many questions without an answer the connection to a sentinel is replaced. */
const maxSilences = 3;

/**
 * Asks all sentinels twice a second which server is the primary, as long as a client follows it. The highest epoch counts, and
 * of one epoch what most say; at first most must answer. So a sentinel that was cut off from the others misleads none. Emits
 * `moved` when the primary is another one.
 *
 * It asks, where a subscription to `+switch-master` would tell: one that was cut is silent, like one that has nothing to say.
 */
export class Sentinels extends EventEmitter<{ moved: [] }> implements Resolver {
  readonly #name: string;
  readonly #addresses: Address[];
  readonly #connectTo: (address: Address) => Client;
  #clients: Client[] = [];
  /** Those that answered the last time. One that hangs is not waited for again until it has answered a later question. */
  #answering = new Set<Client>();
  /** How many questions in a row each has not answered. */
  readonly #silences = new WeakMap<Client, number>();
  #round: Promise<unknown> = Promise.resolve();
  /** The next round of questions, which are not sent yet. */
  #nextRound: Promise<Sighting[]> | undefined;
  #followers = 0;
  #known: Sighting | undefined;
  #problem = '';
  #lastError = '';
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
    this.#clients = this.#addresses.map((address) => this.#open(address));
    const connecting = this.#clients.map((client) => client.connect().catch(() => {}));
    const connected = within(answerMs, Promise.all(connecting)).catch(() => {}); // those that are not yet are asked later
    this.#asked = connected.then(() => this.#ask(this.#clients));
    void this.#asked.then(() => this.#keepAsking(this.#clients));
  }

  #open(address: Address): Client {
    const client = this.#connectTo(address);
    // It connects again, and the others are asked meanwhile.
    client.on('error', (err) => {
      this.#lastError = err.message;
    });
    return client;
  }

  /**
   * A machine that is lost does not close its connections: without this, its sentinel would count as gone for a quarter of an
   * hour after it is back. Connecting again also resolves its name again.
   */
  #noteSilence(clients: Client[], at: number): void {
    const client = clients[at] as Client;
    if (!client.isReady) return; // it connects again by itself
    const silences = (this.#silences.get(client) ?? 0) + 1;
    this.#silences.set(client, silences);
    if (silences < maxSilences || this.#clients !== clients) return;
    client.destroy();
    this.#answering.delete(client);
    clients[at] = this.#open(this.#addresses[at] as Address);
    clients[at].connect().catch(() => {});
  }

  release(): void {
    this.#followers -= 1;
    if (this.#followers > 0) return;
    for (const client of this.#clients) if (client.isOpen) client.destroy();
    this.#clients = [];
    this.#answering.clear();
  }

  /** The primary, as last heard. @throws {Error} that says why it is not known */
  async primary(): Promise<Address> {
    await this.#asked;
    if (!this.#known) throw new Error(this.#problem);
    return this.#known;
  }

  /**
   * Whether this server is still the primary: most sentinels answer, the answer with the highest epoch names it, and none has
   * begun to replace it. To be asked after its replicas have confirmed a write: while a primary that is alive is replaced, its
   * other replicas confirm writes that the successor does not get. Calls at the same time share a round of questions.
   */
  async confirms(server: Address): Promise<boolean> {
    this.#nextRound ??= this.#startRound();
    const sightings = await this.#nextRound;
    const latest = latestOf(sightings);
    return (
      this.#areMost(sightings) &&
      latest !== undefined &&
      isSameAddress(latest, server) &&
      !sightings.some((sighting) => sighting.isLeaving && isSameAddress(sighting, server))
    );
  }

  async #startRound(): Promise<Sighting[]> {
    await this.#round;
    this.#nextRound = undefined;
    const round = this.#askMost([...this.#answering]);
    this.#round = round;
    return round;
  }

  /** Waits for all answers; once most are there, not longer than stragglerMs for the rest: one may hang. */
  async #askMost(clients: Client[]): Promise<Sighting[]> {
    const sightings: Sighting[] = [];
    const enough = Promise.withResolvers<void>();
    let last: NodeJS.Timeout | undefined;
    const answers = clients.map(async (client) => {
      try {
        sightings.push(await this.#askOne(client));
        if (this.#areMost(sightings)) last ??= setTimeout(enough.resolve, stragglerMs).unref();
      } catch {
        this.#answering.delete(client);
      }
    });
    await Promise.race([Promise.all(answers), enough.promise]);
    clearTimeout(last);
    return [...sightings];
  }

  #areMost(sightings: Sighting[]): boolean {
    return sightings.length > this.#addresses.length / 2;
  }

  async #keepAsking(clients: Client[]): Promise<void> {
    while (this.#clients === clients && clients.length > 0) {
      await pause(askEveryMs, undefined, { ref: false });
      await this.#ask(clients);
    }
  }

  async #ask(clients: Client[]): Promise<void> {
    const answers = await Promise.allSettled(clients.map((client) => this.#askOne(client)));
    for (const [at, { status }] of answers.entries()) {
      if (status === 'rejected') this.#noteSilence(clients, at);
      else this.#noteAnswer(clients[at] as Client);
    }
    const sightings = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const latest = latestOf(sightings);
    if (!this.#known) this.#problem = this.#explain(answers, sightings.length);
    // One alone may have been away itself, and name a primary that has been replaced since.
    if (!this.#known && !this.#areMost(sightings)) return;
    if (!latest || (this.#known && this.#known.epoch > latest.epoch)) return;
    const isNew = !this.#known || !isSameAddress(latest, this.#known);
    const names = sightings.filter((sighting) => isSameAddress(sighting, latest));
    if (isNew && this.#known?.epoch === latest.epoch && !this.#areMost(names)) return;
    this.#known = latest;
    if (isNew) this.emit('moved');
  }

  #noteAnswer(client: Client): void {
    this.#answering.add(client);
    this.#silences.delete(client);
  }

  async #askOne(client: Client): Promise<Sighting> {
    if (!client.isReady) throw new Error('not connected');
    return within(answerMs, askSentinel(client, this.#name));
  }

  #explain(answers: PromiseSettledResult<Sighting>[], answered: number): string {
    const list = this.#addresses.map(({ host, port }) => `${host}:${port}`).join(', ');
    const refused = answers.find(({ status, ...answer }) => 'reason' in answer && /No such master/.test(answer.reason));
    if (refused) return `the sentinels ${list} know no primary named ${this.#name}`;
    const count = answered > 0 ? `only ${answered} of the sentinels` : 'no sentinel';
    return `${count} answers at ${list}: ${this.#lastError}`;
  }
}
