import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { markersOf, renderMarkdownTable, replaceBetweenMarkers } from './markdown.ts';

test.each([
  ['README.md', 'compare'],
  ['src/sessions/README.md', 'bench sessions'],
  ['docs/operating.md', 'bench scale'],
])('%s has the markers of %s, and only the text between them is replaced', (file, command) => {
  const text = readFileSync(file, 'utf8');
  const markers = markersOf(command);
  const [before, rest] = text.split(markers[0]) as [string, string];
  const [, after] = rest.split(markers[1]) as [string, string];
  const expected = `${before}${markers[0]}\n\na table\n\n${markers[1]}${after}`;
  expect(replaceBetweenMarkers(text, command, 'a table')).toBe(expected);
  expect(() => replaceBetweenMarkers(after, command, 'a table')).toThrow('the file needs the markers');
});

test('a table is aligned', () => {
  expect(renderMarkdownTable(['a', 'long'], [['wide', 'b']])).toBe('| a    | long |\n| ---- | ---- |\n| wide | b    |');
});
