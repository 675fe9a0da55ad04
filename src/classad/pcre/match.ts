import { type Instruction, Op, type Program } from './program.ts';
import { wordSet } from './sets.ts';

export interface MatchOptions {
  /** Where the search begins. */
  readonly start: number;
  /** Only a match that begins there. */
  readonly anchored?: boolean;
  /** No empty match there. */
  readonly notEmptyAtStart?: boolean;
  /** No empty match anywhere. */
  readonly notEmpty?: boolean;
  readonly stepsMax: number;
}

export interface MatchResult {
  /** Start and end of each group; -1 where it is not set. Null: no match. Undefined: a limit was met. */
  readonly groups: Int32Array | null | undefined;
  readonly steps: number;
}

/** Calls that wait for their return; a list that branches, as backtracking may return to any state of it. */
interface Frame {
  readonly entry: number;
  readonly calledAt: number;
  readonly returnTo: number;
  readonly group: Int32Array;
  readonly up: Frame | null;
}

const nestingMax = 400;
const stackMax = 1_000_000;
const logMax = 8_000_000;

/** Searches a subject in bytes. The time is bounded by the steps, the memory by them and the length of the subject. */
export function search(program: Program, subject: string, options: MatchOptions): MatchResult {
  const { start, anchored = false, stepsMax } = options;
  if (program.required.some((byte) => !subject.includes(String.fromCharCode(byte), start))) {
    return { groups: null, steps: 1 };
  }
  const matcher = new Matcher(program, subject, options);
  for (let at = start; at <= subject.length; at++) {
    const outcome = matcher.matchAt(at);
    if (outcome === 'limit' || outcome === 'loop' || matcher.steps > stepsMax)
      return { groups: undefined, steps: matcher.steps };
    if (outcome === 'match') {
      return { groups: matcher.registers.slice(0, 2 * program.groupCount), steps: matcher.steps };
    }
    if (anchored) break;
  }
  return { groups: null, steps: matcher.steps };
}

type Outcome = 'match' | 'none' | 'limit' | 'loop';

/** What to try next when the present way fails. */
interface Choice {
  readonly pc: number;
  readonly at: number;
  readonly logLength: number;
  readonly frame: Frame | null;
  /** For a repeat that may give back or take more: how far `at` may move, by one; 0 for a plain choice. */
  readonly until: number;
}

class Matcher {
  readonly registers: Int32Array;
  steps = 0;
  private readonly code: readonly Instruction[];
  private readonly subject: string;
  private readonly options: MatchOptions;
  private readonly choices: Choice[] = [];
  /** Old values of registers, to be put back: register, value, register, value, … */
  private readonly log: number[] = [];
  private frame: Frame | null = null;
  private nesting = 0;

  constructor(program: Program, subject: string, options: MatchOptions) {
    this.code = program.code;
    this.subject = subject;
    this.options = options;
    this.registers = new Int32Array(program.registerCount);
  }

  matchAt(at: number): Outcome {
    this.registers.fill(-1);
    this.registers[0] = at;
    this.choices.length = 0;
    this.log.length = 0;
    this.frame = null;
    return this.run(0, at, true);
  }

  private set(register: number, value: number): void {
    this.log.push(register, this.registers[register] ?? -1);
    this.registers[register] = value;
  }

  private undoTo(length: number): void {
    while (this.log.length > length) {
      const value = this.log.pop() ?? -1;
      const register = this.log.pop() ?? 0;
      this.registers[register] = value;
    }
  }

  /** Runs from an instruction to its accept. The end goes to register 1. What it has left to try is dropped. */
  private run(entry: number, from: number, outermost: boolean): Outcome {
    if (this.nesting >= nestingMax) return 'limit';
    this.nesting++;
    const base = this.choices.length;
    const outcome = this.loop(entry, from, base, outermost);
    this.choices.length = base;
    this.nesting--;
    return outcome;
  }

