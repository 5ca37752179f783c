import type { Socket } from 'node:net';

/** What passes from one end to the other: bytes, the end of them, or a reset. */
type Passing = Buffer | 'end' | 'reset';

/** As much as a link holds back before it stops reading, as a network's buffers do. */
const mostHeldBytes = 1024 * 1024;

/** One direction of a connection. Everything arrives in the order in which it was sent, also where the delay changes. */
export class LinkWay {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #held: { what: Passing; sentAt: number }[] = [];
  #heldBytes = 0;
  #delayMs: number;
  #isCut: boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, { delayMs, isCut }: { delayMs: number; isCut: boolean }) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
    this.#isCut = isCut;
    from.on('data', (bytes: Buffer) => this.#send(bytes));
    from.on('end', () => this.#send('end'));
    from.on('close', (hadError) => hadError && this.#send('reset'));
    to.on('drain', () => this.#flow());
    if (isCut) from.pause();
  }

  /** What is on its way waits too, and arrives once the way is whole: TCP sends again what was not acknowledged. */
  set({ delayMs, isCut }: { delayMs: number; isCut: boolean }): void {
    this.#delayMs = delayMs;
    this.#isCut = isCut;
    this.#deliver();
    this.#flow();
  }

  #send(what: Passing): void {
    this.#held.push({ what, sentAt: performance.now() });
    this.#heldBytes += what.length;
    this.#deliver();
    this.#flow();
  }

  #deliver(): void {
    clearTimeout(this.#timer);
    while (!this.#isCut) {
      const [next] = this.#held;
      if (!next) return;
      const leftMs = next.sentAt + this.#delayMs - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#arrive(), leftMs);
        return;
      }
      this.#held.shift();
      this.#heldBytes -= next.what.length;
      this.#pass(next.what);
    }
  }

  #arrive(): void {
    this.#deliver();
    this.#flow();
  }

  #pass(what: Passing): void {
    if (this.#to.destroyed) return;
    if (what === 'reset') resetSocket(this.#to);
    else if (what === 'end') this.#to.end();
    else this.#to.write(what);
  }

  #flow(): void {
    const isFull = this.#heldBytes > mostHeldBytes || this.#to.writableNeedDrain;
    if (this.#isCut || isFull) this.#from.pause();
    else this.#from.resume();
  }
}

/** Ends a connection so that the other side takes it for broken. What has sent its end already cannot be reset. */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
