import { connect } from 'node:net';

/** Asks the Redis at a port of 127.0.0.1, over a connection of its own. @returns after how many ms it answered; null where it did not within `ms`, or is loading its data */
export function pingRedis(port: number, ms: number): Promise<number | null> {
  const start = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n')); // inline, so that it needs no client
    const end = (answer: number | null) => {
      clearTimeout(late);
      socket.destroy();
      resolve(answer);
    };
    const late = setTimeout(end, ms, null);
    socket.once('data', (said) => end(said.toString().startsWith('+PONG') ? performance.now() - start : null));
    socket.once('error', () => end(null));
    socket.once('close', () => end(null));
  });
}
