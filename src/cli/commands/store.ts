import { resolve } from 'node:path';
import type { Command } from 'commander';
import { formatProblem } from '../../config/problem.ts';
import { StoreError } from '../../store/port.ts';
import type { StoreReport } from '../../store/sqlite/check.ts';
import type { StorePlace } from '../deps.ts';
import { CliError, exitCodes } from '../exit.ts';
import { counted } from '../format.ts';
import { type JsonOption, jsonCommand, reportErrors, type Session, show } from '../session.ts';
import { printable, type Style } from '../table.ts';

type FoundStore = Extract<StorePlace, { kind: 'found' }>;

/** What the daemon remembers, looked after without asking the daemon: the config says where it is. */
export function addStore(program: Command, session: Session): void {
  const store = program.command('store').description("the daemon's memory: check, back up, restore");
  const { deps } = session;
  jsonCommand(store, 'check', 'read all of the store and say what is damaged; a daemon may be running')
    .argument('<config>', 'the site’s configuration file')
    .action(async (config: string, options: JsonOption) => {
      await withStore(session, config, options, async ({ path }) => {
        const report = await deps.store.check(path);
        session.exitCode = report.ok ? exitCodes.ok : exitCodes.failed;
        show(session, options, report, renderReport);
      });
    });
  jsonCommand(store, 'backup', 'write a checked copy of the store; a daemon may be running')
    .argument('<config>', 'the site’s configuration file')
    .argument('<file>', 'the copy: a new file')
    .option('--overwrite', 'replace the file if it is there')
    .action(async (config: string, file: string, options: JsonOption & { overwrite?: boolean }) => {
      await withStore(session, config, options, async ({ path }) => {
        const to = resolve(deps.cwd, file);
        const report = await deps.store.backup({ path, to, overwrite: options.overwrite === true });
        show(session, options, report, () => [
          printable(`${report.to}: ${rowsText(report.rows)}; ${counted(report.bytes, 'byte')}`),
        ]);
      });
    });
  jsonCommand(
    store,
    'restore',
    "put a copy in the store's place and keep what was there; no daemon may be running",
  )
    .argument('<config>', 'the site’s configuration file')
    .argument('<file>', 'a copy that `store backup` made')
    .action(async (config: string, file: string, options: JsonOption) => {
      await withStore(session, config, options, async ({ path, site }) => {
        const from = resolve(deps.cwd, file);
        const report = await deps.store.restore({ from, path, site, wallMs: deps.clock.wallNow() });
        const kept = report.keptAs === null ? [] : [printable(`what was there is now ${report.keptAs}`)];
        show(session, options, report, () => [
          printable(`${report.path}: ${rowsText(report.rows)}`),
          ...kept,
        ]);
      });
    });
}

async function withStore(
  session: Session,
  config: string,
  options: JsonOption,
  work: (found: FoundStore) => Promise<void>,
): Promise<void> {
  await reportErrors(session, options, async () => {
    const place = await session.deps.store.locate(config);
    if (place.kind === 'badConfig') {
      const [first] = place.problems;
      const text = first === undefined ? config : formatProblem(first);
      throw new CliError(exitCodes.config, 'badConfig', `${text} (see spillway check)`);
    }
    try {
      await work(place);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw new CliError(exitCodes.failed, error.code, error.message);
    }
  });
}

function renderReport(report: StoreReport, style: Style): readonly string[] {
  const site = report.site === null ? [] : [`site ${report.site}, schema version ${report.schema ?? '-'}`];
  return [
    style.bold(printable(report.path)),
    ...site.map(printable),
    ...(report.rows === null ? [] : [rowsText(report.rows)]),
    ...report.notes.map(printable),
    ...report.faults.map((fault) => style.red(printable(fault))),
    ...(report.ok ? ['no damage found'] : []),
  ];
}

function rowsText(rows: StoreReport['rows']): string {
  if (rows === null) return 'could not be counted';
  const { instances, intents, facts, journal, machineUses, usage } = rows;
  return [
    counted(instances, 'instance'),
    counted(intents, 'intent'),
    counted(facts, 'fact'),
    counted(journal, 'journal entry', 'journal entries'),
    counted(machineUses + usage, 'row of the accounts', 'rows of the accounts'),
  ].join(', ');
}
