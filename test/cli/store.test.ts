import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { StoreMaintenance, StorePlace } from '../../src/cli/deps.ts';
import { backupStore, checkStore, restoreStore } from '../../src/store/sqlite/maintenance.ts';
import { site } from '../conformance/rows.ts';
import { aFolder, aStoreFile, tamper } from '../store/folder.ts';
import { cli } from '../support/runCli.ts';

function realStore(place: StorePlace): StoreMaintenance {
  return {
    locate: async () => place,
    check: async (path) => checkStore(path),
    backup: async (options) => backupStore(options),
    restore: async (options) => restoreStore(options),
  };
}

const counts = '2 instances, 1 intent, 1 fact, 400 journal entries, 0 rows of the accounts';

test('check, backup and restore', async () => {
  const folder = aFolder();
  const path = aStoreFile(folder);
  const given = { cwd: folder, store: realStore({ kind: 'found', path, site }) };

  const checked = await cli(['store', 'check', 'site.yaml'], given);
  expect(checked.stdout).toBe(`${path}\nsite ${site}, schema version 1\n${counts}\nno damage found\n`);
  expect(checked.code).toBe(0);

  const copied = await cli(['store', 'backup', 'site.yaml', 'copy.db'], given);
  expect(copied.stdout).toMatch(new RegExp(`^${folder}/copy.db: ${counts}; \\d+ bytes\n$`));

  const again = await cli(['store', 'backup', 'site.yaml', 'copy.db', '--json'], given);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('is there already');
  expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: 'io' } });
  expect((await cli(['store', 'backup', 'site.yaml', 'copy.db', '--overwrite'], given)).code).toBe(0);

  const restored = await cli(['store', 'restore', 'site.yaml', 'copy.db'], given);
  expect(restored.stdout).toBe(`${path}: ${counts}\nwhat was there is now ${path}.replaced-1\n`);
  expect(readdirSync(folder)).toContain('spillway.db.replaced-1');
});

test('a damaged store: what is wrong, and exit code 1', async () => {
  const folder = aFolder();
  const path = aStoreFile(folder);
  tamper(path, "UPDATE instances SET phase = 'asleep'");
  const store = realStore({ kind: 'found', path, site });
  const { code, stdout } = await cli(['store', 'check', 'site.yaml', '--json'], { store });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, path, site });
});

test('a config with errors: the first of them, and exit code 3', async () => {
  const problem = {
    severity: 'error',
    file: 'site.yaml',
    line: 1,
    column: 1,
    path: 'site',
    message: 'is missing',
  } as const;
  const store = realStore({ kind: 'badConfig', problems: [problem] });
  const { code, stderr } = await cli(['store', 'check', 'site.yaml'], { store });
  expect({ code, stderr }).toEqual({
    code: 3,
    stderr: 'spillway: site.yaml:1:1 site: is missing (see spillway check)\n',
  });
});

test('no store, and a file that is none', async () => {
  const folder = aFolder();
  const path = join(folder, 'none.db');
  const store = realStore({ kind: 'found', path, site });
  expect((await cli(['store', 'check', 'site.yaml'], { store })).code).toBe(1);
  writeFileSync(path, 'hello');
  expect((await cli(['store', 'check', 'site.yaml'], { store })).code).toBe(1);
});
