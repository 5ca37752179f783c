import { brotliCompressSync, gzipSync } from 'node:zlib';

/** A request as bytes: most are no request that a client would make. */
export interface FuzzRequest {
  kind: FuzzKind;
  bytes: Buffer;
  /** It must be answered. Of another, such as one without the end of its head, the server may wait for the rest. */
  isComplete: boolean;
}

export type FuzzKind = keyof typeof makers;

/** Whose session nothing may open: a cookie, which requests carry with one character changed. */
export interface Victim {
  cookie: string;
}

/** Makes one request after the other. They follow from `random` and the victim's cookie. */
export function createRequests(random: () => number, victim: Victim): () => FuzzRequest {
  const draw = createDraw(random);
  const kinds = Object.keys(makers) as FuzzKind[];
  return () => {
    const kind = draw.one(kinds);
    const draft: Draft = makers[kind](draw, victim);
    const { head, body = '', isComplete = true } = draft;
    return { kind, bytes: Buffer.concat([toBytes(head), toBytes(body)]), isComplete };
  };
}

interface Draft {
  head: string | Buffer;
  body?: string | Buffer;
  /** True unless said otherwise. */
  isComplete?: boolean;
}

type Draw = ReturnType<typeof createDraw>;
type Maker = (draw: Draw, victim: Victim) => Draft;

function createDraw(random: () => number) {
  const below = (count: number) => Math.floor(random() * count);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => below(256)));
  return { below, one, bytes, chance: (share: number) => random() < share };
}

/** Each character of a text is one byte. */
const toBytes = (part: string | Buffer) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
const long = (length: number) => 'a'.repeat(length);

const routes = ['/', '/whoami', '/profile', '/cart', '/cart/items', '/preferences', '/login', '/logout', '/sessions'];
const changes = [
  ['POST', '/login'],
  ['POST', '/cart/items'],
  ['PATCH', '/preferences'],
  ['DELETE', '/sessions'],
  ['POST', '/logout'],
  ['POST', '/page/cart?key=k'],
  ['POST', '/page/login'],
] as const;

function headOf(line: string, headers: string[]): string {
  return [line, 'Host: localhost', ...headers, '', ''].join('\r\n');
}

function withBody(draw: Draw, body: string | Buffer, headers: string[] = []): Draft {
  const [method, path] = draw.one(changes);
  const length = `Content-Length: ${toBytes(body).length}`;
  const type = draw.one(['application/json', 'application/json', 'application/x-www-form-urlencoded']);
  return { head: headOf(`${method} ${path} HTTP/1.1`, [`Content-Type: ${type}`, length, ...headers]), body };
}

