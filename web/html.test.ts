import { expect, test } from 'vitest';
import { html } from './markup.ts';

test('values are escaped, markup is not, lists are joined, what is not there is left out', () => {
  const name = `<img src=x onerror="alert('&')">`;
  const rows = ['a', '<b>'].map((text) => html`<li>${text}</li>`);
  expect(html`<p title="${name}">${name}</p>${rows}${undefined}${false}${0}`.text).toBe(
    '<p title="&#60;img src=x onerror=&#34;alert(&#39;&#38;&#39;)&#34;&#62;">' +
      '&#60;img src=x onerror=&#34;alert(&#39;&#38;&#39;)&#34;&#62;</p><li>a</li><li>&#60;b&#62;</li>0',
  );
});
