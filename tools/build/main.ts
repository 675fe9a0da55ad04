import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * Makes the JavaScript that packages and images run: `npm run build` writes dist/, `--out FOLDER` another folder. The
 * folder is made anew. What is no TypeScript in src/ goes along as it is. Types are not checked: `npm run check` does that.
 */

const root = resolve(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } });
const out = resolve(values.out);

rmSync(out, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json'), '--outDir', out],
  { cwd: root, stdio: 'inherit' },
);
cpSync(join(root, 'src'), out, {
  recursive: true,
  filter: (path) => extname(path) !== '.ts' && basename(path) !== 'tsconfig.json',
});
chmodSync(join(out, 'main.js'), 0o755);
