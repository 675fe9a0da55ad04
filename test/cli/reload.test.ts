import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeConfig } from '../../src/config/describe.ts';
import { type Files, loadToy, toyFiles } from '../config/toy-site.ts';
import { startTestApi, type TestApi } from '../support/apiServer.ts';
import { fixtureReload } from '../support/fixtureControl.ts';
import { cli } from '../support/runCli.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const ask = (...args: readonly string[]) => cli([...args, '--socket', api.socket]);
const problem = {
  severity: 'error',
  file: '/etc/spillway/site.yaml',
  line: 3,
  column: 10,
  path: 'pools[0].min',
  message: 'expected a whole number, got "two"',
} as const;

describe('spillway reload', () => {
  test('prints what has changed, and what retires', async () => {
    const { code, stdout } = await ask('reload');
    expect(code).toBe(0);
    expect(stdout).toBe(
      'pool small: max 9 → 12\ncloud ec2: 2 machines drain\n/etc/spillway/site.yaml: applied: it holds now\n',
    );
  });

  test('of a wrong file says where, and ends with 3', async () => {
    api.control.reload = async () => ({
      ...fixtureReload,
      outcome: 'refused',
      changes: [],
      retiring: [],
      problems: [problem],
      next: 'nothing has changed',
    });
    const { code, stdout } = await ask('reload');
    expect(code).toBe(3);
    expect(stdout).toContain(
      '/etc/spillway/site.yaml:3:10 pools[0].min: expected a whole number, got "two"\n/etc/spillway/site.yaml: refused: nothing has changed',
    );
  });

  test('that failed ends with 1', async () => {
    api.control.reload = async () => ({ ...fixtureReload, outcome: 'failed', next: 'the one before holds' });
    expect((await ask('reload', '--json')).code).toBe(1);
  });
});

describe('spillway check --diff', () => {
  const changed = { 'site.yaml': String(toyFiles['site.yaml']).replace('max: 5', 'max: 7') };

  async function diff(args: readonly string[], files: Files = changed) {
    const { config } = await loadToy();
    if (config === null) throw new Error('the toy is broken');
    api.control.configuration = () => ({
      path: '/etc/spillway/site.yaml',
      entries: describeConfig(config, { digests: false }),
    });
    const loaded: string[] = [];
    const run = await cli(['check', '--diff', ...args, '--socket', api.socket], {
      loadSite: async (path) => {
        loaded.push(path);
        return loadToy(files);
      },
    });
    return { ...run, loaded };
  }

  test('compares a file with what the running daemon holds to', async () => {
    const { code, stdout, loaded } = await diff(['/srv/new.yaml']);
    expect(stdout).toBe('pool workers: max 5 → 7\n');
    expect(code).toBe(0);
    expect(loaded).toEqual(['/srv/new.yaml']);
    expect(JSON.parse((await diff(['/srv/new.yaml', '--json'])).stdout)).toMatchObject({
      path: '/srv/new.yaml',
      ok: true,
      changes: [{ change: 'changed', kind: 'pool', name: 'workers', field: 'max', from: '5', to: '7' }],
    });
  });

  test('without a file takes the daemon’s own', async () => {
    const { stdout, loaded } = await diff([], {});
    expect(loaded).toEqual(['/etc/spillway/site.yaml']);
    expect(stdout).toBe('/etc/spillway/site.yaml: says what holds already\n');
  });

  test('of a wrong file says what is wrong with it', async () => {
    const { code, stdout } = await diff(['new.yaml'], {
      'site.yaml': String(toyFiles['site.yaml']).replace('max: 5', 'max: five'),
    });
    expect(code).toBe(3);
    expect(stdout).toContain('pools[0].max');
    expect(stdout).toContain('a reload would be refused');
  });

  test('a file is needed without it', async () => {
    const { code, stderr } = await cli(['check']);
    expect(code).toBe(2);
    expect(stderr).toBe('spillway: check needs a file, or --diff\n');
  });
});
