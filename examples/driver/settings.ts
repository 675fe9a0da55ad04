import { z } from 'zod';
import { secret } from '../../src/config/secrets.ts';

const name = (what: string) => z.string().min(1, `expected ${what}`).max(100);

/** The cloud's own fields in the config, beside `name` and `driver`. */
export const meadowSettings = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/, error: 'expected a URL, as in https://meadow.example.org' }),
  token: secret,
});
export type MeadowSettings = z.output<typeof meadowSettings>;

/** The fields under an offer's `boot:`. */
export const meadowOffer = z.strictObject({
  image: name('the id of an image'),
  size: name('the name of a size'),
  zone: name('the name of a zone').optional(),
});
export type MeadowOffer = z.output<typeof meadowOffer>;
