import type { Report } from '../json.ts';
import { type Html, html } from '../../../web/html.ts';
import { type Place, section } from './section.ts';

/** The environment of the run, and the commands that repeat it and judge it again. */
export function renderOrigin(report: Report, place: Place, historyFile: string): Html {
  const { environment, seed, schemaVersion } = report;
  const settings: [string, string][] = [
    ['seed', String(seed)],
    ...Object.entries(environment),
    ['report format', String(schemaVersion)],
  ];
  return section(
    place,
    'origin',
    'How to reproduce',
    html`
      <p>The same seed makes the same choices. To repeat the run:</p>
      <pre tabindex="0"><code>${report.command}</code></pre>
      <p>To judge its history again:</p>
      <pre tabindex="0"><code>npm run survive -- --judge ${quoted(historyFile)}</code></pre>
      <dl class="settings">${settings.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`,
  );
}

/** For a POSIX shell. */
function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
