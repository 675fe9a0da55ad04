import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { biomeLayers } from '../tools/tidy/biome-layers.ts';
import { type Check, checks, type Tree } from '../tools/tidy/checks.ts';
import { forbiddenGlobals, forbiddenModules, forbiddenProperties, layers } from '../tools/tidy/layers.ts';

const root = join(import.meta.dirname, '..');

/** Every file that git tracks or would, as it is now. Those that are no text are left out. */
function checkout(): Tree {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  const paths = listed
    .toString('utf8')
    .split('\0')
    .filter((path) => path !== '');
  const files = paths.filter((path) => existsSync(join(root, path)) && statSync(join(root, path)).isFile());
  const texts = files.map((path) => [path, readFileSync(join(root, path), 'utf8')] as const);
  return new Map(texts.filter(([, text]) => !text.includes('\0')));
}

/** Words that the tree may not have: put together, so that this file does not have them either. */
const leftover = ['TO', 'DO'].join('');
const broken = ['FIX', 'ME'].join('');
const place = ['/wo', 'rk/'].join('');
const host = ['registry.npm', 'js.org'].join('');
const setting = ['regis', 'try='].join('');

describe('the tree is tidy', () => {
  const tree = checkout();

  it.each(Object.entries<Check>(checks))('%s', (_what, check) => {
    expect(check(tree)).toEqual([]);
  });

  it('is looked at whole', () => {
    expect([...tree.keys()].filter((path) => path.startsWith('src/')).length).toBeGreaterThan(100);
    expect(Object.keys(layers)).toEqual(expect.arrayContaining(['classad', 'model', 'daemon', 'cli']));
  });

  it('has the lint rules that the layers ask for: `node tools/tidy/biome-layers.ts` writes them', () => {
    expect(JSON.parse(tree.get('biome.layers.json') ?? '')).toEqual(biomeLayers());
  });
});

