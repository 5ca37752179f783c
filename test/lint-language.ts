import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Words that mark a sentence to rewrite in plain technical English. Run by `npm run check`.

export interface Finding {
  line: number;
  column: number;
  word: string;
  hint: string;
}

const hints: [words: RegExp, hint: string][] = [
  [/\b(?:anew|afresh)\b/gi, 'again, or a verb with re-'],
  [/\bupon\b/gi, 'on, or when'],
  [/\b(?:nobody|somebody)\b/gi, 'no client, no one, another process, a user'],
  [/\bwhole\b(?! number)/gi, 'intact, entire, all, complete'],
  [/\btold\b/gi, 'reported, returned; the noun: response, header'],
  [/\bst(?:ands|ood)\b/gi, 'is, is stored'],
  [/\bgo(?:es)? on\b/gi, 'continue'],
  [/\blacks? a\b/gi, 'cannot, has no'],
  [/\bas well(?=[.;,])/gi, 'also, or leave it out'],
  [/\bwhat is left of\b/gi, 'the rest of, the remaining'],
  [/\bwhatever becomes of\b/gi, 'even if … fails'],
];

/** Finds the words in a text, in the order in which they occur. Lines and columns count from 1. */
export function findWords(text: string): Finding[] {
  const found = text.split('\n').flatMap((content, index) =>
    hints.flatMap(([words, hint]) =>
      [...content.matchAll(words)].map((match) => {
        return { line: index + 1, column: match.index + 1, word: match[0], hint };
      }),
    ),
  );
  return found.sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Files with other people's text, the list itself, and the first generation of the session layer, which will be replaced. */
const excluded = [
  /^LICENSE$/,
  /^package-lock\.json$/,
  /\.(png|gif|webp|svg)$/,
  /^test\/lint-language/,
  /^src\/sessions\/.*\.ts$/,
];

if (import.meta.main) {
  const project = fileURLToPath(new URL('..', import.meta.url));
  const files = execFileSync('git', ['ls-files'], { cwd: project, encoding: 'utf8' }).trim().split('\n');
  const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  const lines = files
    .filter((file) => !excluded.some((pattern) => pattern.test(file)))
    .flatMap((file) =>
      findWords(read(file)).map(({ line, column, word, hint }) => `${file}:${line}:${column}  "${word}": ${hint}`),
    );
  for (const line of lines) console.error(line);
  if (lines.length > 0) console.error(`${lines.length} words to replace (test/lint-language.ts)`);
  process.exitCode = lines.length > 0 ? 1 : 0;
}
