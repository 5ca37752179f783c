import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export interface PageFile {
  type: string;
  body: Buffer;
}

const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Every file of the page by its address. Nothing else is ever read from disk. */
export function readPageFiles(): Map<string, PageFile> {
  const folder = new URL('page/', import.meta.url);
  const require = createRequire(import.meta.url);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name));
  const own = names.map((name): [string, URL | string] => [`/${name}`, new URL(name, folder)]);
  const files: [string, URL | string][] = [
    ...own,
    ['/base.css', new URL('../../web/base.css', import.meta.url)],
    ['/uplot.js', require.resolve('uplot/dist/uPlot.esm.js')],
    ['/uplot.css', require.resolve('uplot/dist/uPlot.min.css')],
  ];
  const found = files.map(([address, file]): [string, PageFile] => {
    const type = types[address.slice(address.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
    return [address === '/index.html' ? '/' : address, { type, body: readFileSync(file) }];
  });
  return new Map(found);
}
