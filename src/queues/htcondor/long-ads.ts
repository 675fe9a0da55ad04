import { AdBuilder, type ClassAd } from '../../classad/ad.ts';
import { toBytes } from '../../classad/bytes.ts';
import { type Expr, literal } from '../../classad/expr.ts';
import { parseExpression } from '../../classad/parse.ts';
import { ClassAdSyntaxError } from '../../classad/syntaxError.ts';
import { ErrorValue } from '../../classad/value.ts';
import { QueueError } from '../../model/errors.ts';

/** A whole job or slot has some hundred. */
const linesMax = 10_000;

/**
 * Ads in HTCondor's `-long` form as they stream in: `Name = expression` lines, an empty line after each ad. The form is
 * the cheapest for the tools to print (a third of the time that `-json` takes at 100,000 jobs) and keeps each
 * expression as it was written. Nothing is parsed here: most ads of a big queue are the same but for their ids,
 * and one is parsed for all of them.
 */
export class LongAds {
  private readonly onAd: (lines: readonly string[]) => void;
  private lines: string[] = [];

  constructor(onAd: (lines: readonly string[]) => void) {
    this.onAd = onAd;
  }

  readonly take = (line: string): void => {
    if (line !== '') {
      if (this.lines.length >= linesMax)
        throw new QueueError('malformed', `an ad of more than ${linesMax} attributes`);
      this.lines.push(line);
      return;
    }
    if (this.lines.length === 0) return;
    const lines = this.lines;
    this.lines = [];
    this.onAd(lines);
  };

  /** To be called at the end: an answer that stops inside an ad was cut off, whatever the exit code says. */
  finish(): void {
    if (this.lines.length > 0) throw new QueueError('malformed', 'the answer ends in the middle of an ad');
  }
}

const expressionsMax = 50_000;

/**
 * Makes ads of lines. An expression that was met before, in whatever ad, is not parsed again, nor compiled: what
 * 2,000 machines say in the same words costs as much as one of them.
 */
export class AdReader {
  private readonly expressions = new Map<string, Expr>();

  read(lines: Iterable<string>): ClassAd {
    const builder = new AdBuilder();
    for (const line of lines) {
      const at = line.indexOf(' = ');
      if (at < 1) throw new QueueError('malformed', `not an attribute: ${line.slice(0, 60)}`);
      builder.setExpr(toBytes(line.slice(0, at)), this.expression(line.slice(at + 3)));
    }
    return builder.build();
  }

  private expression(text: string): Expr {
    const known = this.expressions.get(text);
    if (known !== undefined) return known;
    if (this.expressions.size >= expressionsMax) this.expressions.clear();
    const made = parse(text);
    this.expressions.set(text, made);
    return made;
  }
}

/** One user's ad must not stop the whole queue: what we cannot read is ERROR, which matches nothing and says why. */
function parse(text: string): Expr {
  try {
    return parseExpression(text, { syntax: 'old' });
  } catch (cause) {
    if (!(cause instanceof ClassAdSyntaxError)) throw cause;
    return literal(new ErrorValue(cause.message));
  }
}
