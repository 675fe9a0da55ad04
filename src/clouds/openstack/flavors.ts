import type { Catalog } from '../../model/catalog.ts';
import type { Flavor } from './client/compute.ts';

/** Whole and virtual GPUs, in the two ways that a flavor can ask for them. */
export function gpusOf({ extra_specs }: Flavor): number {
  const virtual = Number(extra_specs['resources:VGPU'] ?? 0);
  const aliases = (extra_specs['pci_passthrough:alias'] ?? '').split(',');
  const devices = aliases.map((alias) => Number(/gpu.*:(\d+)$/i.exec(alias.trim())?.[1] ?? 0));
  return [virtual, ...devices].reduce((sum, n) => sum + (Number.isSafeInteger(n) ? n : 0), 0);
}

const architectures: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

/** The architecture that the flavor itself asks for; else the cloud's usual one. */
function archOf({ extra_specs }: Flavor, usual: string): string {
  const said = extra_specs['capabilities:cpu_info:arch'] ?? extra_specs['hw:architecture'] ?? usual;
  return archWord(said.replace(/^(?:<[a-z]+>|s==)\s*/, '')) ?? usual;
}

/** In the words of `uname -m`; null for what is no word. */
export function archWord(text: string): string | null {
  const word = text.toLowerCase();
  return /^[a-z0-9_]+$/.test(word) ? (architectures[word] ?? word) : null;
}

/** A root disk of 0 is as large as the image: nothing is promised. */
export function catalogFlavors(flavors: readonly Flavor[], usualArch: string): Catalog['flavors'] {
  return flavors
    .map((row) => ({
      name: row.name,
      resources: {
        cpus: row.vcpus,
        memoryMiB: row.ram,
        diskMiB: (row.disk + row['OS-FLV-EXT-DATA:ephemeral']) * 1024,
        gpus: gpusOf(row),
      },
      arch: archOf(row, usualArch),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
