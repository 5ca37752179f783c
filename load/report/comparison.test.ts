import { expect, test } from 'vitest';
import { renderMarkdown } from './comparison.ts';
import { createSampleReport } from '../../test/sample-report.ts';

test('stores are compared in a table, with excused failures', () => {
  const plain = createSampleReport({ store: 'plain', verdict: 'fail', seconds: 10 });
  const durable = createSampleReport({ seconds: 10 });
  Object.assign(plain.requests, { excused: 0 });
  Object.assign(durable.requests, { excused: 12 });
  expect(renderMarkdown([plain, durable], 'npm run compare')).toBe(
    `
| store     | verdict | sessions lost | acknowledged writes lost | stale reads | logouts undone | failed requests             | false successes | longest stall |
| --------- | ------- | ------------- | ------------------------ | ----------- | -------------- | --------------------------- | --------------- | ------------- |
| \`plain\`   | fail    | 3 of 812      | 137 of 5630              | 12 of 5000  | 1 of 5000      | 0 of 5000                   | 0 of 0          | 413 ms        |
| \`durable\` | pass    | 0 of 812      | 0 of 5630                | 0 of 5000   | 0 of 5000      | 0 of 5000 (plus 12 excused) | 0 of 0          | 413 ms        |

(\`npm run compare\`. _Excused_: failed during a fault that is allowed to fail requests. A 503 beats a false success.)`.trim(),
  );
});
