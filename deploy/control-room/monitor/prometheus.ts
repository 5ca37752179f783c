/** One series of an answer: its labels, and its values by time in seconds since 1970. */
export interface Series {
  labels: Record<string, string>;
  values: [at: number, value: number][];
}

const limitMs = 1500;

/**
 * Asks Prometheus several things in one request. The answer's series say by the label `figure` what they are.
 * @throws {Error} in words, where it does not answer within 1.5 s, or refuses
 */
export function askNow(url: string, figures: Record<string, string>): Promise<Series[]> {
  return ask(url, 'query', { query: joined(figures) });
}

/** The same for every second from `start` to `end`, in seconds since 1970. */
export function askRange(url: string, figures: Record<string, string>, start: number, end: number): Promise<Series[]> {
  return ask(url, 'query_range', { query: joined(figures), start: String(start), end: String(end), step: '1' });
}

function joined(figures: Record<string, string>): string {
  const named = Object.entries(figures).map(([name, query]) => `label_replace(${query}, "figure", "${name}", "", "")`);
  return named.join(' or ');
}

interface Answer {
  status: string;
  error?: string;
  data: { result: { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] }[] };
}

async function ask(url: string, path: string, parameters: Record<string, string>): Promise<Series[]> {
  const response = await fetch(`${url}/api/v1/${path}`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
    signal: AbortSignal.timeout(limitMs),
  }).catch((cause: Error) => {
    throw new Error(cause.name === 'TimeoutError' ? 'it is silent' : 'nobody listens there', { cause });
  });
  const { status, error, data } = (await response.json()) as Answer;
  if (status !== 'success') throw new Error(error ?? status);
  return data.result.map(({ metric, value, values = value ? [value] : [] }) => ({
    labels: metric,
    values: values.map(([at, text]) => [at, Number(text)]),
  }));
}
