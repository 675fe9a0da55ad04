import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const folder = join(import.meta.dirname, '../../../src/clouds/openstack/client');

it('the client knows nothing of this program: it could be a package of its own', () => {
  const imported = readdirSync(folder).flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/from '([^']+)'/g)].map(([, from = '']) => from),
  );
  const outside = imported.filter((from) => !/^\.\/[A-Za-z]+\.ts$|^node:/.test(from));
  expect(new Set(outside)).toEqual(new Set(['undici', 'yaml', 'zod']));
});
