import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type ReferenceOptions,
  type ReferenceResult,
  reference,
  referenceLearned,
} from '../../src/simulate/reference/reference.ts';
import { readTrace } from '../../src/simulate/swf.ts';

/**
 * npm run references [-- --boot SECONDS --cpus N,N --json FILE…]: the reference policies of docs/simulation.md on traces, by
 * default those of test/data/traces, as tables. A boot takes 180 s by default; machines have 1, 8 and 16 cores, and one core
 * with split jobs.
 */
const traces = resolve(import.meta.dirname, '../../test/data/traces');
const usual = ['nasa-ipsc-1993.swf.gz', 'metacentrum-wagap-2013.swf.gz'].map((name) => join(traces, name));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    boot: { type: 'string', default: '180' },
    cpus: { type: 'string', default: '1,8,16' },
    json: { type: 'boolean', default: false },
  },
});

const bootSeconds = Number(values.boot);
const sizes = values.cpus.split(',').map(Number);
if (![bootSeconds, ...sizes].every((value) => Number.isInteger(value) && value > 0))
  throw new Error('--boot and --cpus take whole numbers above 0');

for (const path of positionals.length > 0 ? positionals : usual) {
  const trace = await readTrace(path, { signal: new AbortController().signal });
  for (const machineCpus of sizes)
    for (const isSplit of machineCpus === 1 ? [false, true] : [false]) {
      // One unit of money for an hour of a core: only ratios are shown.
      const options: ReferenceOptions = { bootSeconds, machineCpus, isSplit, pricePerCoreHour: 1 };
      const found = reference(trace, options);
      if (values.json) {
        process.stdout.write(`${JSON.stringify({ trace: basename(path), ...options, ...found })}\n`);
        continue;
      }
      const { busyCost, packedCost, zeroWait, oracle, fixed, threshold, static: farm } = found;
      const row = (
        name: string,
        setting: string,
        { cost, objective, ...result }: ReferenceResult,
      ): string => {
        const waits = [result.waitMeanSeconds, result.waitP95Seconds].map((wait) => wait.toFixed(0));
        const shares = [objective, cost].map((money) => (money / busyCost).toFixed(4));
        return `| ${[name, setting, ...shares, ...waits, result.launches, result.machinesMax].join(' | ')} |`;
      };
      const cores = `${machineCpus}-core machines${isSplit ? ', split jobs' : ''}`;
      process.stdout.write(
        [
          `${basename(path)}, ${trace.jobs.length} jobs, ${cores}, B = ${bootSeconds} s: busy ${busyCost.toFixed(0)} core hours, packed ${(packedCost / busyCost).toFixed(4)}`,
          '',
          '| policy | best setting | J | cost | mean wait, s | p95 wait, s | launches | machines, max |',
          '| --- | --- | --- | --- | --- | --- | --- | --- |',
          row('zeroWait', '', zeroWait),
          row('oracle', `G = ${oracle.setting / bootSeconds} B`, oracle),
          row('fixed', `${fixed.setting / bootSeconds} B`, fixed),
          row('learned', 'defaults', referenceLearned(trace, options)),
          ...(isSplit
            ? [row('learned', '`waitWeight: 4.5`', referenceLearned(trace, options, { waitWeight: 4.5 }))]
            : []),
          row('threshold (split jobs)', '', threshold),
          row('static', `${farm.setting} machines`, farm),
          '',
          '',
        ].join('\n'),
      );
    }
}