const makers = {
  'as it should be'(draw) {
    const key = draw.chance(0.3) ? [`Idempotency-Key: key-${draw.below(50)}`] : [];
    const name = draw.one(['Ada', 'Grace Hopper', 'آدا', '👩‍🚀', '漢字']);
    const body = draw.one([
      { name },
      { sku: `tea-${draw.below(20)}`, quantity: draw.below(5) },
      { language: 'en', theme: 'dark' },
      {},
    ]);
    return withBody(draw, Buffer.from(JSON.stringify(body)), key);
  },

  'a read'(draw) {
    const accept = draw.one(['*/*', 'text/html', 'application/json', 'text/html;q=banana', long(3000), '']);
    return { head: headOf(`${draw.one(['GET', 'HEAD'])} ${draw.one(routes)} HTTP/1.1`, [`Accept: ${accept}`]) };
  },

  'a request line'(draw) {
    const method = draw.one([
      'GET',
      'get',
      'FOO',
      'TRACE',
      'CONNECT',
      'PRI',
      'G\0T',
      'PROPFIND',
      'QUERY',
      long(300),
      '',
    ]);
    const target = draw.one([
      '*',
      '//',
      '/..%2f..%2fetc/passwd',
      '/../../x',
      '/%00',
      '/%',
      '/%ff%fe',
      '/\x80\xff',
      'http://elsewhere.example/x',
      'localhost:80',
      `/${long(9000)}`,
      `/?${'a=b&'.repeat(1000)}`,
      '/cart/items/%2e%2e%2f',
      '/cart/items/__proto__',
      '/sessions/..%00',
      '/nginx-problem/500',
      '',
    ]);
    const version = draw.one(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'http/1.1', 'HTTP/1.1 x']);
    return { head: headOf(`${method} ${target} ${version}`, ['Connection: close']) };
  },

  headers(draw) {
    const line = () =>
      draw.one([
        `${long(5000)}: x`,
        `X: ${long(7000)}`,
        ': nameless',
        'Without a colon',
        ' folded: x',
        'X\0: y',
        'X: \0\r',
        'X: \x80\xfe\xff',
        'Host: another.example',
        'Host:',
        'Expect: 100-continue',
        'Expect: a miracle',
        'Connection: Host, Cookie, Content-Length',
        'Upgrade: h2c\r\nConnection: Upgrade',
        'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x',
        'Range: bytes=0-,0-,0-',
        'If-None-Match: *',
        'X-Forwarded-For: 127.0.0.1, ::1',
        'X-Forwarded-Proto: https',
        'Forwarded: for="[::1]";proto=https',
        'X-Request-Id: \u0085 or 1 --',
        'X-HTTP-Method-Override: DELETE',
        'Sec-Fetch-Site: cross-site',
        'Origin: null',
        'Idempotency-Key: ',
        `Idempotency-Key: ${long(200)}`,
      ]);
    const lines = Array.from({ length: 1 + draw.below(draw.chance(0.05) ? 150 : 4) }, line);
    const end = draw.one(['\r\n', '\r\n', '\n']);
    const [method, path] = draw.chance(0.5) ? ['GET', draw.one(routes)] : draw.one(changes);
    const text = [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...lines, 'Connection: close', '', ''].join(end);
    return { head: text, isComplete: !/expect|upgrade/i.test(text) };
  },

  cookies(draw, { cookie }) {
    const [name = '', value = ''] = cookie.split('=');
    const at = draw.below(value.length);
    const other = draw.one(
      [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~%:'].filter((c) => c !== value[at]),
    );
    const forged = `${name}=${value.slice(0, at)}${other}${value.slice(at + 1)}`;
    const cookies = draw.one([
      forged,
      forged,
      forged,
      `${name}=${value.slice(0, at)}`,
      `${name}=${value.slice(0, value.indexOf('.'))}`,
      `${name}=${value.replace(/\..*/, `.${long(43)}`)}`,
      `__Host-${name}=${value.slice(at)}`,
      `${name}=; ${name}=s%3A; ${name}=%`,
      `${name}=%ff%fe%00`,
      `${name}="${value.slice(1)}"`,
      `__proto__=1; constructor=2; ${name}=s:__proto__.x`,
      `${long(6000)}=1`,
      `${name}=${long(7000)}`,
      `${'x=1; '.repeat(500)}${forged}`,
      '=;=;;;,,\t',
      '\x80=\xff',
    ]);
    const [method, path] = draw.chance(0.7) ? ['GET', draw.one(routes)] : draw.one(changes);
    return { head: headOf(`${method} ${path} HTTP/1.1`, [`Cookie: ${cookies}`]) };
  },

  bodies(draw) {
    const body = draw.one([
      '['.repeat(5000),
      '{"a":'.repeat(3000),
      '{"__proto__":{"user":{"id":"x"}},"name":"x"}',
      '{"constructor":{"prototype":{"a":1}}}',
      '{"name":"\\ud800"}',
      '{"name":"\\u0000"}',
      '{"name":"\xc0\xaf"}',
      '{"name":"\xff\xfe"}',
      `{"name":"${long(15_000)}"}`,
      '{"name":1e999,"quantity":-1e-999}',
      '{"sku":{"toString":null},"quantity":[[[1]]]}',
      '{"sku":"__proto__","quantity":1}',
      '{"sku":"a","quantity":9007199254740993}',
      '{"language":["en"],"theme":{}}',
      '{"name":"x","name":"y"}',
      '{"name":"<script>alert(1)</script>"}',
      '\xef\xbb\xbf{}',
      'null',
      '"text"',
      '{',
      '',
      'name=%00&name=%ff&__proto__=1',
      `${'a=1&'.repeat(2000)}`,
      `x=${long(20_000)}`,
    ]);
    return withBody(draw, body);
  },

  encodings(draw) {
    const json = '{"name":"Ada"}';
    const [encoding, body] = draw.one<[string, string | Buffer]>([
      ['gzip', gzipSync(json)],
      ['gzip', bomb],
      ['gzip', json],
      ['gzip', gzipSync(json).subarray(0, 12)],
      ['gzip, gzip', gzipSync(gzipSync(json))],
      ['br', brotliCompressSync(json)],
      ['br', json],
      ['deflate', '\x78\x9c\x00'],
      ['zstd', json],
      ['identity', json],
      [long(500), json],
    ]);
    return withBody(draw, body, [`Content-Encoding: ${encoding}`]);
  },

  chunks(draw) {
    const [body, isComplete] = draw.one<[string, boolean]>([
      [`${'1\r\na\r\n'.repeat(2900)}0\r\n\r\n`, true],
      ['e\r\n{"name":"Ada"}\r\n0\r\n\r\n', true],
      ['e;x="y";z\r\n{"name":"Ada"}\r\n0\r\nX: trailer\r\n\r\n', true],
      ['0e\r\n{"name":"Ada"}\r\n000\r\n\r\n', true],
      ['-1\r\n{}\r\n0\r\n\r\n', true],
      ['0x2\r\n{}\r\n0\r\n\r\n', true],
      ['ffffffffffffffffff\r\n{}\r\n0\r\n\r\n', true],
      ['zz\r\n{}\r\n', true],
      ['7fffffffffffffff\r\n{}', false],
      ['2\r\n{}', false],
      ['2\n{}\n0\n\n', false],
    ]);
    const [method, path] = draw.one(changes);
    const headers = ['Content-Type: application/json', 'Transfer-Encoding: chunked'];
    return { head: headOf(`${method} ${path} HTTP/1.1`, headers), body, isComplete };
  },

  // What follows the first request is one of its own for a server that reads the lengths in another way than nginx does.
  smuggling(draw) {
    const hidden = 'GET /profile HTTP/1.1\r\nHost: localhost\r\nX: ';
    const lengths = draw.one([
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked', 'Content-Length: 4'],
      ['Content-Length: 0', `Content-Length: ${hidden.length}`],
      [`Content-Length: 0, ${hidden.length}`],
      ['Content-Length: +0'],
      ['Content-Length: -1'],
      ['Content-Length: 0x0'],
      ['Content-Length : 0'],
      ['Content-Length: 0\r\n 5'],
      ['Transfer-Encoding: xchunked'],
      ['Transfer-Encoding: chunked, identity'],
      ['Transfer-Encoding: identity, chunked'],
      ['Transfer-Encoding:\tchunked'],
      ['Transfer-Encoding : chunked'],
      ['Transfer-Encoding:\r\n chunked'],
      ['Transfer-Encoding: "chunked"'],
      ['X: y\nTransfer-Encoding: chunked'],
      ['\x0bTransfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked\0'],
    ]);
    const [method, path] = draw.one(changes);
    const head = headOf(`${method} ${path} HTTP/1.1`, ['Content-Type: application/json', ...lengths]);
    return { head, body: `0\r\n\r\n${hidden}`, isComplete: false };
  },

  'random bytes'(draw) {
    return { head: draw.bytes(1 + draw.below(500)), isComplete: false };
  },

  'a request with changed bytes'(draw) {
    const { head, body = '' } = withBody(draw, '{"name":"Ada","sku":"tea","quantity":1}');
    const bytes = Buffer.concat([toBytes(head), toBytes(body)]);
    for (let times = 1 + draw.below(5); times > 0; times--) bytes[draw.below(bytes.length)] = draw.below(256);
    return { head: bytes, isComplete: false };
  },
} as const satisfies Record<string, Maker>;

/** 50 MB in 50 KB is more than may be sent; 8 MB in 8 KB is not. */
const bomb = gzipSync(Buffer.alloc(8_000_000));
