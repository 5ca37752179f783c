import type { Report } from './json.ts';

/** What is taken from the checks, by name, and what it is called here. */
const compared: [check: string, title: string][] = [
  ['lost-session', 'sessions lost'],
  ['lost-write', 'acknowledged writes lost'],
  ['stale-read', 'stale reads'],
  ['undone-logout', 'logouts undone'],
  ['failed-request', 'failed requests'],
  ['false-success', 'false successes'],
];

/** The columns in which stores are compared, in the README as on the page. */
export const titles = ['store', 'verdict', ...compared.map(([, title]) => title), 'longest stall'];

export interface Counts {
  count: number;
  /** Of so many; 0 where there was nothing to look at. */
  checked: number;
  excused: number;
}

/** What stands in the columns between the verdict and the longest stall. */
export function countsOf({ checks, requests }: Report): Counts[] {
  return compared.map(([name]) => {
    const { count = 0, checked = 0 } = checks.find((check) => check.name === name) ?? {};
    return { count, checked, excused: name === 'failed-request' ? requests.excused : 0 };
  });
}

export const aboutExcused =
  'Excused are requests that failed while a fault lasted that may cost them: better a 503 than a false success.';
