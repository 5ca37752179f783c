import { expect, test } from 'vitest';
import { findWords } from './lint-language.ts';

test('words to replace are found with their position', () => {
  const text = 'A whole number.\nThe Whole answer goes on;\nit stands there, as well.';
  expect(findWords(text).map(({ line, column, word }) => [line, column, word])).toEqual([
    [2, 5, 'Whole'],
    [2, 18, 'goes on'],
    [3, 4, 'stands'],
    [3, 18, 'as well'],
  ]);
});

test('names in code, and words that only contain one, are ignored', () => {
  expect(findWords('wholeNumber(1); understood; standing; a thereupon of toldYou')).toEqual([]);
});
