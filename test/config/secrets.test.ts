import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  parseSecretRef,
  Secret,
  type SecretReader,
  secret,
  secretsIn,
  textFile,
} from '../../src/config/secrets.ts';

const files: Record<string, { bytes: Buffer; mode: number }> = {
  'keys/pool': { bytes: Buffer.from('abc\n'), mode: 0o100600 },
  'keys/group': { bytes: Buffer.from('abc'), mode: 0o100640 },
  'keys/open': { bytes: Buffer.from('abc'), mode: 0o100644 },
  'keys/empty': { bytes: Buffer.alloc(0), mode: 0o100600 },
  'keys/large': { bytes: Buffer.alloc(65_537), mode: 0o100600 },
};

const reader: SecretReader = {
  file: async (path) => {
    const file = files[path];
    if (file === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return file;
  },
  env: (name) => ({ TOKEN: 't0ken', EMPTY: '' })[name],
};

async function read(text: string): Promise<{ secret: Secret; finding: unknown }> {
  const parsed = secret.parse(text);
  return { secret: parsed, finding: await parsed.read(reader) };
}

describe('a secret', () => {
  it('is given by a file or by an environment variable', async () => {
    const file = await read('file:keys/pool');
    expect(file.finding).toBeNull();
    expect(file.secret.reveal()).toEqual(Buffer.from('abc\n'));
    expect(file.secret.text()).toBe('abc');
    expect((await read('env:TOKEN')).secret.text()).toBe('t0ken');
  });

  it('shows itself nowhere', async () => {
    const { secret: token } = await read('env:TOKEN');
    const shown = [String(token), JSON.stringify({ token }), inspect({ token }, { showHidden: true })];
    expect(shown.join(' ')).not.toContain('t0ken');
    expect(JSON.stringify({ token })).toBe('{"token":"[secret]"}');
  });

  it('is never revealed before it has been read', () => {
    expect(() => secret.parse('env:TOKEN').reveal()).toThrow('the secret env:TOKEN has not been read');
  });

  it.each([
    ['file:keys/none', 'error', 'the secret file keys/none does not exist'],
    ['file:keys/empty', 'error', 'the secret file keys/empty is empty'],
    ['file:keys/large', 'error', 'the secret file keys/large is larger than 65536 bytes'],
    ['file:keys/open', 'warning', 'the secret file keys/open is open to everybody (mode 0644); chmod 600 it'],
    [
      'file:keys/group',
      'warning',
      'the secret file keys/group is open to its group (mode 0640); chmod 600 it',
    ],
    ['env:NONE', 'error', 'the environment variable NONE is not set'],
    ['env:EMPTY', 'error', 'the environment variable EMPTY is empty'],
  ])('%s: %s', async (text, severity, message) => {
    expect((await read(text)).finding).toEqual({ severity, message });
  });

  it('a text that is none is read in the same way, and its file may be open to everybody', async () => {
    const open = textFile.parse('file:keys/open');
    expect(await open.read(reader)).toBeNull();
    expect(open.isOpen).toBe(true);
    const message = 'the file keys/none does not exist';
    expect(await textFile.parse('file:keys/none').read(reader)).toEqual({ severity: 'error', message });
    expect(textFile.safeParse('env:TOKEN').success).toBe(false);
  });

  it.each([
    ['hunter2', 'a secret is not written here; put it into a file and say file:PATH (or env:NAME)'],
    ['File:x', 'a secret is not written here; put it into a file and say file:PATH (or env:NAME)'],
    ['file:', 'expected file:PATH or env:NAME'],
    ['env:NOT A NAME', 'not the name of an environment variable; file:PATH or env:NAME'],
    [12345, 'a secret is not written here; put it into a file and say file:PATH (or env:NAME)'],
  ])('%s is refused, and not quoted', (input, message) => {
    const result = secret.safeParse(input, { reportInput: true });
    expect(result.error?.issues.map((issue) => issue.message)).toEqual([message]);
    expect(JSON.stringify(result.error)).not.toContain('hunter2');
  });

  it('is found wherever a schema put it', () => {
    const settings = z.strictObject({ region: z.string(), keys: z.array(z.strictObject({ key: secret })) });
    const parsed = settings.parse({ region: 'x', keys: [{ key: 'env:A' }, { key: 'env:B' }] });
    expect([...secretsIn(parsed)].map(({ path }) => path.join('.'))).toEqual(['keys.0.key', 'keys.1.key']);
  });

  it('knows whether it has changed', async () => {
    const before = (await read('env:TOKEN')).secret;
    expect(before.equals((await read('env:TOKEN')).secret)).toBe(true);
    expect(before.equals(Secret.of('other'))).toBe(false);
  });

  it('has references that are read back', () => {
    expect(parseSecretRef('file:/etc/spillway/key')).toEqual({ kind: 'file', path: '/etc/spillway/key' });
    expect(parseSecretRef('env:AWS_KEY')).toEqual({ kind: 'env', name: 'AWS_KEY' });
  });
});
