import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classadCommand } from '../../src/cli/classad.ts';

let folder = '';
const file = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-classad-'));
  writeFileSync(file('job.ad'), 'Request = 2\nRequirements = TARGET.Cpus >= Request && TARGET.Arch == "x"\n');
  writeFileSync(
    file('offers.json'),
    '[\n{"Cpus": 4, "Arch": "X", "Requirements": true}\n,\n{"Cpus": 1, "Arch": "x", "Requirements": "\\/Expr(1 == 1)\\/"}\n]\n',
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function run(args: readonly string[], input = ''): Promise<{ out: string; err: string; code: number }> {
  const output = new PassThrough();
  const errors = new PassThrough();
  let code = 0;
  const program = new Command().exitOverride();
  classadCommand(program, {
    input: Readable.from([input]),
    output,
    errors,
    nowSeconds: () => 1000,
    monotonicSeconds: () => 0,
    random: () => 0.5,
    setExitCode: (next) => {
      code = next;
    },
  });
  await program.parseAsync(['classad', ...args], { from: 'user' });
  output.end();
  errors.end();
  const text = async (stream: PassThrough) => (await stream.toArray()).join('');
  return { out: await text(output), err: await text(errors), code };
}

describe('spillway classad', () => {
  it('evaluates an expression', async () => {
    expect(await run(['eval', '1 + 2 * 3'])).toEqual({ out: '7\n', err: '', code: 0 });
    expect((await run(['eval', 'time()', '--now', '5'])).out).toBe('5\n');
    expect((await run(['eval', 'Request', '--ad', file('job.ad')])).out).toBe('2\n');
    expect((await run(['eval', 'TARGET.Cpus', '--target', file('offers.json')])).out).toBe('4\n');
    expect((await run(['eval', '1 && true', '--semantics', 'new'])).out).toBe('error\n');
  });

  it('shows where text is no expression', async () => {
    const { err, code } = await run(['eval', '1 +']);
    expect(code).toBe(2);
    expect(err).toBe('1:4: the text ends too early, expected an expression\n1 +\n   ^\n');
  });

  it('answers line by line', async () => {
    const lines = [
      '{"expr": "a + 1", "ad": "a = 2", "target": null}',
      '{"expr": "1 +"}',
      '{"expr": "TARGET.b", "ad": null, "target": "[b = \\"x\\"]"}',
      '{"expr": "x", "ad": "[a"}',
      '{"expr": 1}',
      'nonsense',
      '',
      '{"expr": "\\"\u2028\\""}',
    ];
    const { out, code } = await run(['eval', '--jsonl'], `${lines.join('\n')}\n`);
    const answers = out
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(answers.slice(0, 3)).toEqual([{ value: '3' }, { value: 'PARSEFAIL' }, { value: '"x"' }]);
    for (const answer of answers.slice(3, 7)) expect(answer).toHaveProperty('error');
    expect(answers.slice(7)).toEqual([{ value: '"\\342\\200\\250"' }]);
    expect(code).toBe(0);
  });

  it('matches two files', async () => {
    for (const raw of [[], ['--raw']]) {
      const { out } = await run([
        'match',
        '--left',
        file('job.ad'),
        '--right',
        file('offers.json'),
        '--list',
        ...raw,
      ]);
      const [pair, figures = ''] = out.trimEnd().split('\n');
      expect(pair).toBe('0 0');
      expect(JSON.parse(figures)).toMatchObject({ pairs: 2, matches: 1 });
    }
  });

  it('analyzes a job', async () => {
    const { out } = await run(['analyze', file('job.ad'), file('offers.json')]);
    expect(out).toContain('1 of 2 offers match');
    expect(out).toContain('[0] TARGET.Cpus >= Request');
  });

  it('prints and converts every form', async () => {
    const long = (await run(['convert', file('offers.json'), '--to', 'long'])).out;
    expect(long).toBe(
      'Cpus = 4\nArch = "X"\nRequirements = true\n\nCpus = 1\nArch = "x"\nRequirements = 1 == 1\n\n',
    );
    for (const form of ['json', 'xml', 'new']) {
      const converted = (await run(['convert', '--to', form], long)).out;
      expect((await run(['convert', '--to', 'long'], converted)).out.split('\n').toSorted()).toEqual(
        long.split('\n').toSorted(),
      );
    }
    expect((await run(['fmt'], 'a  ==   "x"')).out).toBe('a == "x"\n');
    expect((await run(['fmt'], long)).out).toBe(long);
  });

  it('reports a file that is not there', async () => {
    expect(await run(['eval', '1', '--ad', file('none')])).toMatchObject({ code: 2 });
  });
});
