export const maxSeed = 2 ** 32 - 1;

/** For a run that repeats no other. */
export function drawSeed(): number {
  return Math.floor(Math.random() * (maxSeed + 1));
}

/** Random numbers from 0 to 1 that follow from the seed (mulberry32, Tommy Ettinger, 2017): a run can be repeated. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
