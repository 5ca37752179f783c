import type { Pause } from './history.ts';

const everyMs = 20;
const shortestMs = 100;

/** Notes when this process stands still for 100 ms or more. @returns a function that ends it */
export function watchPauses(now: () => number): () => Pause[] {
  const pauses: Pause[] = [];
  let last = now();
  const timer = setInterval(() => {
    const present = now();
    if (present - last > shortestMs) pauses.push({ start: last, end: present });
    last = present;
  }, everyMs).unref();
  return () => {
    clearInterval(timer);
    return pauses;
  };
}
