import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { toBytes } from '../../../src/classad/bytes.ts';
import { literal } from '../../../src/classad/expr.ts';
import { unparse } from '../../../src/classad/unparse.ts';
import { universes } from '../../../src/queues/htcondor/schedd.ts';
import { slotAdsOf } from './stand-in-slots.ts';
import { writeStandInTools } from './stand-in-tools.ts';

const data = resolve(import.meta.dirname, '../../data/htcondor');
const anyTimeSeconds = 1_795_272_000;

/** Attributes of a submission in old syntax, by name. */
export type AdText = Readonly<Record<string, string>>;

export interface StandInJob {
  readonly schedd: string;
  readonly cluster: number;
  readonly proc: number;
  /** As proc.h numbers them: 1 idle, 2 running, 5 held. */
  status: number;
  worker: StandInWorker | null;
}

export interface StandInWorker {
  /** `i1-0.pool.test`. */
  readonly name: string;
  readonly address: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** What it publishes beside what every machine does, and as whom it came in. */
  readonly said: AdText;
  readonly jobs: Set<StandInJob>;
}

/** The state of a pool of HTCondor, and programs of its tools' names that show it: real processes, no daemon. */
export interface StandInPool {
  /** Where the tools are. */
  readonly bin: string;
  readonly tools: readonly string[];
  /** The first schedd's, as the schedd writes it. */
  readonly jobQueueLog: string;
  /** Jobs of one cluster. */
  submit(ad: AdText, count: number, schedd?: string): readonly StandInJob[];
  setStatus(job: StandInJob, status: number): void;
  run(job: StandInJob, worker: StandInWorker): void;
  /** Out of the queue. */
  leave(job: StandInJob): void;
  join(worker: Omit<StandInWorker, 'jobs' | 'address'>): StandInWorker;
  /** The schedd writes its log anew, as it does at its start. */
  compact(): void;
  /** The collector has just started: it knows no machine, and says that it is young. */
  forgetMachines(): void;
  /** Every machine has reported again, and the collector is as old as it takes. */
  machinesReport(): void;
  /** Writes down what the tools show from now on. */
  show(): void;
  remove(): void;
}

/** Recorded lines of a whole job that has not run: what all jobs say, whatever they want. */
const usualLines = readFileSync(join(data, 'answers/job_long.out'), 'utf8')
  .split('\n')
  .filter((line) =>
    /^(?:Cmd|CondorVersion|CurrentHosts|EnteredCurrentStatus|In|Iwd|JobPrio|MyType|NumJobStarts|Out|TargetType|User|WhenToTransferOutput) = /.test(
      line,
    ),
  );

const defaults: AdText = {
  Owner: '"ann"',
  JobUniverse: '5',
  MinHosts: '1',
  MaxHosts: '1',
  RequestCpus: '1',
  RequestMemory: '128',
  RequestDisk: '1024',
  Rank: '0.0',
  Requirements:
    '(TARGET.Arch == "X86_64") && (TARGET.OpSys == "LINUX") && (TARGET.Disk >= RequestDisk) && (TARGET.Memory >= RequestMemory) && ((TARGET.FileSystemDomain == MY.FileSystemDomain) || (TARGET.HasFileTransfer))',
  FileSystemDomain: '"pool.test"',
};

export const textOf = (value: string): string => unparse(literal(toBytes(value)), 'old');

const keyOf = ({ cluster, proc }: StandInJob): string => `${cluster}.${proc}`;
const headOf = (number: number): string => `107 ${number} CreationTimestamp ${anyTimeSeconds}\n`;

interface Cluster {
  readonly number: number;
  readonly schedd: string;
  /** All lines but those that tell its jobs apart. */
  readonly lines: string;
  readonly universe: number;
}

