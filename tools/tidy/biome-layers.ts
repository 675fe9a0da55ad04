import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  cryptoMessage,
  forbiddenCryptoNames,
  forbiddenGlobals,
  forbiddenModules,
  forbiddenProperties,
  hostFiles,
  layers,
} from './layers.ts';

interface Override {
  readonly includes: readonly string[];
  readonly linter: { readonly rules: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}

const modules = {
  ...forbiddenModules,
  'node:crypto': { importNames: forbiddenCryptoNames, message: cryptoMessage },
};

/**
 * The lint rules of layers.ts for Biome: what biome.layers.json must be. `node tools/tidy/biome-layers.ts` writes it. A later
 * override of a rule replaces the options of an earlier one, so each layer repeats the forbidden modules.
 */
export function biomeLayers(): { readonly $schema: string; readonly overrides: readonly Override[] } {
  const overrides = [
    {
      includes: ['src/**'],
      linter: {
        rules: {
          suspicious: { noConsole: 'error' },
          style: {
            noRestrictedGlobals: { level: 'error', options: { deniedGlobals: forbiddenGlobals } },
            noRestrictedImports: { level: 'error', options: { paths: modules } },
          },
          nursery: {
            noJsRestrictedProperties: { level: 'error', options: { entries: forbiddenProperties } },
          },
        },
      },
    },
    ...Object.keys(layers).map(layerOverride),
    {
      includes: hostFiles,
      linter: {
        rules: {
          style: {
            noRestrictedGlobals: 'off',
            noRestrictedImports: { level: 'error', options: { patterns: patternsOf('daemon') } },
          },
          nursery: { noJsRestrictedProperties: 'off' },
        },
      },
    },
  ];
  return { $schema: './node_modules/@biomejs/biome/configuration_schema.json', overrides };
}

/** One group for each layer: all that is not its own and not allowed, less the single files that are. */
function patternsOf(layer: string) {
  const allowed = layers[layer]?.imports ?? [];
  const files = allowed.filter((path) => path.includes('/'));
  const others = Object.keys(layers).filter((other) => other !== layer && !allowed.includes(other));
  const group = [
    '**/main.ts',
    ...others.map((other) => `**/${other}/**`),
    ...files.map((path) => `!**/${path}`),
  ];
  return [
    {
      group,
      message: `${layer} may import ${allowed.join(', ') || 'no other layer'}; see docs/architecture.md.`,
    },
  ];
}

function layerOverride(layer: string): Override {
  const options = { paths: modules, patterns: patternsOf(layer) };
  return {
    includes: [`src/${layer}/**`],
    linter: { rules: { style: { noRestrictedImports: { level: 'error', options } } } },
  };
}

if (import.meta.main) {
  const path = join(import.meta.dirname, '../../biome.layers.json');
  writeFileSync(path, `${JSON.stringify(biomeLayers())}\n`);
}
