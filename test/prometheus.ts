import { readFileSync } from 'node:fs';

// Support for the tests of queries: those of the dashboard and the rules, and the responses of a live Prometheus.

export interface Query {
  /** Its URL for people. */
  where: string;
  expr: string;
}

interface Dashboard {
  annotations: { list: { name: string; target: { expr: string } }[] };
  templating: { list: { name: string; query: { query: string } }[] };
  panels: { title: string; targets?: { expr: string }[] }[];
}

export const dashboard: Dashboard = JSON.parse(
  readFileSync(new URL('../deploy/grafana/dashboards/fleet.json', import.meta.url), 'utf8'),
);

/** A query without its fallback for no data, which would be a response to any query. */
export function withoutFallback(expr: string): string {
  return expr.replace(/ or (vector\(0\)|0 \* \S+)$/, '');
}

/** Every query of the dashboard, that of its variable included, as Grafana sends it for all replicas, without fallbacks. */
export function dashboardQueries(): Query[] {
  const { panels, annotations, templating } = dashboard;
  return [
    ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: `panel ${title}`, expr }))),
    ...annotations.list.map(({ name, target }) => ({ where: `annotation ${name}`, expr: target.expr })),
    ...templating.list.map(({ name, query }) => ({ where: `variable ${name}`, expr: labelled(query.query) })),
  ].map(({ where, expr }) => ({ where, expr: asGrafanaSends(expr) }));
}

/** nginx and Redis are scraped through exporters, which only containers have. */
export const needsExporter = ({ expr }: Query) => /job="(nginx|redis)"/.test(expr);

function asGrafanaSends(expr: string): string {
  return withoutFallback(expr).replaceAll('$__rate_interval', '4s').replaceAll('$replica', '.*');
}

/** The values of a label, from the series that have it. */
function labelled(query: string): string {
  const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
  return `count by (${label}) (${metric})`;
}

/** The Prometheus at this URL. */
export class Prometheus {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** How many replicas it reached the last time. */
  async replicasUp(): Promise<number> {
    const [found] = await this.ask('count(up{job="replicas"} == 1)');
    return found?.value ?? 0;
  }

  /** The newest samples. @returns the labels of each series, and its value */
  async ask(expr: string): Promise<{ labels: Record<string, string>; value: number }[]> {
    const { result } = await this.#get<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
      `query?${new URLSearchParams({ query: expr })}`,
    );
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** The number of numeric samples that a panel shows of the last `seconds`. */
  async count(expr: string, seconds: number): Promise<number> {
    const end = Date.now() / 1000;
    const range = { query: expr, start: String(end - seconds), end: String(end), step: '1' };
    const { result } = await this.#get<{ result: { values: [number, string][] }[] }>(
      `query_range?${new URLSearchParams(range)}`,
    );
    return result.flatMap(({ values }) => values).filter(([, value]) => Number.isFinite(Number(value))).length;
  }

  /** The alerts that are pending or firing, with their texts. */
  async alerts(): Promise<{ labels: Record<string, string>; annotations: Record<string, string>; state: string }[]> {
    return (await this.#get<{ alerts: Awaited<ReturnType<Prometheus['alerts']>> }>('alerts')).alerts;
  }

  async rules(): Promise<{ name: string; query: string; type: 'alerting' | 'recording'; health: string }[]> {
    const { groups } = await this.#get<{ groups: { rules: Awaited<ReturnType<Prometheus['rules']>> }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}/api/v1/${path}`);
    const { data, error } = (await response.json()) as { data: T; error?: string };
    if (error) throw new Error(`${path}: ${error}`);
    return data;
  }
}