describe('a planted fault is reported', () => {
  const planted: readonly (readonly [
    keyof typeof checks,
    Readonly<Record<string, string>>,
    readonly string[],
  ])[] = [
    [
      'imports keep to the layers',
      {
        'src/planner/plan.ts':
          "import { a } from '../fleet/fleet.ts';\nimport type { b } from '../daemon/daemon.ts';\n",
        'src/fleet/step.ts':
          "export type { c } from '../store/port.ts';\nconst d = await import('../clouds/ec2/driver.ts');\n",
        'src/classad/lexer.ts': "import {\n  readFileSync,\n} from 'node:fs';\nimport './expr.ts';\n",
        'src/queues/slurm/adapter.ts':
          "import '../port.ts';\nimport '../shared.ts';\nimport '../torque/qstat.ts';\nimport '../index.ts';\nimport '../../config/load.ts';\n",
        'src/daemon/tick.ts':
          "import '../main.ts';\nimport '../queues/port.ts';\nimport '../queues/slurm/adapter.ts';\n",
        'src/cli/run.ts': "import '../../test/support/fake.ts';\n",
        'src/extras/more.ts': "import '../model/ids.ts';\n",
        'src/main.ts': "import './daemon/daemon.ts';\nimport './clouds/index.ts';\n",
      },
      [
        'src/planner/plan.ts imports ../daemon/daemon.ts: planner may import matchmaker, fleet, model',
        'src/fleet/step.ts imports ../store/port.ts: fleet may import model',
        'src/fleet/step.ts imports ../clouds/ec2/driver.ts: fleet may import model',
        'src/classad/lexer.ts imports node:fs: classad is pure: it may import no package',
        'src/queues/slurm/adapter.ts imports ../torque/qstat.ts: slurm may import its own folder, port.ts and what lies beside it',
        'src/queues/slurm/adapter.ts imports ../index.ts: slurm may import its own folder, port.ts and what lies beside it',
        'src/queues/slurm/adapter.ts imports ../../config/load.ts: queues may import host, model, classad, config/secrets.ts, config/units.ts',
        'src/daemon/tick.ts imports ../main.ts: nothing imports the composition root',
        expect.stringMatching(
          /^src\/daemon\/tick\.ts imports \.\.\/queues\/slurm\/adapter\.ts: daemon may import /,
        ),
        'src/cli/run.ts imports ../../test/support/fake.ts: it is outside src',
        'src/extras/more.ts imports ../model/ids.ts: extras is not among the layers',
      ],
    ],
    [
      'every adapter and driver is registered and has its page',
      {
        'src/queues/index.ts': "const load = async () => (await import('./htcondor/adapter.ts')).adapter;\n",
        'src/queues/port.ts': '',
        'src/queues/htcondor/adapter.ts': '',
        'src/queues/torque/adapter.ts': '',
        'src/clouds/ec2/driver.ts': '',
        'docs/queues/htcondor.md': '',
        'docs/clouds/ec2.md': '',
      },
      [
        'src/queues/torque is not in src/queues/index.ts',
        'src/queues/torque has no page docs/queues/torque.md',
        'src/clouds/ec2 is not in src/clouds/index.ts',
      ],
    ],
    [
      'time and randomness come from outside',
      {
        'src/daemon/clock.ts': 'const now = Date.now();\n',
        'src/planner/a.ts':
          '// Math.random is not for us\nconst x = Math.random();\nconst y = new Date(0);\n',
        'src/daemon/b.ts':
          "import crypto from 'node:crypto';\nsetTimeout(() => 1, 5);\nAbortSignal.timeout(5);\n",
        'test/a.test.ts': 'const x = Math.random();\n',
      },
      [
        'src/planner/a.ts:2 has Math.random',
        'src/planner/a.ts:3 has new Date',
        "src/daemon/b.ts:1 has import crypto from 'node:crypto'",
        'src/daemon/b.ts:2 has setTimeout(',
        'src/daemon/b.ts:3 has AbortSignal.timeout',
      ],
    ],
    [
      'no file is too long',
      { 'src/a.ts': 'x;\n'.repeat(401), 'src/b.ts': 'x;\n'.repeat(400), 'test/c.ts': 'x;\n'.repeat(900) },
      ['src/a.ts has 401 lines, at most 400 are good'],
    ],
    [
      'names say what is in a file',
      {
        'src/daemon/utils.ts': '',
        'test/helpers/a.ts': '',
        'src/fleet/FleetManager.ts': '',
        'src/model/ids.ts': '',
      },
      [
        'src/daemon/utils.ts: a name that says nothing',
        'test/helpers/a.ts: a name that says nothing',
        'src/fleet/FleetManager.ts: a name that says nothing',
      ],
    ],
    [
      'exports have names',
      { 'src/a.ts': 'export const a = 1;\nexport default a;\n', 'vitest.config.ts': 'export default {};\n' },
      ['src/a.ts:2 has a default export'],
    ],
    [
      'nothing is left to do',
      {
        'README.md': `a line\n${leftover}: more\n`,
        'test/data/x.txt': `${leftover}\n`,
        'src/a.ts': `// ${broken}\n`,
      },
      [`README.md:2 has ${leftover}`, `src/a.ts:1 has ${broken}`],
    ],
    [
      'every dependency has its reason',
      {
        'package.json': JSON.stringify({
          dependencies: { zod: '4.6.7', yaml: '^2.9.1' },
          devDependencies: { vitest: '5.1.1' },
        }),
        'docs/dependencies.md':
          '| `zod` | checks |\n| `left-pad` | pads |\n| `yaml` | reads |\n| `yaml` | reads |\n',
      },
      [
        'docs/dependencies.md does not say why vitest',
        'docs/dependencies.md speaks of left-pad, which is no dependency',
        'docs/dependencies.md has yaml twice',
        'package.json has yaml ^2.9.1: a version is exact',
      ],
    ],
    [
      'nothing is of one machine',
      {
        'scripts/a': `cd ${place}main\n`,
        'docs/a.md': `see https://${host}/zod\nand $HOME${place}\n`,
        '.npmrc': `${setting}http://mirror.local/\n`,
      },
      [`scripts/a:1 has ${place}m`, `docs/a.md:1 has ${host}`, `.npmrc:1 has ${setting}`],
    ],
    [
      'the lock file names no registry',
      {
        'package-lock.json': JSON.stringify({
          packages: {
            '': {},
            'node_modules/a': { resolved: 'https://x/a.tgz', integrity: 'sha512-x' },
            'node_modules/b': {},
          },
        }),
      },
      [
        'package-lock.json: node_modules/a has "resolved"',
        'package-lock.json: node_modules/b has no "integrity"',
      ],
    ],
  ];

  it.each(planted)('%s', (name, files, findings) => {
    expect(checks[name](new Map(Object.entries(files)))).toEqual(findings);
  });

  it('in every check', () => {
    expect(planted.map(([name]) => name)).toEqual(Object.keys(checks));
  });
});

interface Diagnostic {
  readonly category: string;
  readonly location: { readonly path: string; readonly start: { readonly line: number } };
}

