import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { markers, renderComparison, replaceBetweenMarkers } from './comparison.ts';
import { createSampleReport } from './sample.ts';

test('stores are compared in a table, with what is excused', () => {
  const plain = createSampleReport({ store: 'plain', verdict: 'fail', seconds: 10 });
  const durable = createSampleReport({ seconds: 10 });
  Object.assign(plain.requests, { excused: 0 });
  Object.assign(durable.requests, { excused: 12 });
  expect(renderComparison([plain, durable], 'npm run compare')).toBe(
    `
| store     | verdict | sessions lost | acknowledged writes lost | stale reads | logouts undone | failed requests             | false successes | longest stall |
| --------- | ------- | ------------- | ------------------------ | ----------- | -------------- | --------------------------- | --------------- | ------------- |
| \`plain\`   | fail    | 3 of 812      | 137 of 5630              | 12 of 9120  | 1 of 212       | 0 of 5000                   | 0 of 0          | 413 ms        |
| \`durable\` | pass    | 0 of 812      | 0 of 5630                | 0 of 9120   | 0 of 212       | 0 of 5000 (12 more excused) | 0 of 0          | 413 ms        |

(\`npm run compare\`. Excused are requests that failed while a fault lasted that may cost them: better a 503 than a false success.)`.trim(),
  );
});

test('the README has the markers, and only what is between them is replaced', () => {
  const readme = readFileSync('README.md', 'utf8');
  const [before, rest] = readme.split(markers[0]) as [string, string];
  const [, after] = rest.split(markers[1]) as [string, string];
  expect(replaceBetweenMarkers(readme, 'a table')).toBe(`${before}${markers[0]}\n\na table\n\n${markers[1]}${after}`);
  expect(() => replaceBetweenMarkers(after, 'a table')).toThrow('the file needs the markers');
});
