import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BoundaryName } from '../../../src/daemon/boundaries.ts';
import { crashpointVariable } from '../../../src/daemon/boundaries.ts';
import { farmConfig, jobStarts, queueIsEmpty, submitJobs, tagOf } from '../condorFarm.ts';
import { type FaultingProxy, startFaultingProxy } from '../faultingProxy.ts';
import { createSite, type RunningSite, until } from '../runningSite.ts';
import type { BooterTestbed, Ec2Testbed, HTCondorTestbed } from '../testbed.ts';
import { type HeldTools, heldTools, type ToolEffect, type ToolMoment } from './tools.ts';
import { judge, type Verdict } from './verdict.ts';
import type { Round, Visit } from './visits.ts';
import { type CloudWatch, isGone, watchCloud } from './watch.ts';

export interface CrashRunOptions {
  readonly pool: HTCondorTestbed;
  readonly ec2: Ec2Testbed;
  readonly booter: BooterTestbed;
  readonly site: string;
  readonly rounds: readonly Round[];
  /** A line for each thing that has happened. */
  readonly say?: (line: string) => void;
}

export interface CrashReport extends Verdict {
  readonly visits: Readonly<Partial<Record<BoundaryName, number>>>;
  readonly secondKills: number;
  /** Why a boundary was not come by. */
  readonly failures: readonly string[];
  readonly seconds: number;
}

/**
 * The pool that dies and lives through it has one machine at a time, so that a machine too many is a bound broken. Beside
 * it a machine of another pool, which has a min of 1, runs jobs all the while.
 */
export const bounds = { dying: { min: 0, max: 1 }, steady: { min: 1, max: 1 } } as const;

/** A visit may have to wait for a boot, a job, a drain. */
const visitMs = 60_000;
const failuresMax = 2;
const jobSeconds = 1;
const steadyJobSeconds = 6;

/** Visits every boundary of the rounds, one death after the other, and judges by what the cloud and the queue say. */
export async function crashRun(options: CrashRunOptions): Promise<CrashReport> {
  const { pool, ec2, rounds, say = () => {} } = options;
  const beganMs = performance.now();
  const proxy = await startFaultingProxy({ endpoint: ec2.endpoint });
  const tools = heldTools(join(pool.folder, `held-${options.site}`), pool.bin);
  const site = createSite(
    farmConfig({
      pool: { ...pool, bin: tools.bin },
      ec2,
      endpoint: proxy.endpoint,
      site: options.site,
      vmTypes: { dying: { cpus: 1, type: 't3.micro' }, steady: { cpus: 1, type: 't3.small' } },
      pools: [
        { name: 'dying', offers: ['dying'], ...bounds.dying, idle: '1s', idleConfirm: '1s' },
        { name: 'steady', offers: ['steady'], ...bounds.steady },
      ],
    }),
  );
  const watch = watchCloud(ec2.endpoint, bounds);
  const work = new Workload(pool);
  const run = new CrashRun({ site, proxy, tools, work, watch, booter: options.booter, say });
  try {
    await work.keepSteady();
    const failures = await live(run, rounds, say);
    tools.clear();
    await proxy.clear();
    await site.start();
    await work.enough();
    await until('every job is done', () => queueIsEmpty(pool), { withinMs: visitMs });
    const verdict = await judge({ site, watch, starts: () => work.starts(), bounds, say });
    return {
      visits: Object.fromEntries(run.visits),
      secondKills: run.secondKills,
      failures,
      seconds: Math.round((performance.now() - beganMs) / 1000),
      ...verdict,
    };
  } finally {
    await watch.stop();
    await site.dispose();
    await proxy.stop();
  }
}

/** A boundary that is never come by fails the run; the others are still of interest, unless it is one of many. */
async function live(
  run: CrashRun,
  rounds: readonly Round[],
  say: (line: string) => void,
): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const [number, round] of rounds.entries()) {
    say(`life ${number + 1} of ${rounds.length}`);
    await run.begin(round);
    for (const visit of round) {
      try {
        await run.visit(visit);
      } catch (error) {
        const failure = `${visit.boundary}: ${error instanceof Error ? error.message : String(error)}`;
        failures.push(failure);
        say(`  ${failure}`);
        if (failures.length > failuresMax) return failures;
      }
    }
  }
  return failures;
}

interface Parts {
  readonly site: RunningSite;
  readonly proxy: FaultingProxy;
  readonly tools: HeldTools;
  readonly work: Workload;
  readonly watch: CloudWatch;
  readonly booter: BooterTestbed;
  readonly say: (line: string) => void;
}

class CrashRun {
  readonly visits = new Map<BoundaryName, number>();
  secondKills = 0;
  private readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** A life in which no launch is visited needs a job all the same. */
  async begin(round: Round): Promise<void> {
    if (!round.some(({ boundary }) => boundary.startsWith('launch/'))) await this.parts.work.submitOne();
  }

