/** One series of a response: its labels, and its values by time in seconds since 1970. */
export interface Series {
  labels: Record<string, string>;
  values: [at: number, value: number][];
}

const timeoutMs = 1500;

interface Response {
  status: string;
  error?: string;
  data: { result: { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] }[] };
}

/**
 * Sends Prometheus several named queries in one request. Each series of the response has its query's name in the label
 * `metric`.
 * @param range for every second of it, in seconds since 1970; for the present moment by default
 * @throws {Error} with a readable message if it does not answer within 1.5 s, or refuses
 */
export async function query(
  url: string,
  queries: Record<string, string>[],
  range?: { start: number; end: number },
): Promise<Series[]> {
  const named = queries
    .flatMap(Object.entries<string>)
    .map(([name, query]) => `label_replace(${query}, "metric", "${name}", "", "")`);
  const every = range && { start: String(range.start), end: String(range.end), step: '1' };
  const response = await fetch(`${url}/api/v1/${range ? 'query_range' : 'query'}`, {
    method: 'POST',
    body: new URLSearchParams({ query: named.join(' or '), ...every }),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: Error) => {
    throw new Error(cause.name === 'TimeoutError' ? 'no response' : 'connection refused', { cause });
  });
  const { status, error, data } = (await response.json()) as Response;
  if (status !== 'success') throw new Error(error ?? status);
  return data.result.map(({ metric, value, values = value ? [value] : [] }) => ({
    labels: metric,
    values: values.map(([at, text]) => [at, Number(text)]),
  }));
}
