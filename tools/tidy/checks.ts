import { posix } from 'node:path';
import { compositionRoot, forbiddenProperties, hostFiles, layers, plugInLayers } from './layers.ts';

/** The files of a checkout, by path from its root. */
export type Tree = ReadonlyMap<string, string>;

/** One line for each thing that is not as it should be; none in a tidy tree. */
export type Check = (tree: Tree) => readonly string[];

const linesMax = 400;

export const checks = {
  'imports keep to the layers': layerFindings,
  'every adapter and driver is registered and has its page': registryFindings,
  'time and randomness come from outside': hostFindings,
  'no file is too long': sizeFindings,
  'names say what is in a file': nameFindings,
  'exports have names': defaultExportFindings,
  'nothing is left to do': leftoverFindings,
  'every dependency has its reason': dependencyFindings,
  'nothing is of one machine': machineFindings,
  'the lock file names no registry': lockFindings,
} satisfies Record<string, Check>;

function sources(tree: Tree, folder = 'src/'): readonly (readonly [path: string, text: string])[] {
  return [...tree].filter(([path]) => path.startsWith(folder) && path.endsWith('.ts'));
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;

function importsOf(text: string): readonly string[] {
  return [...text.matchAll(importPattern)].map((found) => found[1] ?? found[2] ?? found[3] ?? '');
}

function layerFindings(tree: Tree): readonly string[] {
  return sources(tree).flatMap(([path, text]) =>
    importsOf(text).flatMap((specifier) => {
      const fault = specifier.startsWith('.')
        ? relativeFault(path, posix.normalize(posix.join(posix.dirname(path), specifier)))
        : packageFault(path, specifier);
      return fault === null ? [] : [`${path} imports ${specifier}: ${fault}`];
    }),
  );
}

function relativeFault(from: string, to: string): string | null {
  if (!to.startsWith('src/')) return 'it is outside src';
  const [layer, target] = [partOf(from, 1), partOf(to, 1)];
  if (layer === compositionRoot) return null;
  if (target === compositionRoot) return 'nothing imports the composition root';
  const rules = layers[layer];
  if (rules === undefined) return `${layer} is not among the layers`;
  if (layer === target) return siblingFault(from, to);
  const allowed = rules.imports.some((path) => path === target || `src/${path}` === to);
  return allowed ? null : `${layer} may import ${rules.imports.join(', ') || 'no other layer'}`;
}

/** Adapters know themselves, their port and what lies beside it, not each other, and not the registry that knows them all. */
function siblingFault(from: string, to: string): string | null {
  if (!plugInLayers.some((layer) => layer === partOf(from, 1))) return null;
  const [own, other] = [partOf(from, 2), partOf(to, 2)];
  const isShared = other.endsWith('.ts') && other !== 'index.ts';
  if (own === 'index.ts' || own === other || isShared) return null;
  return `${own} may import its own folder, port.ts and what lies beside it`;
}

function packageFault(from: string, specifier: string): string | null {
  const allowed = layers[partOf(from, 1)]?.packages;
  if (allowed === undefined || allowed.includes(specifier)) return null;
  return `${partOf(from, 1)} is pure: it may import ${allowed.join(', ') || 'no package'}`;
}

function partOf(path: string, at: number): string {
  return path.split('/')[at] ?? '';
}

function registryFindings(tree: Tree): readonly string[] {
  return plugInLayers.flatMap((layer) => {
    const names = new Set(
      sources(tree, `src/${layer}/`)
        .map(([path]) => path.split('/'))
        .flatMap(([, , name, ...rest]) => (name === undefined || rest.length === 0 ? [] : [name])),
    );
    const registered = importsOf(tree.get(`src/${layer}/index.ts`) ?? '');
    return [...names].flatMap((name) => {
      const page = `docs/${layer}/${name}.md`;
      return [
        ...(registered.some((path) => path.startsWith(`./${name}/`))
          ? []
          : [`src/${layer}/${name} is not in src/${layer}/index.ts`]),
        ...(tree.has(page) ? [] : [`src/${layer}/${name} has no page ${page}`]),
      ];
    });
  });
}

/** What the linter's rules for globals cannot see, and once more what they can. */
function hostFindings(tree: Tree): readonly string[] {
  const members = forbiddenProperties.flatMap(({ object, property }) =>
    property === undefined ? [] : [`${object}\\.${property}`],
  );
  const pattern = new RegExp(
    `\\b(?:${members.join('|')}|new Date|Date\\.now|performance\\.now|setTimeout\\(|setInterval\\(|setImmediate\\()`,
  );
  const wholeCrypto = /import\s+(?:\* as )?\w+\s+from\s+'node:crypto'/;
  return sources(tree)
    .filter(([path]) => !hostFiles.includes(path))
    .flatMap(([path, text]) =>
      codeLines(text).flatMap(([line, number]) => {
        const found = pattern.exec(line)?.[0] ?? wholeCrypto.exec(line)?.[0];
        return found === undefined ? [] : [`${path}:${number} has ${found}`];
      }),
    );
}

/** Lines that are not wholly a comment, with their numbers. */
function codeLines(text: string): readonly (readonly [line: string, number: number])[] {
  return text
    .split('\n')
    .map((line, at) => [line, at + 1] as const)
    .filter(([line]) => !/^\s*(?:\/\/|\/?\*)/.test(line));
}

function sizeFindings(tree: Tree): readonly string[] {
  return sources(tree)
    .map(([path, text]) => [path, text.trimEnd().split('\n').length] as const)
    .filter(([, lines]) => lines > linesMax)
    .map(([path, lines]) => `${path} has ${lines} lines, at most ${linesMax} are good`);
}

function nameFindings(tree: Tree): readonly string[] {
  const vague = /(?:^|\/)(?:utils?|helpers?|common|misc|shared|\w*manager)(?:\.ts$|\/)/i;
  return [...tree.keys()]
    .filter((path) => /^(?:src|test|tools)\//.test(path) && vague.test(path))
    .map((path) => `${path}: a name that says nothing`);
}

function defaultExportFindings(tree: Tree): readonly string[] {
  // Vitest takes its configuration and its reporters from default exports.
  const demanded = ['vitest.config.ts', 'tools/count-reporter.ts'];
  return sources(tree, '')
    .filter(([path]) => !demanded.includes(path))
    .flatMap(([path, text]) =>
      codeLines(text)
        .filter(([line]) => /^\s*export\s+default\b|\bas default\b/.test(line))
        .map(([, number]) => `${path}:${number} has a default export`),
    );
}

/** Text that people wrote: recorded answers and the lock file say what they say. */
function written(tree: Tree): readonly (readonly [path: string, text: string])[] {
  return [...tree].filter(([path]) => !path.startsWith('test/data/') && path !== 'package-lock.json');
}

function findingsByLine(tree: Tree, pattern: RegExp): readonly string[] {
  return written(tree).flatMap(([path, text]) =>
    text.split('\n').flatMap((line, at) => {
      const found = pattern.exec(line)?.[0];
      return found === undefined ? [] : [`${path}:${at + 1} has ${found}`];
    }),
  );
}

/** Put together here so that this file does not find itself. */
const words = (...parts: readonly string[]) => parts.join('');

function leftoverFindings(tree: Tree): readonly string[] {
  return findingsByLine(tree, new RegExp(words('\\b(?:TO', 'DO|FIX', 'ME|XX', 'X|HA', 'CK)\\b')));
}

function machineFindings(tree: Tree): readonly string[] {
  const hosts = [
    'registry.npm',
    'js.org',
    'registry.yarn',
    'pkg.com',
    'py',
    'pi.org',
    'proxy.gol',
    'ang.org',
    'deb.deb',
    'ian.org',
  ];
  const host = hosts.flatMap((part, at) => (at % 2 === 0 ? [words(part, hosts[at + 1] ?? '')] : []));
  const paths = [words('/wo', 'rk/'), words('/ro', 'ot/')];
  const registry = words('^\\s*(?:@[\\w-]+:)?regis', 'try\\s*=');
  const escaped = host.map((name) => name.replaceAll('.', '\\.'));
  return findingsByLine(
    tree,
    new RegExp(`(?<![\\w.$}])(?:${paths.join('|')})\\w|${escaped.join('|')}|${registry}`),
  );
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function dependencyFindings(tree: Tree): readonly string[] {
  const manifest = JSON.parse(tree.get('package.json') ?? '{}') as Manifest;
  const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  const page = 'docs/dependencies.md';
  const rows = [...(tree.get(page) ?? '').matchAll(/^\| `([^`]+)` \|/gm)].map((row) => row[1] ?? '');
  const names = wanted.map(([name]) => name);
  return [
    ...names.filter((name) => !rows.includes(name)).map((name) => `${page} does not say why ${name}`),
    ...rows
      .filter((name) => !names.includes(name))
      .map((name) => `${page} speaks of ${name}, which is no dependency`),
    ...rows.filter((name, at) => rows.indexOf(name) !== at).map((name) => `${page} has ${name} twice`),
    ...wanted
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
      .map(([name, version]) => `package.json has ${name} ${version}: a version is exact`),
  ];
}

function lockFindings(tree: Tree): readonly string[] {
  const lock = JSON.parse(tree.get('package-lock.json') ?? '{}') as {
    readonly packages?: Readonly<
      Record<string, { readonly resolved?: string; readonly integrity?: string; readonly link?: boolean }>
    >;
  };
  const packages = Object.entries(lock.packages ?? {}).filter(([path]) => path !== '');
  if (packages.length === 0) return ['package-lock.json has no packages'];
  return packages.flatMap(([path, entry]) => [
    ...(entry.resolved === undefined ? [] : [`package-lock.json: ${path} has "resolved"`]),
    ...(entry.integrity === undefined && entry.link !== true
      ? [`package-lock.json: ${path} has no "integrity"`]
      : []),
  ]);
}
