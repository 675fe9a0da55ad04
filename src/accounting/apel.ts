import type { MachineUse, ReportMark, UnreportedMachine } from '../model/accounting.ts';
import { momentText, windowAt, windowNumbered } from '../model/periods.ts';
import { coreMs } from './ledger.ts';

/**
 * APEL cloud usage records, version 0.4: one text message of many records, `Key: value` lines, each record closed by `%%`.
 * The receiver keeps one record for each VMUUID and month, takes the month from StartTime + WallDuration (from EndTime where
 * it is completed), and takes a month's use for the difference to the record before. So WallDuration and CpuDuration count
 * from the start, and there is one record for each month at whose end a machine was had, and one at its end.
 */
export interface ApelSite {
  /** The site's name in GOCDB. */
  readonly siteName: string;
  /** One name for all clouds; null: each cloud's own. */
  readonly cloudComputeService: string | null;
  readonly benchmark: { readonly type: string; readonly value: number } | null;
  /** By the group that machines were launched for. */
  readonly fqans: ReadonlyMap<string, string>;
  /** By the user that they were launched for. */
  readonly globalUserNames: ReadonlyMap<string, string>;
  /** What kind of cloud it is; null: no longer known. */
  readonly cloudType: (cloud: string) => string | null;
}

export const apelHeader = 'APEL-cloud-message: v0.4';
export const recordsPerMessageMax = 1000;
/** No column of the receiver's has more. */
const valueCharactersMax = 255;

export interface ApelReport {
  /** Each a message's text. */
  readonly texts: readonly { readonly text: string; readonly records: number }[];
  readonly marks: readonly ReportMark[];
}

/** All that is to be reported of these machines when the months before `monthMs` are over. */
export function reportUse(
  machines: readonly UnreportedMachine[],
  { monthMs, site }: { readonly monthMs: number; readonly site: ApelSite },
): ApelReport {
  const records: string[] = [];
  const marks: ReportMark[] = [];
  for (const entry of machines) {
    const { machine, reportedUntilMs } = entry;
    const last = Math.min(monthMs, machine.endedAtMs ?? monthMs);
    let untilMs = reportedUntilMs;
    for (const endMs of monthEnds(Math.max(machine.startedAtMs, reportedUntilMs ?? 0), last)) {
      if (machine.endedAtMs === endMs) break;
      records.push(recordOf(machine, site, endMs));
      untilMs = endMs;
    }
    if (machine.endedAtMs !== null) {
      records.push(recordOf(machine, site, null));
      untilMs = machine.endedAtMs;
    }
    if (untilMs !== null && untilMs !== reportedUntilMs) marks.push({ instance: machine.instance, untilMs });
  }
  const texts = [];
  for (let at = 0; at < records.length; at += recordsPerMessageMax) {
    const some = records.slice(at, at + recordsPerMessageMax);
    texts.push({ text: `${apelHeader}\n${some.join('')}`, records: some.length });
  }
  return { texts, marks };
}

/** Ends of months after the one moment, up to the other. */
function* monthEnds(afterMs: number, lastMs: number): Generator<number> {
  for (let index = windowAt('month', afterMs).index; ; index++) {
    const { endMs } = windowNumbered('month', index);
    if (endMs > lastMs) return;
    if (endMs > afterMs) yield endMs;
  }
}

/** `monthEndMs`: as it was when that month ended; null: at its own end. */
function recordOf(machine: MachineUse, site: ApelSite, monthEndMs: number | null): string {
  const { user, group, resources, startedAtMs, endedAtMs } = machine;
  const start = Math.floor(startedAtMs / 1000);
  const end = Math.floor((endedAtMs ?? startedAtMs) / 1000);
  // Its last second is still the month's; the next record has the rest.
  const wall = monthEndMs === null ? end - start : Math.max(0, monthEndMs / 1000 - 1 - start);
  const busyMs = monthEndMs === null ? machine.busyCoreMs : busyCoreMsBy(machine, monthEndMs);
  const fields: readonly (readonly [string, string | number | null])[] = [
    ['VMUUID', `${momentText(startedAtMs)} ${site.siteName} ${machine.instance}`],
    ['SiteName', site.siteName],
    ['CloudComputeService', site.cloudComputeService ?? machine.cloud],
    ['MachineName', machine.instance],
    ['LocalUserId', user],
    ['LocalGroupId', group],
    ['GlobalUserName', user === null ? null : (site.globalUserNames.get(user) ?? null)],
    ['FQAN', group === null ? null : (site.fqans.get(group) ?? null)],
    ['Status', monthEndMs === null ? 'completed' : 'started'],
    ['StartTime', start],
    ['EndTime', monthEndMs === null ? end : null],
    ['SuspendDuration', 0],
    ['WallDuration', wall],
    ['CpuDuration', Math.floor(busyMs / 1000)],
    ['CpuCount', resources.cpus],
    ['Memory', resources.memoryMiB],
    ['Disk', Math.ceil(resources.diskMiB / 1024)],
    ['BenchmarkType', site.benchmark?.type ?? null],
    ['Benchmark', site.benchmark?.value ?? null],
    ['ImageId', machine.offer],
    ['CloudType', site.cloudType(machine.cloud)],
  ];
  const lines = fields.flatMap(([key, value]) => (value === null ? [] : [`${key}: ${oneLine(value)}\n`]));
  return `${lines.join('')}%%\n`;
}

/**
 * What its jobs had used when the month ended. Exact for the newest month end; where several have passed since the machine
 * was reported, the use of the later months is in the last of them.
 */
function busyCoreMsBy({ month, busyCoreMs, uses, sinceMs }: MachineUse, endMs: number): number {
  if (month !== null && windowNumbered('month', month.index).startMs >= endMs) return month.busyCoreMs;
  const goesOnMs = Math.max(0, endMs - sinceMs);
  return busyCoreMs + uses.reduce((sum, use) => sum + coreMs(use, goesOnMs), 0);
}

/** A value ends with its line, and its record at the first `%%` wherever it stands, whatever is in a user's name. */
function oneLine(value: string | number): string {
  return String(value)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/%(?=%)/g, '% ')
    .slice(0, valueCharactersMax);
}
