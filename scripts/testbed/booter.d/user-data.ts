import { Buffer } from 'node:buffer';
import { parse } from 'yaml';

/**
 * What cloud-init would do with user data, as one program for the machine's first boot: a `#!` program is run as
 * it is; of `#cloud-config` the keys write_files, bootcmd and runcmd are understood. Null or empty: nothing is run.
 * Throws an Error that names what is not understood, as a machine would show nothing but a console message.
 */
export function bootProgram(userData: string | null): string | null {
  if (userData === null || userData.trim() === '') return null;
  if (userData.startsWith('#!')) return userData;
  if (/^#cloud-config\s*$/m.test(userData.split('\n', 1)[0] ?? '')) return cloudConfigProgram(userData);
  throw new Error('user data is neither a #! program nor #cloud-config');
}

const understoodKeys = ['write_files', 'bootcmd', 'runcmd'];

function cloudConfigProgram(text: string): string {
  const config = asRecord(parse(text) ?? {}, 'cloud-config');
  const unknown = Object.keys(config).filter((key) => !understoodKeys.includes(key));
  if (unknown.length > 0) throw new Error(`cloud-config keys that are not understood: ${unknown.join(', ')}`);
  // As cloud-init orders its modules; like it, it goes on after a command that failed.
  return [
    '#!/bin/sh',
    ...asList(config.bootcmd, 'bootcmd').map(commandLine),
    ...asList(config.write_files, 'write_files').flatMap(writeFileLines),
    ...asList(config.runcmd, 'runcmd').map(commandLine),
    '',
  ].join('\n');
}

/** A list is an argument vector; text is a line for the shell. */
function commandLine(command: unknown): string {
  if (typeof command === 'string') return command;
  return asList(command, 'command')
    .map((word) => quoted(String(word)))
    .join(' ');
}

function writeFileLines(entry: unknown): readonly string[] {
  const file = asRecord(entry, 'write_files entry');
  const path = asText(file.path, 'write_files path');
  const content = decoded(asText(file.content ?? '', path), asText(file.encoding ?? 'text/plain', path));
  const target = quoted(path);
  const write = file.append === true ? '>>' : '>';
  return [
    `mkdir -p "$(dirname ${target})"`,
    // Made with its mode before it has content: a secret is never readable by others, not even for a moment.
    `touch ${target} && chmod ${quoted(asText(file.permissions ?? '0644', path))} ${target}`,
    `printf %s ${quoted(content.toString('base64'))} | base64 -d ${write} ${target}`,
    ...(file.owner === undefined ? [] : [`chown ${quoted(asText(file.owner, path))} ${target}`]),
  ];
}

function decoded(content: string, encoding: string): Buffer {
  switch (encoding) {
    case 'text/plain':
      return Buffer.from(content, 'utf8');
    case 'b64':
    case 'base64':
      return Buffer.from(content, 'base64');
    default:
      throw new Error(`write_files encoding that is not understood: ${encoding}`);
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function asRecord(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new Error(`${what} is not a mapping`);
}

function asList(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new Error(`${what} is not a list`);
}

function asText(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new Error(`${what} is not text`);
}
