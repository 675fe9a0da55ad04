import type Database from 'better-sqlite3';
import type { MachineUse, ReportMark, ReportMessage, UsageRow } from '../../model/accounting.ts';
import type { Accounts } from '../port.ts';
import {
  encodeMachineUse,
  encodeMessage,
  encodeUsage,
  machineUseTable,
  messageTable,
  usageTable,
} from './accountRows.ts';
import * as sql from './accountSql.ts';
import { inStoreWords } from './failure.ts';
import type { OpenFile } from './file.ts';
import { decode } from './rows.ts';

/** Rows of each table that one call of prune drops. */
const pruneRowsMax = 500;
/** Of messages that nobody takes away: the oldest. */
const messagesMax = 10_000;

/** To be called within the transaction of a batch. */
export function usageWriter(db: Database.Database) {
  const putMachine = db.prepare(sql.upsertMachineUse);
  const add = db.prepare(sql.addUsage);
  return (machines: readonly MachineUse[], usage: readonly UsageRow[]): void => {
    for (const machine of machines) putMachine.run(encodeMachineUse(machine));
    for (const row of usage) add.run(encodeUsage(row));
  };
}

export function openMachineReader(db: Database.Database, path: string): () => MachineUse[] {
  const open = db.prepare(sql.selectOpenMachineUses);
  return () => open.all().map((row) => decode(path, machineUseTable, row).machine);
}

export function accountsOf(file: OpenFile): Accounts {
  const { db, path } = file;
  const usage = {
    day: db.prepare<[number, number]>(sql.selectUsage.day),
    month: db.prepare<[number, number]>(sql.selectUsage.month),
    all: db.prepare<[number, number]>(sql.selectUsage.all),
  };
  const unreported = db.prepare(sql.selectUnreported);
  const mark = db.prepare(sql.markReported);
  const messages = db.prepare(sql.selectMessages);
  const insert = db.prepare(sql.insertMessage);
  const setFolder = db.prepare(sql.setMessageFolder);
  const drop = db.prepare<[string]>(sql.deleteMessage);
  const pruneUsage = db.prepare<[number, number]>(sql.pruneUsage);
  const pruneMachines = db.prepare<[number, number]>(sql.pruneMachineUses);

  const reportAll = db.transaction((made: readonly ReportMessage[], marks: readonly ReportMark[]) => {
    for (const message of made) insert.run(encodeMessage(message));
    for (const { instance, untilMs } of marks) mark.run({ instance, untilMs });
  });
  const pruneAll = db.transaction(
    (day: number, endedMs: number) =>
      pruneUsage.run(day, pruneRowsMax).changes + pruneMachines.run(endedMs, pruneRowsMax).changes,
  );
  const writing = <T>(work: () => T): T =>
    inStoreWords(path, () => {
      file.assertInPlace();
      return work();
    });

  return {
    usage: ({ from, to, grain }) =>
      inStoreWords(path, () => usage[grain].all(from, to).map((row) => decode(path, usageTable, row))),
    unreported: ({ beforeMs, after, limit }) =>
      inStoreWords(path, () =>
        unreported
          .all({ beforeMs, after: after ?? '', limit })
          .map((row) => decode(path, machineUseTable, row)),
      ),
    report: (made, marks) => writing(() => reportAll.immediate(made, marks)),
    messages: () =>
      inStoreWords(path, () =>
        messages
          .all()
          .slice(0, messagesMax)
          .map((row) => decode(path, messageTable, row)),
      ),
    placing: (name, folder) => writing(() => void setFolder.run({ name, folder })),
    placed: (name) => writing(() => void drop.run(name)),
    prune: ({ day, endedMs }) => writing(() => pruneAll.immediate(day, endedMs)),
  };
}