/** What our lint rules say of files that are somewhere else: `<path>:<line> <rule>`. */
function lint(files: Readonly<Record<string, string>>): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-lint-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const config = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')) as Readonly<
    Record<string, unknown>
  >;
  const place = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  place('biome.json', JSON.stringify({ ...config, vcs: { enabled: false } }));
  place('biome.layers.json', readFileSync(join(root, 'biome.layers.json'), 'utf8'));
  for (const [path, text] of Object.entries(files)) place(path, text);
  const report = biome(['lint', '--reporter=json', '--max-diagnostics=none', '.'], folder);
  const { diagnostics } = JSON.parse(report) as { readonly diagnostics: readonly Diagnostic[] };
  return diagnostics
    .filter(({ location }) => location.path.startsWith('src/'))
    .map(({ category, location }) => `${location.path}:${location.start.line} ${category.split('/').at(-1)}`);
}

/** Standard output of Biome, which ends with an error where it has found one. */
function biome(args: readonly string[], cwd: string): string {
  const program = join(root, 'node_modules/@biomejs/biome/bin/biome');
  try {
    return execFileSync(process.execPath, [program, ...args], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string') return error.stdout;
    throw error;
  }
}

describe('the linter bites', { timeout: 60_000 }, () => {
  it('on every import that the layers forbid, and on no other', () => {
    const names = Object.keys(layers);
    const files: Record<string, string> = {};
    const expected: string[] = [];
    for (const name of names) {
      const allowed = layers[name]?.imports ?? [];
      const singles = allowed.filter((path) => path.includes('/'));
      const targets = ['main.ts', ...names.map((other) => `${other}/some.ts`), ...singles];
      const path = `src/${name}/planted.ts`;
      files[path] = targets.map((target) => `import '../${target}';\n`).join('');
      targets.forEach((target, at) => {
        const layer = target.split('/')[0] ?? '';
        if (layer === name || allowed.includes(layer) || allowed.includes(target)) return;
        expected.push(`${path}:${at + 1} noRestrictedImports`);
      });
    }
    expect(lint(files).toSorted()).toEqual(expected.toSorted());
    expect(expected.length).toBeGreaterThan(80);
  });

  it('on clocks, timers, randomness and the console, but not in the files that wrap them', () => {
    const globals = Object.keys(forbiddenGlobals);
    const members = forbiddenProperties.map(({ object, property = 'setTimeout' }) => `${object}.${property}`);
    const modules = Object.keys(forbiddenModules);
    const lines = [
      ...modules.map((name, at) => `import * as m${at} from '${name}';`),
      "import { createHash, randomUUID } from 'node:crypto';",
      ...globals.map((name, at) => `export const g${at} = ${name};`),
      ...members.map((member, at) => `export const p${at} = ${member};`),
      `export const used = [${modules.map((_name, at) => `m${at}`).join(', ')}, createHash, randomUUID];`,
    ];
    const rules = [
      ...modules.map(() => 'noRestrictedImports'),
      'noRestrictedImports',
      ...globals.map(() => 'noRestrictedGlobals'),
      ...members.map(() => 'noJsRestrictedProperties'),
    ];
    const text = `${lines.join('\n')}\n`;
    const found = lint({
      'src/planner/planted.ts': text,
      'src/queues/htcondor/planted.ts': text,
      'src/daemon/clock.ts': text,
      'src/model/console.ts': "console.log('x');\n",
    });
    const expectedIn = (path: string) => rules.map((rule, at) => `${path}:${at + 1} ${rule}`);
    expect(found.toSorted()).toEqual(
      [
        ...expectedIn('src/planner/planted.ts'),
        ...expectedIn('src/queues/htcondor/planted.ts'),
        'src/model/console.ts:1 noConsole',
      ].toSorted(),
    );
  });

  it('on what the house does not write: any, !, enum, default exports, barrels', () => {
    const found = lint({
      'src/model/planted.ts': [
        'export const a = (x: any) => x;',
        'export const b = (x: string | null) => x!;',
        'export enum C { D }',
        "export * from './other.ts';",
        'export default a;',
        '',
      ].join('\n'),
      'src/model/other.ts': 'export const e = 1;\n',
    });
    const rulesByLine = found.map((line) => line.replace('src/model/planted.ts:', ''));
    for (const wanted of [
      '1 noExplicitAny',
      '2 noNonNullAssertion',
      '3 noEnum',
      '4 noReExportAll',
      '5 noDefaultExport',
    ]) {
      expect(rulesByLine).toContain(wanted);
    }
  });
});
