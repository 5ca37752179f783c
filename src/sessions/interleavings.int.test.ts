import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test as vitestTest } from 'vitest';
import { type Answer, createVisitor, startTestRedis, type TestRedis } from '../../test/replica.ts';
import { startTestApp, type TestApp } from '../../test/sessions-app.ts';

// Random interleavings of requests to one session, on three replicas and a real Redis. A request reads when it starts
// and writes when it finishes; a model of the session says what each must be answered, and what stands in the end.

const kinds = ['read', 'set', 'set', 'push', 'push', 'count', 'held', 'seen', 'remember', 'login', 'logout'] as const;
const names = ['a', 'b', 'c'];
const request = fc.record({ kind: fc.constantFrom(...kinds), replica: fc.nat(2), name: fc.constantFrom(...names) });
/** Each number either starts the next request or finishes one of those under way. */
const schedule = fc.record({
  requests: fc.array(request, { minLength: 2, maxLength: 10 }),
  choices: fc.array(fc.nat(100), { minLength: 20, maxLength: 20 }),
});

type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;
type Attributes = Record<string, unknown>;

interface UnderWay extends Request {
  number: number;
  gate: string;
  /** What it has read, and of which life of the session (a login begins a new one). */
  read: Attributes;
  life: number;
  cookie: string;
  answer: Promise<Answer>;
}

let redis: TestRedis;
let interleavings = 0;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

describe.each(['durable', 'plain'] as const)('%s', (kind) => {
  const test = kind === 'durable' ? vitestTest : vitestTest.fails;
  let replicas: TestApp[];
  beforeAll(async () => {
    replicas = await Promise.all(
      [1, 2, 3].map(() => startTestApp(kind, redis.url, kind === 'durable' ? { lastWriteWins: ['seen'] } : {})),
    );
  });
  afterAll(() => Promise.all(replicas.map((replica) => replica.close())).then(() => {}));

  async function run({ requests, choices }: { requests: Request[]; choices: number[] }): Promise<void> {
    const begun = createVisitor(replicas[0]?.url ?? '');
    await begun.send('POST', '/set', { a: 0, count: 0 });
    const model = {
      attributes: { a: 0, count: 0 } as Attributes,
      life: 1,
      alive: true,
      cookie: begun.cookie,
      maxAge: 3600,
    };
    const waiting = [...requests];
    const underWay: UnderWay[] = [];
    interleavings += 1;
    for (let step = 0; waiting.length + underWay.length > 0; step++) {
      const choice = choices[step % choices.length] ?? 0;
      const next = waiting[0];
      if (next && (underWay.length === 0 || choice % 2 === 0)) {
        waiting.shift();
        underWay.push(await startOne(next, step, model));
      } else {
        const [chosen] = underWay.splice(choice % underWay.length, 1);
        if (chosen) await finishOne(chosen, model);
      }
    }
    const stands = await createVisitor(replicas[1]?.url ?? '', model.cookie).send('GET', '/');
    expect(stands.body).toEqual(model.alive ? model.attributes : {});
    const { body: lifetime } = await createVisitor(replicas[2]?.url ?? '', model.cookie).send('GET', '/lifetime');
    if (model.alive) expect(lifetime).toEqual({ maxAge: model.maxAge });
  }

  type Model = { attributes: Attributes; life: number; alive: boolean; cookie: string; maxAge: number };

  async function startOne(request: Request, number: number, model: Model): Promise<UnderWay> {
    // A cookie whose session has ended begins a new one with a write: only reads are of interest then.
    const { replica, name, ...rest } = request;
    const kind = model.alive ? rest.kind : 'read';
    const gate = `${interleavings}.${number}`;
    const visitor = createVisitor(replicas[replica]?.url ?? '', model.cookie);
    const [method, path, body] = {
      read: ['GET', '/', undefined],
      set: ['POST', '/set', { [name]: number + 1 }], // never what stands already: that would be no change
      push: ['POST', '/push', { item: number }],
      count: ['POST', '/count', undefined],
      held: ['POST', '/held', { item: number }],
      seen: ['POST', '/seen', { seen: number }],
      remember: ['POST', '/remember', { seconds: 100_000 + number }],
      login: ['POST', '/login', { name }],
      logout: ['POST', '/logout', undefined],
    }[kind] as [string, string, object | undefined];
    const answer = visitor.send(method, `${path}?gate=${gate}`, body).then((answer) => {
      if (kind === 'login' && answer.status === 200) model.cookie = visitor.cookie;
      return answer;
    });
    answer.catch(() => {}); // of those that are never waited for, where a run ends early
    await replicas[replica]?.arrived(gate);
    const read = model.alive ? structuredClone(model.attributes) : {};
    return { ...request, kind, number, gate, read, life: model.alive ? model.life : 0, cookie: model.cookie, answer };
  }

  async function finishOne(request: UnderWay, model: Model): Promise<void> {
    const { kind, replica, gate, read, life, name, number } = request;
    replicas[replica]?.open(gate);
    const { status, body } = await request.answer;
    if (kind === 'read') return void expect({ status, body }).toEqual({ status: 200, body: read });
    const stands = model.alive && model.life === life;
    if (kind === 'logout') {
      expect(status).toBe(204);
      if (stands) model.alive = false;
      return;
    }
    if (!stands) return void expect(status).toBe(401);
    if (kind === 'login') {
      expect(status).toBe(200);
      model.life += 1;
      model.attributes.user = { id: name };
    } else if (kind === 'push') {
      model.attributes.list = [...((model.attributes.list as unknown[]) ?? []), number];
      expect({ status, body }).toEqual({ status: 201, body: { list: model.attributes.list } });
    } else if (kind === 'seen') {
      expect(status).toBe(200);
      model.attributes.seen = number;
    } else if (kind === 'remember') {
      expect(status).toBe(200);
      model.maxAge = 100_000 + number;
    } else if (kind === 'held') {
      const isConflict = JSON.stringify(model.attributes.held) !== JSON.stringify(read.held);
      expect(status).toBe(isConflict ? 409 : 200);
      if (!isConflict) model.attributes.held = [...((read.held as unknown[]) ?? []), number];
    } else {
      const [attribute, value] = kind === 'count' ? ['count', Number(read.count) + 1] : [name, number + 1];
      const isConflict = JSON.stringify(model.attributes[attribute]) !== JSON.stringify(read[attribute]);
      if (isConflict) return void expect(status).toBe(409);
      expect(status).toBe(kind === 'count' ? 200 : 201);
      model.attributes[attribute] = value;
    }
  }

  test('G2, G3, G4: whatever the interleaving, each request is answered as the model says, and that is what is stored', async () => {
    const numRuns = kind === 'durable' ? 500 : 50;
    await fc.assert(fc.asyncProperty(schedule, run), { numRuns, endOnFailure: true });
    console.log(`${interleavings} interleavings`);
  });
});
