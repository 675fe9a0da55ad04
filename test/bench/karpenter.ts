import { parseLongAd } from '../../src/classad/long.ts';
import type { Demand } from '../../src/model/demand.ts';
import type { Offer } from '../../src/model/offer.ts';
import { plan } from '../../src/planner/plan.ts';
import { makeOffer } from '../support/siteParts.ts';
import { cpuTimed, quantile, round } from './figures.ts';
import { demandOf, inputOf } from './planInput.ts';

/**
 * The pods of Karpenter's scheduling benchmark without its topology rules: cpu and memory drawn from these, 400 instance
 * types of i+1 cpus and 2(i+1) GiB. Cpus are counted in thousandths here, so that a job may ask for a part of one.
 * `grouped`: pods that ask for the same are one demand group, as an adapter hands them over. `single`: each pod is a group
 * of its own, which is what the other figure measures.
 */
const cpus = [100, 250, 500, 1000, 1500];
const memories = [100, 256, 512, 1024, 2048, 4096];
const typeCount = 400;
const counts = [1_000, 5_000, 10_000, 20_000];
const runs = 3;

export function karpenter() {
  return counts.flatMap((pods) => [measure(pods, 'grouped'), measure(pods, 'single')]);
}

function measure(pods: number, how: 'grouped' | 'single') {
  let machines = 0;
  let served = 0;
  let perHour = 0;
  const tookMs = Array.from({ length: runs }, () => {
    const offers = Array.from({ length: typeCount }, (_, at) => instanceType(at));
    const demand = demandOfPods(pods, how);
    const input = inputOf(offers, demand);
    return cpuTimed(() => {
      const { launches, demand: reports } = plan(input);
      const priceOf = (name: string) => input.offers.get(name)?.price?.perHour ?? 0;
      perHour = launches.reduce((sum, { offer, count }) => sum + count * priceOf(offer), 0);
      machines = launches.reduce((sum, { count }) => sum + count, 0);
      served = reports.reduce((sum, { onComing, onLaunches }) => sum + onComing + onLaunches, 0);
    });
  });
  const ms = quantile(
    tookMs.map((took) => took.ms),
    0.5,
  );
  const cpuMs = quantile(
    tookMs.map((took) => took.cpuMs),
    0.5,
  );
  return {
    pods,
    how,
    ms: round(ms),
    podsPerSecond: Math.round((pods * 1000) / ms),
    podsPerCpuSecond: Math.round((pods * 1000) / cpuMs),
    machines,
    served,
    perHour: round(perHour),
  };
}

function demandOfPods(pods: number, how: 'grouped' | 'single'): readonly Demand[] {
  const wants = Array.from({ length: pods }, (_, at) => {
    // The same draw in every run.
    const draw = (at * 2_654_435_761) % 4_294_967_296;
    return { cpu: cpus[draw % cpus.length] ?? 0, memory: memories[(draw >>> 8) % memories.length] ?? 0 };
  });
  const adOf = ({ cpu, memory }: (typeof wants)[number]) =>
    parseLongAd(
      [
        `RequestCpus = ${cpu}`,
        `RequestMemory = ${memory}`,
        'Requirements = TARGET.Cpus >= RequestCpus && TARGET.Memory >= RequestMemory',
      ].join('\n'),
    );
  if (how === 'single') return wants.map((want, at) => demandOf(`pod-${at}`, { ad: adOf(want), count: 1 }));
  const groups = Map.groupBy(wants, ({ cpu, memory }) => `${cpu}-${memory}`);
  return [...groups].flatMap(([name, own]) => {
    const [first] = own;
    return first === undefined ? [] : [demandOf(name, { ad: adOf(first), count: own.length })];
  });
}

/** Price as its size, so that the planner has a reason to choose. */
function instanceType(at: number): Offer {
  const size = at + 1;
  return makeOffer({ name: `type-${at}`, cpus: size * 1000, memoryMiB: size * 2048, perHour: size * 0.05 });
}
