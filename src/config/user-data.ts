import type { LoadedEntry } from './entries.ts';
import { besideFile, type ConfigFiles, readText } from './files.ts';
import type { LoadedOffer } from './load-offers.ts';
import type { ConfigurableAdapter, ConfigurableDriver } from './parts.ts';
import type { Locate, Report } from './report.ts';
import type { CloudFields, PoolFields, QueueFields } from './schema.ts';
import { checkTemplate, machineVariables, templateBytesMax } from './template.ts';

export interface TemplateUse {
  /** Of the config. */
  readonly path: string;
  readonly queues: readonly LoadedEntry<QueueFields, ConfigurableAdapter>[];
  readonly clouds: readonly LoadedEntry<CloudFields, ConfigurableDriver>[];
  readonly offers: readonly LoadedOffer[];
}

/** Reads a pool's boot template and checks it against what its queue and its clouds will do with it. */
export async function loadTemplate(
  pool: PoolFields,
  locate: Locate,
  use: TemplateUse,
  files: ConfigFiles,
  report: Report,
): Promise<string | null> {
  if (pool.userData === null) return null;
  const file = pool.userData;
  const read = await readText(files, besideFile(use.path, file), templateBytesMax);
  if ('wrong' in read) {
    report.add('error', locate(['userData']), `the file ${file} ${read.wrong}`);
    return null;
  }
  const { text } = read;
  if (text.trim() === '') report.add('error', locate(['userData']), `the file ${file} is empty`);

  const queue = use.queues.find(({ name }) => name === pool.queue);
  // What a queue adds may depend on its settings: nothing is known of one whose settings are wrong.
  const added = queue?.ok === true ? queue.part?.templateVariables?.(queue.settings) : undefined;
  if (added !== undefined) {
    for (const { line, column, message } of checkTemplate(text, [...machineVariables, ...added])) {
      report.add('error', { file, line, column, path: '' }, message);
    }
  }
  checkSize(Buffer.byteLength(text), pool, locate, use, report);
  return text;
}

/** Filled in, it will hardly be shorter: a cloud that cannot take it now never will. */
function checkSize(bytes: number, pool: PoolFields, locate: Locate, use: TemplateUse, report: Report): void {
  const used = use.offers
    .filter(({ draft }) => pool.offers.includes(draft.name))
    .map(({ draft }) => draft.cloud);
  for (const { name, part } of use.clouds) {
    if (name === null || part === null || !used.includes(name)) continue;
    const { userDataBytesMax } = part.capabilities;
    if (bytes <= userDataBytesMax) continue;
    const message = `the file has ${bytes} bytes, the cloud "${name}" takes ${userDataBytesMax}`;
    report.add('error', locate(['userData']), message);
  }
}
