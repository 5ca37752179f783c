import type { ReplicaStatus } from './fleet.ts';

/** Lines up columns; a column of figures is aligned to the right. */
export function renderTable(head: string[], rows: (string | number)[][]): string {
  const texts = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)));
  const right = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number' || row[column] === '-'),
  );
  const line = (row: string[]) =>
    row
      .map((text, column) => (right[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0)))
      .join('  ');
  return texts.map((row) => line(row).trimEnd()).join('\n');
}

export function renderReplicas(replicas: ReplicaStatus[], now = Date.now()): string {
  const rows = replicas.map(({ number, name, runsAs, state, since, requestsServed }) => {
    return [number, name, runsAs, state, since ? ago(now - new Date(since).getTime()) : '-', requestsServed ?? '-'];
  });
  return renderTable(['replica', 'name', 'runs as', 'state', 'since', 'requests served'], rows);
}

function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
}