  private loop(entry: number, from: number, base: number, outermost: boolean): Outcome {
    let pc = entry;
    let at = from;
    for (;;) {
      if (++this.steps > this.options.stepsMax) return 'limit';
      const next = this.step(pc, at, outermost);
      if (next === 'limit' || next === 'loop') return next;
      if (next === 'accept') {
        this.set(1, at);
        return 'match';
      }
      if (next !== 'fail') {
        pc = this.pc;
        at = this.at;
        continue;
      }
      const choice = this.choices.length > base ? this.choices.pop() : undefined;
      if (choice === undefined) return 'none';
      this.undoTo(choice.logLength);
      this.frame = choice.frame;
      pc = choice.pc;
      at = choice.at;
      this.continueRepeat(choice);
    }
  }

  /** Greedy: one less each time. Lazy ones are handled by `lazyRepeat`. */
  private continueRepeat(choice: Choice): void {
    if (choice.until < choice.at) this.choices.push({ ...choice, at: choice.at - 1 });
  }

  private pc = 0;
  private at = 0;

  private go(pc: number, at: number): 'go' {
    this.pc = pc;
    this.at = at;
    return 'go';
  }

  private push(pc: number, at: number, until = at): boolean {
    if (this.choices.length >= stackMax || this.log.length >= logMax) return false;
    this.choices.push({ pc, at, until, logLength: this.log.length, frame: this.frame });
    return true;
  }

  private step(pc: number, at: number, outermost: boolean): 'go' | 'fail' | 'accept' | 'limit' | 'loop' {
    const instruction = this.code[pc];
    if (instruction === undefined) return 'fail';
    const { a, b, set } = instruction;
    switch (instruction.op) {
      case Op.set:
        return at < this.subject.length && set?.[this.subject.charCodeAt(at)] === 1
          ? this.go(pc + 1, at + 1)
          : 'fail';
      case Op.repeat:
        return this.repeat(instruction, pc, at);
      case Op.split:
        return this.push(b, at) ? this.go(a, at) : 'limit';
      case Op.jump:
        return this.go(a, at);
      case Op.save:
        this.set(a, at);
        return this.go(pc + 1, at);
      case Op.close:
        this.set(2 * a, this.registers[b] ?? -1);
        this.set(2 * a + 1, at);
        return this.go(pc + 1, at);
      case Op.leaveIfEmpty:
        return this.go(this.registers[a] === at ? b : pc + 1, at);
      case Op.atomic:
        return this.atomic(instruction, pc, at);
      case Op.look:
        return this.look(instruction, pc, at);
      case Op.back:
        return at < a ? 'fail' : this.go(pc + 1, at - a);
      case Op.assert:
        return this.holds(a, at) ? this.go(pc + 1, at) : 'fail';
      case Op.backreference:
        return this.backreference(a, b === 1, pc, at);
      case Op.unlessSet:
        return this.go((this.registers[2 * a + 1] ?? -1) < 0 ? b : pc + 1, at);
      case Op.call:
        return this.call(a, pc, at);
      case Op.return:
        return this.returnFrom(a, at);
      case Op.accept:
        return outermost && this.nesting === 1 && this.isRefused(at) ? 'fail' : 'accept';
      default:
        return 'fail';
    }
  }

  private isRefused(at: number): boolean {
    const { start, notEmpty = false, notEmptyAtStart = false } = this.options;
    const begin = this.registers[0] ?? at;
    return at === begin && (notEmpty || (notEmptyAtStart && at === start));
  }

  private repeat(
    { a: least, b: most, mode, set }: Instruction,
    pc: number,
    at: number,
  ): 'go' | 'fail' | 'limit' {
    const { subject } = this;
    const limit = most === Number.POSITIVE_INFINITY ? subject.length : Math.min(subject.length, at + most);
    if (mode === 1) return this.lazyRepeat(pc, at, least, limit);
    let end = at;
    while (end < limit && set?.[subject.charCodeAt(end)] === 1) end++;
    this.steps += (end - at) >> 3;
    if (end - at < least) return 'fail';
    if (mode === 0 && end > at + least && !this.push(pc + 1, end - 1, at + least)) return 'limit';
    return this.go(pc + 1, end);
  }

