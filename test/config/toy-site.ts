import { z } from 'zod';
import { hostFiles } from '../../src/config/files.ts';
import { type LoadDeps, loadSite } from '../../src/config/load.ts';
import type { ConfigurableAdapter, ConfigurableDriver, Registry } from '../../src/config/parts.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { secret } from '../../src/config/secrets.ts';
import { durationMs } from '../../src/config/units.ts';

/** An adapter and two drivers as small as can be, and a site that uses them, all in memory. */

const lines: ConfigurableAdapter = {
  configSchema: z.strictObject({
    host: z.string().min(1),
    port: z.int().min(1).max(65_535).default(22),
    mode: z.enum(['fast', 'careful']).default('careful'),
    refresh: durationMs.optional(),
    password: secret.optional(),
  }),
  templateVariables: () => ['token', 'collector'],
};

const toy: ConfigurableDriver = {
  configSchema: z
    .strictObject({ zone: z.string(), login: z.strictObject({ user: z.string(), key: secret }).optional() })
    .transform((raw) => ({ zone: raw.zone, login: raw.login ?? null })),
  offerSchema: z.strictObject({
    image: z.string().min(1),
    sizeClass: z.enum(['s', 'm', 'l']).optional(),
    labels: z.record(z.string(), z.string()).optional(),
    networks: z.array(z.string()).optional(),
    password: secret.optional(),
  }),
  capabilities: { mark: 'create', userDataBytesMax: 16_384, spot: true },
  generation: {
    example: { flavor: 's', image: { id: 'example', name: 'example' }, zone: 'a' },
    bootOf: ({ flavor, image, zone }) => ({
      image: image.id,
      sizeClass: flavor,
      ...(zone === null ? {} : { networks: [zone] }),
    }),
  },
};

/** Its schemas are lax ones: the loader refuses unknown fields all the same. */
const plain: ConfigurableDriver = {
  configSchema: z.object({ zone: z.string().optional() }),
  offerSchema: z.object({ image: z.string() }),
  capabilities: { mark: 'name', userDataBytesMax: 40, spot: false },
};

function registry<Part>(parts: Readonly<Record<string, Part>>): Registry<Part> {
  return {
    names: Object.keys(parts),
    load: async (name) => {
      const part = parts[name];
      if (part === undefined) throw new Error(`Cannot find package "${name}-sdk"\nand more`);
      return part;
    },
  };
}

export const toyFiles: Readonly<Record<string, string | Buffer>> = {
  'site.yaml': `site: farm
stateDir: /var/lib/spillway
queues:
  - name: batch
    adapter: lines
    host: head
    poll: 5s
clouds:
  - name: here
    driver: toy
    zone: a
    max: 10
offers:
  - name: small
    cloud: here
    cpus: 2
    memory: 4GiB
    disk: 20GiB
    attributes: { VMType: small }
    boot: { image: img-1 }
pools:
  - name: workers
    queue: batch
    offers: [small]
    max: 5
    userData: boot.sh
    limits: { idle: 10m }
`,
  'boot.sh': '#!/bin/sh\njoin {{collector}} as {{instance}}\n',
  'offers.ads': `# Two kinds of machine.
Name = "wide"
Cloud = "here"
hardwareprofile = "large"
Cpus = 8
Memory = 16384
Disk = 41943040
PricePerHour = 0.4
Max = 3
Requirements = TARGET.RequestCpus > 2
Boot_Image = "img-2"

Name = "tall"
Cloud = "here"
Cpus = 2
Memory = 65536
Disk = 41943040
Boot_Image = "img-2"
Boot_SizeClass = "l"
`,
  'good.key': 's3cret\n',
  'empty.key': '',
};

/** The same with the offers of its provider ads in use. */
export const toyFilesWithAds: Readonly<Record<string, string | Buffer>> = {
  ...toyFiles,
  'site.yaml': String(toyFiles['site.yaml'])
    .replace('offers: [small]', 'offers: [small, wide, tall]')
    .replace('pools:', 'offerFiles: [offers.ads]\npools:')
    .replace('max: 5', 'max: 3'),
};

const modes: Readonly<Record<string, number>> = { 'open.key': 0o644 };

export type Files = Readonly<Record<string, string | Buffer>>;

/** What the loader reads, by names beside the config. A name with no file does not exist, `folder` is one. */
export function toyDeps(files: Files): LoadDeps {
  return {
    adapters: registry({ lines }),
    drivers: { ...registry({ toy, plain }), names: ['toy', 'plain', 'broken'] },
    env: (name) => ({ TOKEN: 't0ken', EMPTY: '' })[name],
    files: {
      read: async (path, bytesMax) => {
        const name = path.slice(path.lastIndexOf('/') + 1);
        if (name === 'folder') return hostFiles.read('/', bytesMax);
        const content = files[name] ?? (name === 'open.key' ? 's3cret' : undefined);
        if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
        const bytes = Buffer.from(content);
        if (bytes.length > bytesMax) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
        return { bytes, mode: 0o100000 | (modes[name] ?? 0o600) };
      },
    },
  };
}

/** The toy site with some of its files given otherwise. */
export function loadToy(files: Files = {}) {
  return loadSite('site.yaml', toyDeps({ ...toyFiles, ...files }));
}

export async function problemsOf(files: Files): Promise<readonly string[]> {
  return (await loadToy(files)).problems.map(formatProblem);
}
