import { z } from 'zod';
import { cleanText } from './cleanText.ts';
import { KubernetesFailure } from './failure.ts';
import type { WireAnswer } from './wire.ts';

export interface AnswerContext {
  readonly call: string;
  /** What must not show in an error. */
  readonly secrets: readonly string[];
}

/** The body of a success in the given shape; anything else is malformed. */
export function bodyOf<T>(answer: WireAnswer, shape: z.ZodType<T>, call: string): T {
  const read = shape.safeParse(jsonOf(answer));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = issue === undefined ? '' : `: ${issue.path.join('.')}: ${issue.code}`;
  throw malformed(answer, call, `the body is not what the API says${where}`);
}

export function malformed(answer: WireAnswer, call: string, detail: string): KubernetesFailure {
  return new KubernetesFailure({
    kind: 'malformed',
    call,
    status: answer.status,
    detail,
    retryAfterMs: retryAfterMs(answer),
    sent: true,
  });
}

const refusedShape = z.object({
  kind: z.literal('Status'),
  message: z.string().default(''),
  reason: z.string().nullish(),
  details: z
    .object({
      kind: z.string().nullish(),
      causes: z.array(z.object({ reason: z.string().default(''), field: z.string().default('') })).nullish(),
    })
    .nullish(),
});

/**
 * A refusal in the API's own shape, a `Status`. What is in another shape is not the API server's own word: the overload
 * filter before it answers in plain text, proxies with pages.
 */
export function refusalOf(answer: WireAnswer, { call, secrets }: AnswerContext): KubernetesFailure {
  const read = refusedShape.safeParse(jsonOf(answer));
  if (!read.success || answer.status < 400) return malformed(answer, call, 'not an answer of the API');
  const { message, reason, details } = read.data;
  return new KubernetesFailure({
    kind: 'answer',
    call,
    status: answer.status,
    reason: reason === undefined || reason === null ? null : cleanText(reason, secrets),
    causes: details?.causes ?? [],
    subject: details?.kind ?? null,
    detail: cleanText(message, secrets),
    retryAfterMs: retryAfterMs(answer),
    sent: true,
  });
}

/** Undefined where it is none. */
function jsonOf({ headers, body }: WireAnswer): unknown {
  if (!/^application\/json\b/.test(headers.get('content-type') ?? '')) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** `Retry-After` is in seconds here. */
function retryAfterMs({ headers }: WireAnswer): number | null {
  const seconds = /^\d{1,6}$/.exec(headers.get('retry-after') ?? '');
  return seconds === null ? null : Number(seconds[0]) * 1000;
}
