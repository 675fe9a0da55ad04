import { z } from 'zod';

/**
 * How far a column goes. real: the real software. emulated: a server that behaves like it, written by others. recorded:
 * recorded answers of the real one. contract: a server of ours that behaves as documented.
 */
export const proofs = ['real', 'emulated', 'recorded', 'contract'] as const;
export type Proof = (typeof proofs)[number];

/** A gap is a case that the server or the system cannot show, with the reason. */
const outcome = z.union([z.enum(['passed', 'failed']), z.strictObject({ gap: z.string().min(1) })]);
export type Outcome = z.output<typeof outcome>;

/** One column of a matrix cases × servers, as it is kept in test/data/conformance. */
export const columnResults = z.strictObject({
  /** The head of the column. */
  name: z.string().min(1),
  /** The word in the config's `driver:` or `adapter:` field. */
  part: z.string().min(1),
  /** What it was run on, with the version. */
  server: z.string().min(1),
  proven: z.enum(proofs),
  /** By the case's title, in the suite's order. */
  cases: z.record(z.string(), outcome),
});
export type ColumnResults = z.output<typeof columnResults>;

/** What a suite says of a column beforehand. */
export type Column = Pick<ColumnResults, 'part' | 'server' | 'proven'> & {
  /** The file in the suite's folder, without `.json`. */
  readonly file: string;
};

export const resultsFolder = 'test/data/conformance';

/** As it is committed. */
export function resultsText(results: ColumnResults): string {
  return `${JSON.stringify(results, null, 2)}\n`;
}
