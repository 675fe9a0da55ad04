import type { ZodType } from 'zod';
import type { Generation } from '../model/catalog.ts';
import type { Expectation } from '../model/expectation.ts';

/** What the loader needs of a queue adapter. */
export interface ConfigurableAdapter {
  readonly configSchema: ZodType;
  /** Variables that it adds to boot templates; absent: not known beforehand, so templates may name any. */
  templateVariables?(settings: unknown): readonly string[];
  /** What of the rest of the config its settings count on; absent: nothing. */
  expects?(settings: unknown): readonly Expectation[];
}

/** What the loader needs of a cloud driver. */
export interface ConfigurableDriver {
  readonly configSchema: ZodType;
  readonly offerSchema: ZodType;
  readonly capabilities: {
    readonly mark: 'create' | 'name';
    readonly userDataBytesMax: number;
    readonly spot: boolean;
  };
  /** Offers may be generated from its catalog; absent: they are written out. */
  readonly generation?: Generation;
}

/** Parts by the word in the config; imported when a config names them, so that a site loads what it uses and no more. */
export interface Registry<Part> {
  readonly names: readonly string[];
  /** Throws for a name that is not among them. */
  load(name: string): Promise<Part>;
}