export function createStandInPool(schedds: readonly string[] = ['schedd@pool']): StandInPool {
  const folder = mkdtempSync(join(tmpdir(), 'stand-in-condor-'));
  const [first = 'schedd@pool'] = schedds;
  const bin = join(folder, 'bin');
  const path = (name: string) => join(folder, name);
  for (const name of ['bin', 'spool', ...schedds.map((schedd) => `schedds/${schedd}`)])
    mkdirSync(path(name), { recursive: true });
  const jobQueueLog = path('spool/job_queue.log');
  for (const name of ['draining', 'invalidated']) writeFileSync(path(name), '');
  writeFileSync(jobQueueLog, headOf(1));
  const tools = writeStandInTools(bin, folder);

  const clusters = new Map<number, Cluster>();
  const jobs = new Set<StandInJob>();
  let workers: StandInWorker[] = [];
  let lastCluster = 0;
  let lastAddress = 0;
  let young = false;
  let compactions = 1;
  const stale = new Set<string>(schedds);
  const drained = () =>
    new Set(
      readFileSync(path('draining'), 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
    );

  /** As the schedd does: what belongs together is one transaction. */
  const changed = (schedd: string, records: readonly string[]) => {
    stale.add(schedd);
    if (schedd === first) appendFileSync(jobQueueLog, `105 \n${records.join('\n')}\n106 \n`);
  };

  const shown = new Map<string, string>();
  /** At once for whoever reads it, and only where it is new. */
  function write(name: string, text: string): void {
    if (shown.get(name) === text) return;
    shown.set(name, text);
    writeFileSync(path(`${name}.new`), text);
    renameSync(path(`${name}.new`), path(name));
  }

  function showSchedd(schedd: string): void {
    const own = [...jobs].filter((job) => job.schedd === schedd);
    const waits = ({ cluster, status }: StandInJob) =>
      status === 1 && universes.includes(clusters.get(cluster)?.universe ?? 0);
    const adOf = ({ cluster, proc, status }: StandInJob) => {
      const found = clusters.get(cluster);
      return `ClusterId = ${cluster}\nProcId = ${proc}\nGlobalJobId = "${schedd}#${cluster}.${proc}#${anyTimeSeconds}"\nQDate = ${anyTimeSeconds}\nJobStatus = ${status}\n${found?.lines ?? ''}\n`;
    };
    const count = (status: number) => own.filter((job) => job.status === status).length;
    const waiting = own.filter(waits);
    const ran = count(2);
    const totals = [
      '',
      '',
      `-- Schedd: ${schedd} : <127.0.0.1:9618?... @ 11/22/26 05:38:17`,
      `Total for query: ${waiting.length} jobs; 0 completed, 0 removed, ${waiting.length} idle, 0 running, 0 held, 0 suspended `,
      `Total for all users: ${own.length} jobs; ${count(4)} completed, ${count(3)} removed, ${count(1)} idle, ${ran} running, ${count(5)} held, 0 suspended`,
      '',
      '',
    ];
    const byCluster = Map.groupBy(own, ({ cluster }) => cluster);
    const autoclusters = [...byCluster].map(([cluster, members]) =>
      JSON.stringify({ AutoClusterId: cluster, JobCount: members.length, JobIds: `${cluster}.0` }),
    );
    write(`schedds/${schedd}/all`, own.map(adOf).join(''));
    write(`schedds/${schedd}/waiting`, waiting.map(adOf).join(''));
    write(`schedds/${schedd}/totals`, totals.join('\n'));
    write(`schedds/${schedd}/autoclusters`, `[\n${autoclusters.join('\n,\n')}\n]\n`);
  }

  return {
    bin,
    tools,
    jobQueueLog,
    submit(ad, count, schedd = first) {
      lastCluster += 1;
      const all: AdText = { ...defaults, User: `${ad.Owner ?? defaults.Owner}`, ...ad };
      const said = Object.entries(all).map(([name, text]) => `${name} = ${text}`);
      const usual = usualLines.filter((line) => !Object.hasOwn(all, line.slice(0, line.indexOf(' = '))));
      const universe = Number(all.JobUniverse);
      const lines = `${[...usual, ...said].toSorted().join('\n')}\n`;
      clusters.set(lastCluster, { number: lastCluster, schedd, lines, universe });
      const made = Array.from(
        { length: count },
        (_, proc): StandInJob => ({ schedd, cluster: lastCluster, proc, status: 1, worker: null }),
      );
      for (const job of made) jobs.add(job);
      const key = `0${lastCluster}.-1`;
      const shared = lines
        .trimEnd()
        .split('\n')
        .map((line) => `103 ${key} ${line.replace(' = ', ' ')}`);
      const own = made.flatMap(({ cluster, proc }) => [
        `101 ${cluster}.${proc} Job Machine`,
        `103 ${cluster}.${proc} ProcId ${proc}`,
        `103 ${cluster}.${proc} JobStatus 1`,
      ]);
      changed(schedd, [
        `103 0.0 NextClusterNum ${lastCluster + 1}`,
        `101 ${key} Job Machine`,
        `103 ${key} ClusterId ${lastCluster}`,
        `103 ${key} QDate ${anyTimeSeconds}`,
        ...shared,
        ...own,
      ]);
      return made;
    },
    setStatus(job, status) {
      job.status = status;
      changed(job.schedd, [`103 ${keyOf(job)} JobStatus ${status}`]);
    },
    run(job, worker) {
      job.status = 2;
      job.worker = worker;
      worker.jobs.add(job);
      changed(job.schedd, [`103 ${keyOf(job)} JobStatus 2`]);
    },
    leave(job) {
      job.worker?.jobs.delete(job);
      jobs.delete(job);
      changed(job.schedd, [`103 ${keyOf(job)} JobStatus 3`, `102 ${keyOf(job)}`]);
    },
    compact() {
      compactions += 1;
      const records = readFileSync(jobQueueLog, 'utf8').split('\n').slice(1);
      writeFileSync(`${jobQueueLog}.tmp`, `${headOf(compactions)}${records.join('\n')}`);
      renameSync(`${jobQueueLog}.tmp`, jobQueueLog);
    },
    join(worker) {
      lastAddress += 1;
      const address = `10.0.${lastAddress >> 8}.${lastAddress & 255}`;
      const made = { ...worker, address, jobs: new Set<StandInJob>() };
      workers = [...workers.filter(({ name }) => name !== worker.name), made];
      return made;
    },
    forgetMachines() {
      young = true;
    },
    machinesReport() {
      young = false;
    },
    show() {
      for (const schedd of stale) showSchedd(schedd);
      stale.clear();
      const invalidated = readFileSync(path('invalidated'), 'utf8');
      workers = workers.filter(({ name }) => !invalidated.includes(`@${name}"`));
      if (invalidated !== '') writeFileSync(path('invalidated'), '');
      const draining = drained();
      const ads = young ? [] : workers.flatMap((worker) => slotAdsOf(worker, draining.has(worker.name)));
      write('slots', ads.join(''));
      write('startds', workers.map(({ name }) => `${name}\n`).join(''));
      write('collector', young ? '' : 'My Pool\n');
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
