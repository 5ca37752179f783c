import type { EventLoopStall } from './history.ts';

const everyMs = 20;
const shortestMs = 100;

/** Records when the event loop of this process stalls for 100 ms or more. @returns a function that stops and returns them */
export function recordEventLoopStalls(now: () => number): () => EventLoopStall[] {
  const stalls: EventLoopStall[] = [];
  let last = now();
  const timer = setInterval(() => {
    const present = now();
    if (present - last > shortestMs) stalls.push({ start: last, end: present });
    last = present;
  }, everyMs).unref();
  return () => {
    clearInterval(timer);
    return stalls;
  };
}
