import type { ServerResponse } from 'node:http';

/** All viewers of the page. */
export interface EventStream {
  readonly viewers: number;
  /** Sends `snapshot`, then all later events, until either side ends it. @returns false if there are too many viewers */
  join(res: ServerResponse, snapshot: object): boolean;
  send(event: 'snapshot' | 'update', data: object): void;
  close(): void;
}

const maxViewers = 20;
/** A viewer that leaves this much unread is disconnected; it may connect again. */
const maxUnreadBytes = 4 * 1024 * 1024;

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) whose `data` is JSON. */
export function createEventStream(): EventStream {
  const viewers = new Set<ServerResponse>();
  return {
    get viewers() {
      return viewers.size;
    },
    join(res, snapshot) {
      if (viewers.size >= maxViewers) return false;
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
      res.write(format('snapshot', snapshot));
      viewers.add(res);
      res.once('close', () => viewers.delete(res));
      return true;
    },
    send(event, data) {
      const text = format(event, data);
      for (const viewer of viewers) {
        if (viewer.writableLength > maxUnreadBytes) viewer.destroy();
        else viewer.write(text);
      }
    },
    close() {
      for (const viewer of viewers) viewer.end();
    },
  };
}

function format(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
