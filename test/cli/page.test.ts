import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { controlErrorCodes, refusalReasons } from '../../src/api/control.ts';
import { downtimeListSchema, downtimeReceiptSchema } from '../../src/api/schema/downtimes.ts';
import { instanceExplanationSchema, jobExplanationSchema } from '../../src/api/schema/explain.ts';
import {
  changeReceiptSchema,
  instanceListSchema,
  launchReceiptSchema,
} from '../../src/api/schema/instances.ts';
import { journalSchema } from '../../src/api/schema/journal.ts';
import { leaseListSchema } from '../../src/api/schema/leases.ts';
import { planSchema } from '../../src/api/schema/plan.ts';
import { poolReceiptSchema } from '../../src/api/schema/pools.ts';
import { statusSchema } from '../../src/api/schema/status.ts';
import type { CliDeps } from '../../src/cli/deps.ts';
import { exitCodes } from '../../src/cli/exit.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { endReasons, phases } from '../../src/model/instance.ts';
import { journalKinds } from '../../src/model/journal.ts';
import { catchText, noClassAds, noLease, noTorque } from '../support/runCli.ts';

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

/** The page's sections by title. */
const sections = new Map(
  page.split(/^## /m).map((text) => {
    const [title = '', ...rest] = text.split('\n');
    return [title, rest.join('\n')] as const;
  }),
);

function commands(): readonly (readonly [string, Command])[] {
  const fail = () => Promise.reject(new Error('nothing is run here'));
  const deps: CliDeps = {
    version: '0',
    stdout: catchText().sink,
    stderr: catchText().sink,
    env: {},
    cwd: '/',
    files: { read: fail },
    clock: hostClock,
    signal: new AbortController().signal,
    runDaemon: fail,
    checkSite: fail,
    loadSite: fail,
    lookLive: fail,
    readCatalog: fail,
    store: { locate: fail, check: fail, backup: fail, restore: fail },
    lease: noLease,
    torque: noTorque,
    classad: noClassAds,
  };
  const leaves = (command: Command, name: string): readonly (readonly [string, Command])[] =>
    command.commands.length === 0
      ? [[name, command]]
      : [
          // A command that has commands below it and does something by itself.
          ...(command.parent !== null && command.options.length > 0 ? [[name, command] as const] : []),
          ...command.commands.flatMap((sub) => leaves(sub, `${name} ${sub.name()}`)),
        ];
  return leaves(buildProgram({ deps, exitCode: 0 }), 'spillway');
}

const common = ['--socket', '--url', '--token', '--ca', '--json'];

describe('docs/cli.md', () => {
  test('has a section for each command and no other', () => {
    const documented = [...sections.keys()].filter((title) => title.startsWith('spillway '));
    expect(documented.toSorted()).toEqual(
      commands()
        .map(([name]) => name)
        .toSorted(),
    );
  });

  test.each(commands())('%s: every argument and option', (name, command) => {
    const text = sections.get(name) ?? '';
    const flags = command.options.map((option) => option.long ?? '').filter((flag) => !common.includes(flag));
    const usage = text
      .split('\n')
      .filter((line) => line.startsWith(`    ${name} `) || line === `    ${name}`)
      .join('\n');
    for (const flag of flags) expect(usage).toContain(flag);
    for (const argument of command.registeredArguments)
      expect(usage).toContain(argument.name().toUpperCase());
  });

  const documents = [
    ['spillway status', statusSchema],
    ['spillway plan', planSchema],
    ['spillway explain job', jobExplanationSchema],
    ['spillway explain instance', instanceExplanationSchema],
    ['spillway instance list', instanceListSchema],
    ['spillway instance launch', launchReceiptSchema],
    ['spillway instance drain', changeReceiptSchema],
    ['spillway pool pause', poolReceiptSchema],
    ['spillway downtime add', downtimeReceiptSchema],
    ['spillway downtime list', downtimeListSchema],
    ['spillway leases', leaseListSchema],
    ['spillway journal', journalSchema],
  ] as const;

  test.each(documents)('%s: every field of the document', (name, schema) => {
    for (const field of Object.keys(schema.shape)) expect(sections.get(name)).toContain(`\`${field}\``);
    // What is within may be explained with another command.
    for (const field of fieldsWithin(z.toJSONSchema(schema))) expect(page).toContain(`\`${field}\``);
  });

  test('every phase and every reason of an end', () => {
    for (const word of [...phases, ...endReasons])
      expect(sections.get('spillway instance list')).toContain(`\`${word}\``);
  });

  test('every kind of journal entry', () => {
    for (const kind of journalKinds) expect(sections.get('spillway journal')).toContain(`\`${kind}\``);
  });

  test('every exit code and every error code', () => {
    for (const code of Object.values(exitCodes)) expect(sections.get('Exit codes')).toContain(`| ${code} |`);
    for (const code of [...controlErrorCodes, ...refusalReasons])
      expect(sections.get('Exit codes')).toContain(`\`${code}\``);
  });
});

/** Names of all fields that a JSON schema describes, however deep. */
function fieldsWithin(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]: [string, unknown]) =>
    key === 'properties' && typeof value === 'object' && value !== null
      ? [...Object.keys(value), ...Object.values(value).flatMap(fieldsWithin)]
      : fieldsWithin(value),
  );
}