  /** Takes the least, and one more whenever the rest fails: by a split that is made on the way. */
  private lazyRepeat(pc: number, at: number, least: number, limit: number): 'go' | 'fail' | 'limit' {
    const set = this.code[pc]?.set;
    let end = at;
    while (end < at + least) {
      if (end >= limit || set?.[this.subject.charCodeAt(end)] !== 1) return 'fail';
      end++;
    }
    return this.lazyFrom(pc, end, limit);
  }

  private lazyFrom(pc: number, at: number, limit: number): 'go' | 'limit' {
    const set = this.code[pc]?.set;
    let last = at;
    while (last < limit && set?.[this.subject.charCodeAt(last)] === 1) last++;
    this.steps += (last - at) >> 3;
    // The farthest first, as the last pushed is the first tried.
    for (let end = last; end > at; end--) if (!this.push(pc + 1, end)) return 'limit';
    return this.go(pc + 1, at);
  }

  private atomic({ a }: Instruction, pc: number, at: number): 'go' | 'fail' | 'limit' | 'loop' {
    const outcome = this.run(pc + 1, at, false);
    if (outcome !== 'match') return outcome === 'none' ? 'fail' : outcome;
    return this.go(a, this.registers[1] ?? at);
  }

  private look({ a, b: negated }: Instruction, pc: number, at: number): 'go' | 'fail' | 'limit' | 'loop' {
    const logLength = this.log.length;
    const { frame } = this;
    const outcome = this.run(pc + 1, at, false);
    this.frame = frame;
    if (outcome === 'limit' || outcome === 'loop') return outcome;
    if (outcome === 'none' || negated === 1) this.undoTo(logLength);
    return (outcome === 'match') === (negated === 0) ? this.go(a, at) : 'fail';
  }

  private backreference(group: number, caseless: boolean, pc: number, at: number): 'go' | 'fail' {
    const start = this.registers[2 * group] ?? -1;
    const end = this.registers[2 * group + 1] ?? -1;
    if (start < 0 || end < 0) return 'fail';
    const wanted = this.subject.slice(start, end);
    const found = this.subject.slice(at, at + wanted.length);
    this.steps += wanted.length >> 3;
    const same = caseless ? lower(wanted) === lower(found) : wanted === found;
    return same ? this.go(pc + 1, at + wanted.length) : 'fail';
  }

  /** As in PCRE2 a call of what is being called, with nothing taken since, fails the whole search. */
  private call(entry: number, pc: number, at: number): 'go' | 'loop' {
    let same = this.frame;
    while (same !== null && same.entry !== entry) same = same.up;
    if (same?.calledAt === at) return 'loop';
    const group = this.registers.slice();
    this.frame = { entry, calledAt: at, returnTo: pc + 1, group, up: this.frame };
    this.steps += this.registers.length;
    return this.go(entry, at);
  }

  /** What groups a called pattern has set is forgotten at its end; a `\K` in a group is not. */
  private returnFrom(group: number, at: number): 'go' | 'fail' {
    const { frame } = this;
    if (frame === null) return 'fail';
    frame.group.forEach((value, register) => {
      const kept = register === 0 && group !== 0;
      if (!kept && this.registers[register] !== value) this.set(register, value);
    });
    this.frame = frame.up;
    return this.go(frame.returnTo, at);
  }

  private isWord(at: number): boolean {
    return at >= 0 && at < this.subject.length && wordSet[this.subject.charCodeAt(at)] === 1;
  }

  private isNewline(at: number): boolean {
    return this.subject.charCodeAt(at) === 10;
  }

  private holds(assertion: number, at: number): boolean {
    const end = this.subject.length;
    switch (assertion) {
      case 0:
        return at === 0;
      case 1:
        return at === 0 || (at < end && this.isNewline(at - 1));
      case 2:
        return at === end;
      case 3:
        return at === end || (at === end - 1 && this.isNewline(at));
      case 4:
        return at === end || this.isNewline(at);
      case 5:
        return at === this.options.start;
      case 6:
        return this.isWord(at - 1) !== this.isWord(at);
      default:
        return this.isWord(at - 1) === this.isWord(at);
    }
  }
}

function lower(bytes: string): string {
  return bytes.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
