import type { TraceNodes } from './trace.ts';

/**
 * A resource specification of MetaCentrum, as in Torque's `nodes`: `2:ppn=3:brno`, `1:ppn=1+3:ppn=2`,
 * `1:ppn=64:x86_64:cl_zewura#excl`. One machine with one processor where it does not say; a part of a processor counts
 * as none. A text instead of the nodes says what is wrong with it.
 */
export function parseResourceSpec(spec: string): readonly TraceNodes[] | string {
  const [chunks = '', ...flags] = spec.split('#');
  const exclusive = flags.includes('excl');
  const nodes: TraceNodes[] = [];
  for (const chunk of chunks.split('+')) {
    const words = chunk.split(':');
    const counted = /^\d+$/.test(words[0] ?? '');
    const count = counted ? Number(words[0]) : 1;
    let processors = 1;
    const properties: string[] = [];
    for (const word of counted ? words.slice(1) : words) {
      const ppn = /^ppn=(.*)$/.exec(word)?.[1];
      if (ppn === undefined) properties.push(word);
      else processors = Math.max(1, Math.floor(Number(ppn)));
    }
    if (!Number.isFinite(processors) || count < 1) return `not understood: ${JSON.stringify(spec)}`;
    nodes.push({ count, processors, properties, exclusive });
  }
  return nodes;
}
