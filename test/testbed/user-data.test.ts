import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bootProgram } from '../../scripts/testbed/booter.d/user-data.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'user-data-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function runBoot(userData: string): string {
  return execFileSync('/bin/sh', ['-c', bootProgram(userData) ?? ''], { encoding: 'utf8' });
}

describe('user data as a program', () => {
  it('is run as it is', () => {
    const script = '#!/bin/sh\necho "$HOME"\n';
    expect(bootProgram(script)).toBe(script);
  });

  it.each([null, '', '\n'])('%j: there is nothing to run', (userData) => {
    expect(bootProgram(userData)).toBeNull();
  });

  it('of another form is refused', () => {
    expect(() => bootProgram('Content-Type: multipart/mixed')).toThrow(
      'neither a #! program nor #cloud-config',
    );
  });
});

describe('user data as cloud-config', () => {
  it('writes files with their content, byte for byte, and their mode', () => {
    const path = join(folder, 'deep/er/secret');
    const content = 'it\'s "quoted" $HOME `date`\n\n  indented\n%s';
    runBoot(`#cloud-config\n${JSON.stringify({ write_files: [{ path, content, permissions: '0600' }] })}`);
    expect(readFileSync(path, 'utf8')).toBe(content);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('decodes base64, and appends where it is told to', () => {
    const path = join(folder, 'file');
    const files = [
      { path, content: 'one\n' },
      { path, content: 'dHdvCg==', encoding: 'b64', append: true },
    ];
    runBoot(`#cloud-config\n${JSON.stringify({ write_files: files })}`);
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  });

  it('runs bootcmd before files are there and runcmd after, lists as argument vectors and text by the shell', () => {
    const path = join(folder, 'file');
    const output = runBoot(`#cloud-config
bootcmd:
  - test -e ${path} || echo not yet
write_files:
  - path: ${path}
    content: here
runcmd:
  - [printf, '%s|', 'a b', "it's", '$HOME']
  - cat ${path}
`);
    expect(output).toBe("not yet\na b|it's|$HOME|here");
  });

  it('goes on after a command that failed, as cloud-init does', () => {
    expect(runBoot('#cloud-config\nruncmd: [[/bin/false], [echo, on]]\n')).toBe('on\n');
  });

  it.each([
    ['packages: [htcondor]', 'keys that are not understood: packages'],
    ['runcmd: poweroff', 'runcmd is not a list'],
    ['write_files: [{content: x}]', 'write_files path is not text'],
    ['write_files: [{path: /x, content: x, encoding: gzip}]', 'encoding that is not understood: gzip'],
    ['- runcmd', 'cloud-config is not a mapping'],
  ])('%s: refused', (yaml, message) => {
    expect(() => bootProgram(`#cloud-config\n${yaml}\n`)).toThrow(message);
  });
});
