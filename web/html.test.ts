import { expect, test } from 'vitest';
import { html } from './html.ts';

test('values are escaped, markup is not, lists are joined, missing values are omitted', () => {
  const name = `<img src=x onerror="alert('&')">`;
  const rows = ['a', '<b>'].map((text) => html`<li>${text}</li>`);
  expect(html`<p title="${name}">${name}</p>${rows}${undefined}${false}${0}`.text).toBe(
    '<p title="&lt;img src=x onerror=&quot;alert(&#39;&amp;&#39;)&quot;&gt;">' +
      '&lt;img src=x onerror=&quot;alert(&#39;&amp;&#39;)&quot;&gt;</p><li>a</li><li>&lt;b&gt;</li>0',
  );
});