  /** Starts the daemon so that it dies at the boundary, gives it reason to come by, and sees it die. */
  async visit({ boundary, again }: Visit): Promise<void> {
    const { site, work, say } = this.parts;
    const beganMs = performance.now();
    await work.keepSteady();
    await work.provoke(boundary);
    if (boundary === 'remove/halfSent' || boundary === 'remove/unanswered') await this.suddenDeath();
    await this.dieAt(boundary).catch(async (error: unknown) => {
      await site.kill();
      throw error;
    });
    this.visits.set(boundary, (this.visits.get(boundary) ?? 0) + 1);
    work.died(boundary);
    if (again !== null) {
      await this.dieAtCrashpoint(`tick/${again.moment}#${again.commit}`);
      this.secondKills += 1;
    }
    const twice = again === null ? '' : `, and at ${again.moment} of commit ${again.commit} after it`;
    say(`  died at ${boundary}${twice} (${Math.round((performance.now() - beganMs) / 100) / 10} s)`);
  }

  /** Of the machine: while the daemon is dead, too. */
  private async suddenDeath(): Promise<void> {
    const { watch, booter } = this.parts;
    const machines = await watch.all();
    const ids = machines
      .filter((machine) => tagOf(machine, 'spillway:pool') === 'dying' && !isGone(machine))
      .flatMap(({ InstanceId }) => (InstanceId === undefined ? [] : [InstanceId]));
    booter.setLevers({ die: ids });
    await until('the machine is dead', () => ids.every((id) => !isRunning(booter, id)));
    booter.setLevers({});
  }

  private async dieAt(boundary: BoundaryName): Promise<void> {
    const [effect, moment] = boundary.split('/') as [string, string];
    if (moment !== 'halfSent' && moment !== 'unanswered') return this.dieAtCrashpoint(boundary);
    if (effect === 'launch' || effect === 'terminate') return this.dieAtRequest(effect, moment);
    return this.dieAtTool(effect as ToolEffect, moment);
  }

  private async dieAtCrashpoint(name: string): Promise<void> {
    const daemon = this.parts.site.begin({ [crashpointVariable]: name });
    await until(`the daemon dies at ${name}`, () => daemon.signalCode !== null || daemon.exitCode !== null, {
      withinMs: visitMs,
      everyMs: 20,
    });
    if (daemon.signalCode !== 'SIGKILL')
      throw new Error(`the daemon ended by itself, with ${daemon.exitCode}, and not at ${name}`);
    await this.parts.site.exited();
  }

  private async dieAtRequest(effect: 'launch' | 'terminate', moment: ToolMoment): Promise<void> {
    const { proxy, site } = this.parts;
    const action = effect === 'launch' ? 'RunInstances' : 'TerminateInstances';
    const fault = proxy.set({
      action,
      fault:
        moment === 'halfSent' ? { kind: 'halfRequest', ending: 'hang' } : { kind: 'hang', when: 'after' },
    });
    site.begin();
    await until(`${action} is ${moment}`, () => fault.count > 0, { withinMs: visitMs, everyMs: 20 });
    await site.kill();
    fault.lift();
  }

  private async dieAtTool(effect: ToolEffect, moment: ToolMoment): Promise<void> {
    const { tools, site } = this.parts;
    tools.hold(effect, moment);
    site.begin();
    await until(`the ${effect} is ${moment}`, () => tools.isHeld(effect, moment), {
      withinMs: visitMs,
      everyMs: 20,
    });
    await site.kill();
    tools.clear();
  }
}

function isRunning({ machinesPath }: BooterTestbed, id: string): boolean {
  const path = join(machinesPath, id, 'process.json');
  if (!existsSync(path)) return false;
  const { pid } = JSON.parse(readFileSync(path, 'utf8')) as { readonly pid: number };
  return existsSync(`/proc/${pid}`);
}

/** The jobs: those that give the daemon reason to act, and those that run through it all. */
class Workload {
  private readonly pool: HTCondorTestbed;
  private readonly clusters: number[] = [];
  private steadyUntilMs = 0;
  /** A job waits that has not got its machine, or its machine back. */
  private waits = false;

  constructor(pool: HTCondorTestbed) {
    this.pool = pool;
  }

  /** At least two jobs ahead, whatever happens. */
  async keepSteady(): Promise<void> {
    const aheadMs = 3 * steadyJobSeconds * 1000;
    if (this.steadyUntilMs > performance.now() + aheadMs) return;
    this.steadyUntilMs = Math.max(this.steadyUntilMs, performance.now()) + aheadMs;
    await this.submit('steady', steadyJobSeconds, 3);
  }

  async provoke(boundary: BoundaryName): Promise<void> {
    const [effect = ''] = boundary.split('/');
    if (!['launch', 'admit', 'undrain'].includes(effect) || this.waits) return;
    this.waits = true;
    await this.submitOne();
  }

  async submitOne(): Promise<void> {
    await this.submit('dying', jobSeconds, 1);
  }

  died(boundary: BoundaryName): void {
    const [effect = '', moment = ''] = boundary.split('/');
    const isDone = moment === 'unanswered' || moment === 'notStored';
    if (isDone && effect !== 'admit') this.waits = false;
  }

  /** Takes the jobs back that have never run. */
  async enough(): Promise<void> {
    await this.pool
      .run('condor_rm', ['-constraint', 'JobStatus == 1 && (NumJobStarts ?: 0) == 0'])
      .catch(() => {});
  }

  /** How often each job was started. */
  async starts(): Promise<readonly number[]> {
    const starts: number[] = [];
    for (const cluster of this.clusters)
      starts.push(...(await jobStarts(this.pool, cluster)).filter((count) => count > 0));
    return starts;
  }

  private async submit(vmType: string, seconds: number, count: number): Promise<void> {
    this.clusters.push(await submitJobs(this.pool, { vmType, seconds, count }));
  }
}
