export const none = '–';

export function count(value) {
  return value === null || value === undefined ? none : Math.round(value).toLocaleString('en-US');
}

/** A rate: 0, 0.4, 92 */
export function rate(value) {
  if (value === null || value === undefined) return none;
  return value > 0 && value < 9.95 ? value.toFixed(1) : count(value);
}

/** 0.8 ms, 12 ms, 1.2 s */
export function latency(ms) {
  if (ms === null || ms === undefined) return none;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** 12 s, 4 min, 3 h */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}

export function clock(ms) {
  return new Date(ms).toLocaleTimeString('en-GB');
}

export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}
