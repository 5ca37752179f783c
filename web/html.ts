/** Markup in which every inserted value is escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

type Part = Html | string | number | null | undefined | false | Part[];

/**
 * A template of markup. Values are escaped unless they are markup themselves; lists are joined; `null`, `undefined` and
 * `false` are omitted. A value may only be between tags or inside a double-quoted attribute that is neither a URL nor a
 * script.
 *
 * @example html`<p>${name}</p>`
 */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.map((string, index) => string + textOf(parts[index])).join(''));
}

/** JSON for the inside of a `<script>`: it can neither close the script nor open a comment. */
export function jsonForScript(value: unknown): Html {
  return new Html(JSON.stringify(value).replaceAll('<', '\\u003c'));
}

function textOf(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(textOf).join('');
  return String(part)
    .toWellFormed()
    .replace(/[&<>"']/g, (character) => entities[character] as string);
}
