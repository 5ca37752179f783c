import { type Html, html } from '../markup.ts';

export interface Column {
  name: string;
  /** Aligned to the right, with digits of one width. */
  numeric?: boolean;
}

/**
 * A table whose first column names its row. On a narrow screen each row becomes a card and each cell says its column; the
 * roles are written out because a table that is laid out as blocks loses them.
 */
export function table(caption: string, columns: Column[], rows: Html[][]): Html {
  const heads = columns.map(({ name, numeric }) => {
    return html`<th role="columnheader" scope="col"${numeric && html` class="number"`}>${name}</th>`;
  });
  return html`
    <table role="table" class="cards">
      <caption>${caption}</caption>
      <thead role="rowgroup"><tr role="row">${heads}</tr></thead>
      <tbody role="rowgroup">${rows.map((cells) => row(columns, cells))}</tbody>
    </table>`;
}

function row(columns: Column[], cells: Html[]): Html {
  const rest = columns.slice(1).map(({ name, numeric }, index) => {
    return html`<td role="cell" data-column="${name}"${numeric && html` class="number"`}><div>${cells[index + 1]}</div></td>`;
  });
  return html`<tr role="row"><th role="rowheader" scope="row">${cells[0]}</th>${rest}</tr>`;
}
