import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid: string };
  targets?: { refId: string; expr: string }[];
}
const text = read('dashboards/fleet.json');
const { panels, annotations, templating } = JSON.parse(text);
const datasource = read('provisioning/datasources/prometheus.yml');

test('panels have unique ids and do not overlap', () => {
  expect(new Set(panels.map(({ id }: Panel) => id)).size).toBe(panels.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels as Panel[]) {
    const { x, y, w, h } = gridPos;
    expect(x + w, title).toBeLessThanOrEqual(24);
    for (let cell = 0; cell < w * h; cell++) {
      const place = `${x + (cell % w)},${y + Math.floor(cell / w)}`;
      expect(taken.get(place), `${title} lies over another`).toBeUndefined();
      taken.set(place, title);
    }
  }
});

test('every query uses the provisioned data source', () => {
  const uid = /uid: (\S+)/.exec(datasource)?.[1];
  const asking = [...panels.filter(({ type }: Panel) => type !== 'row'), ...annotations.list, ...templating.list];
  for (const { datasource } of asking) expect(datasource).toEqual({ type: 'prometheus', uid });
  for (const { type, title, targets = [] } of panels as Panel[]) {
    if (type !== 'row') expect(targets.length, title).toBeGreaterThan(0);
    expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
  }
});

test('it uses only defined variables', () => {
  const used = new Set([...text.matchAll(/\$(\w+)/g)].map(([, name]) => name));
  expect([...used].sort()).toEqual([
    '__all',
    '__rate_interval',
    ...templating.list.map(({ name }: { name: string }) => name),
  ]);
});
