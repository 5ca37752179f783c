import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';

// Reads the product's files, their imports and the globals that they use, for the tests of the architecture.

const project = fileURLToPath(new URL('..', import.meta.url));

/** Folders of the product. Tests stand beside what they test; test support and mutants stand in test/. */
export const rooms = ['bin', 'deploy', 'load', 'nginx', 'src', 'web'];

/** Every file of the product as a path from the project's root, new ones included, tests excluded. */
export const productFiles = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...rooms], {
  cwd: project,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  // The peers stand for other people's applications.
  .filter((file) => !/\.test\.(ts|yml)$|^load\/bench\/peers\//.test(file) && existsSync(path.join(project, file)));

export const productModules = productFiles.filter((file) => /\.[jt]s$/.test(file));

export function read(file: string): string {
  return readFileSync(path.join(project, file), 'utf8');
}

interface Node {
  type: string;
  [key: string]: unknown;
}

/**
 * What a module imports: static and dynamic imports, re-exports, imports of types alone, `require` and
 * `new URL('…', import.meta.url)`. Files of the project are paths from its root, packages their names.
 * @throws {Error} if the text does not parse, or a dynamic import has no literal
 */
export function importsOf(file: string, text = read(file)): string[] {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const found = new Set<string>();
  const add = (source: unknown) => {
    const value = (source as Node | undefined)?.value;
    if (typeof value !== 'string') throw new Error(`${file}: an import that is not a literal`);
    found.add(/^\.{1,2}\//.test(value) ? path.posix.join(path.posix.dirname(file), value) : value);
  };
  visit(program as unknown as Node, (node) => {
    if (/^(Import|Export(Named|All))Declaration$/.test(node.type) && node.source) add(node.source);
    if (node.type === 'ImportExpression' || node.type === 'TSImportType') add(node.source ?? node.argument);
    if (node.type === 'CallExpression' && nameOf(node.callee) === 'require') add((node.arguments as Node[])[0]);
    if (node.type !== 'NewExpression' || nameOf(node.callee) !== 'URL') return;
    const [address, base] = node.arguments as Node[];
    const isOwn = base?.type === 'MemberExpression' && (base.object as Node).type === 'MetaProperty';
    if (isOwn && typeof address?.value === 'string' && /\.[jt]s$/.test(address.value))
      add({ ...address, value: address.value.startsWith('.') ? address.value : `./${address.value}` });
  });
  return [...found];
}

/** The globals that a module reads; `process.env` and `const { env } = process` as `process.env`. Its own names are left out. */
export function globalsOf(file: string, text = read(file)): Set<string> {
  const names = new Set<string>();
  const own = new Set<string>();
  visit(parseSync(file, text).program as unknown as Node, (node, parent, key) => {
    if (node.type === 'ObjectPattern') {
      const source = parent?.type === 'VariableDeclarator' ? nameOf(parent.init) : undefined;
      for (const { key, value } of node.properties as Node[]) {
        own.add(nameOf(value) ?? '');
        if (source) names.add(`${source}.${nameOf(key)}`);
      }
    }
    const name = nameOf(node);
    if (name === undefined) return;
    const isDeclared =
      /Declarat|Specifier$|Function|Pattern$/.test(parent?.type ?? '') && !/init|right/.test(key ?? '');
    if (isDeclared) own.add(name);
    if ((parent?.type === 'MemberExpression' && key === 'property') || key === 'key') return;
    const member = parent?.type === 'MemberExpression' && key === 'object' ? nameOf(parent.property) : undefined;
    names.add(member ? `${name}.${member}` : name);
  });
  return new Set([...names].filter((name) => !own.has(name.split('.')[0] as string)));
}

function nameOf(node: unknown): string | undefined {
  return (node as Node | undefined)?.type === 'Identifier' ? ((node as Node).name as string) : undefined;
}

function visit(node: Node, see: (node: Node, parent?: Node, key?: string) => void, parent?: Node, key?: string): void {
  see(node, parent, key);
  for (const [name, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof (child as Node | null)?.type === 'string') visit(child as Node, see, node, name);
    }
  }
}
