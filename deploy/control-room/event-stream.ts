import type { ServerResponse } from 'node:http';

/** Everybody who looks. */
export interface Stream {
  /** Sends `first` and from then on what all are told, until either side ends it. False where there are too many already. */
  join(res: ServerResponse, first: object): boolean;
  tell(event: 'whole' | 'news', data: object): void;
  close(): void;
}

const mostViewers = 20;
/** A viewer that does not read so much of what it was sent is let go; it may come again. */
const mostUnreadBytes = 4 * 1024 * 1024;

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), of which `data` is JSON. */
export function createStream(onFirst: () => void, onLast: () => void): Stream {
  const viewers = new Set<ServerResponse>();
  return {
    join(res, first) {
      if (viewers.size >= mostViewers) return false;
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
      res.write(message('whole', first));
      viewers.add(res);
      res.once('close', () => {
        viewers.delete(res);
        if (viewers.size === 0) onLast();
      });
      if (viewers.size === 1) onFirst();
      return true;
    },
    tell(event, data) {
      const text = message(event, data);
      for (const viewer of viewers) {
        if (viewer.writableLength > mostUnreadBytes) viewer.destroy();
        else viewer.write(text);
      }
    },
    close() {
      for (const viewer of viewers) viewer.end();
    },
  };
}

function message(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
