import type { StatusView } from '../../src/api/control.ts';

export interface Picture {
  readonly seconds: number;
  readonly jobs: number;
  readonly done: number;
  readonly failed: number;
  readonly status: StatusView;
}

/** The state of the farm as lines of text; the first says it all and is enough where nothing can be redrawn. */
export function draw({ seconds, jobs, done, failed, status }: Picture): readonly string[] {
  const states = { Free: 0, Busy: 0, Unusable: 0 };
  const phases = new Map<string, number>();
  for (const pool of status.pools) {
    for (const state of ['Free', 'Busy', 'Unusable'] as const) states[state] += pool.states[state];
    for (const [phase, count] of Object.entries(pool.phases)) {
      if (count > 0) phases.set(phase, (phases.get(phase) ?? 0) + count);
    }
  }
  const queue = status.queues[0]?.jobs ?? { waiting: 0, running: 0, held: 0 };
  const { launched, ended, reused } = status.totals.sinceStart;
  const time = `${String(Math.round(seconds)).padStart(3)} s`;
  return [
    `${time}  jobs: ${queue.waiting} waiting, ${queue.running} running, ${done} done${failed > 0 ? `, ${failed} FAILED` : ''}` +
      `   machines: ${states.Free} Free, ${states.Busy} Busy, ${states.Unusable} Unusable` +
      `   launched ${launched}, reused ${reused}, ended ${ended}`,
    `       jobs      ${bar(done, jobs, '#')} ${done}/${jobs}`,
    `       machines  ${'F'.repeat(states.Free)}${'B'.repeat(states.Busy)}${'u'.repeat(states.Unusable)}`,
    `       phases    ${[...phases].map(([phase, count]) => `${count} ${phase}`).join(', ') || 'none'}`,
    `       trouble   ${troubles(status).join('; ') || 'none'}`,
  ];
}

function bar(part: number, whole: number, mark: string): string {
  return `[${mark.repeat(part)}${' '.repeat(Math.max(0, whole - part))}]`;
}

function troubles(status: StatusView): readonly string[] {
  return [...status.queues, ...status.clouds].flatMap(({ name, trouble }) =>
    trouble === null ? [] : [`${name}: ${trouble.message}`],
  );
}

/** Redraws in place on a terminal; elsewhere writes the first line of each new picture. */
export function screen(out: NodeJS.WriteStream): (lines: readonly string[]) => void {
  let shown = 0;
  return (lines) => {
    if (!out.isTTY) {
      out.write(`${lines[0] ?? ''}\n`);
      return;
    }
    const fitting = lines.map((line) => line.slice(0, Math.max(20, out.columns - 1)));
    out.write(`${shown > 0 ? `\x1b[${shown}A\x1b[J` : ''}${fitting.join('\n')}\n`);
    shown = lines.length;
  };
}

export interface Conclusion {
  readonly jobs: number;
  readonly done: number;
  readonly failed: number;
  readonly launched: number;
  readonly reused: number;
  readonly terminated: number;
  readonly left: number;
  readonly seconds: number;
  /** More machines than that are a failure. */
  readonly launchesMax: number;
  readonly logPath: string;
}

/** Says how it went, for people and on the last line for programs; returns the exit code. */
export function conclude({ launchesMax, logPath, ...figures }: Conclusion): number {
  const { jobs, done, launched, reused, terminated, left, seconds } = figures;
  const good = done === jobs && left === 0 && launched <= launchesMax;
  process.stdout.write(
    `${good ? 'Done' : 'FAILED'}: ${done} of ${jobs} jobs ran on ${launched} machines, which were used again ` +
      `${reused} times; ${terminated} machines terminated, ${left} left; ${Math.round(seconds)} s.\n`,
  );
  if (!good) process.stderr.write(`See ${logPath}\n`);
  process.stdout.write(`${JSON.stringify({ ...figures, seconds: Math.round(seconds) })}\n`);
  return good ? 0 : 1;
}
