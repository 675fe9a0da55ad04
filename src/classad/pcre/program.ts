import { branchesOf, fixedLength, partsOf, requiredBytes } from './lengths.ts';
import type { Assertion, ByteSet, GroupReference, ParsedRegex, RegexNode, RepeatNode } from './node.ts';
import { RegexError } from './node.ts';

/** What an instruction does; `a` and `b` are its operands. */
export const Op = {
  /** One byte of the set. */
  set: 0,
  /** The set `a` to `b` times; mode 0 greedy, 1 lazy, 2 possessive. */
  repeat: 1,
  /** Goes on at `a`; if that fails, at `b`. */
  split: 2,
  jump: 3,
  /** Register `a` = position. */
  save: 4,
  /** To `b` if the position is that in register `a`: an empty turn of a loop ends it. */
  leaveIfEmpty: 5,
  /** What follows, up to its accept, as a whole; then goes on at `a`. */
  atomic: 6,
  /** The same without moving; `b` is 1 for a negative one. */
  look: 7,
  /** Back by `a` bytes. */
  back: 8,
  assert: 9,
  /** The text of group `a` again; `b` is 1 for either case. */
  backreference: 10,
  /** To `b` unless group `a` is set. */
  unlessSet: 11,
  call: 12,
  return: 13,
  accept: 14,
  fail: 15,
  /** Group `a` is what lies between register `b` and here. */
  close: 16,
} as const;

export interface Instruction {
  op: number;
  a: number;
  b: number;
  mode: number;
  set: ByteSet | null;
}

export interface Program {
  readonly code: readonly Instruction[];
  /** Groups with the whole match as group 0; two registers each. */
  readonly groupCount: number;
  readonly registerCount: number;
  /** Bytes that any match must contain. */
  readonly required: readonly number[];
}

export const assertionCodes: Readonly<Record<Assertion, number>> = {
  subjectStart: 0,
  lineStart: 1,
  subjectEnd: 2,
  subjectEndOrNewline: 3,
  lineEnd: 4,
  matchStart: 5,
  wordBoundary: 6,
  noWordBoundary: 7,
};

const modeCodes = { greedy: 0, lazy: 1, possessive: 2 } as const;
const instructionsMax = 100_000;

/** Translates a syntax tree. Throws RegexError, for example for a lookbehind without a fixed length. */
export function assemble(regex: ParsedRegex): Program {
  return new Assembler(regex).program();
}

class Assembler {
  private readonly regex: ParsedRegex;
  private readonly code: Instruction[] = [];
  private registers: number;
  private readonly groupNodes = new Map<number, RegexNode>();
  private readonly openRegisters = new Map<number, number>();
  private readonly subroutines = new Map<number, number>();
  private readonly calls: { readonly at: Instruction; readonly group: number }[] = [];

  constructor(regex: ParsedRegex) {
    this.regex = regex;
    this.registers = 2 * (regex.groupCount + 1);
    this.collectGroups(regex.root);
  }

  program(): Program {
    this.node(this.regex.root);
    this.emit(Op.accept);
    // Bodies for recursion, which may ask for more of them in turn.
    for (let next = this.calls.pop(); next !== undefined; next = this.calls.pop()) {
      next.at.a = this.subroutine(next.group);
    }
    return {
      code: this.code,
      groupCount: this.regex.groupCount + 1,
      registerCount: this.registers,
      // A call in vain is an error, and must be seen.
      required: this.subroutines.size === 0 ? requiredBytes(this.regex.root) : [],
    };
  }

  private subroutine(group: number): number {
    const known = this.subroutines.get(group);
    if (known !== undefined) return known;
    const start = this.code.length;
    this.subroutines.set(group, start);
    const body = group === 0 ? this.regex.root : this.groupNodes.get(group);
    if (body === undefined) throw new RegexError('no such group', true);
    if (body.kind === 'group') this.group(body.index, body.body);
    else this.node(body);
    this.emit(Op.return, group);
    return start;
  }

  private openRegister(group: number): number {
    const known = this.openRegisters.get(group);
    if (known !== undefined) return known;
    const register = this.registers++;
    this.openRegisters.set(group, register);
    return register;
  }

  private collectGroups(node: RegexNode): void {
    if (node.kind === 'group' && !this.groupNodes.has(node.index)) this.groupNodes.set(node.index, node);
    for (const part of partsOf(node)) this.collectGroups(part);
  }

  private numberOf(reference: GroupReference): number {
    if (typeof reference === 'number') return reference;
    const [number] = this.regex.names.get(reference) ?? [];
    if (number === undefined) throw new RegexError('no such group', true);
    return number;
  }

  private emit(op: number, a = 0, b = 0): Instruction {
    if (this.code.length >= instructionsMax) throw new RegexError('the pattern is too large', false);
    const instruction: Instruction = { op, a, b, mode: 0, set: null };
    this.code.push(instruction);
    return instruction;
  }

  private node(node: RegexNode): void {
    switch (node.kind) {
      case 'empty':
        return;
      case 'set':
        this.emit(Op.set).set = node.set;
        return;
      case 'sequence':
        for (const item of node.items) this.node(item);
        return;
      case 'choice':
        this.choice(node.items, (item) => this.node(item));
        return;
      case 'group':
        // As in PCRE2 up to 10.32, which the library has, a group that refers to itself is atomic, unless it is called.
        this.refuseRepeated(node.body, node.index);
        if (this.refersTo(node.body, node.index)) this.atomic(() => this.group(node.index, node.body));
        else this.group(node.index, node.body);
        return;
      case 'repeat':
        if (node.most === 0 && hasMatchStart(node.body))
          // PCRE2 10.32 holds the pattern for anchored because of a group that never takes part.
          throw new RegexError('\\G in a group that is repeated no times is not supported', false);
        this.repeat(node);
        return;
      case 'look':
        this.look(node.body, node.behind, node.negated);
        return;
      case 'atomic':
        this.atomic(() => this.node(node.body));
        return;
      case 'assertion':
        this.emit(Op.assert, assertionCodes[node.assertion]);
        return;
      case 'backreference':
        this.emit(Op.backreference, this.numberOf(node.groups), node.caseless ? 1 : 0);
        return;
      case 'call':
        this.call(this.numberOf(node.group));
        return;
      case 'condition':
        this.condition(node);
        return;
      case 'keep':
        this.emit(Op.save, 0);
    }
  }

  /** Until it is closed a group has the text of its last turn, which it may refer to itself. */
  private group(index: number, body: RegexNode): void {
    this.emit(Op.save, this.openRegister(index));
    this.node(body);
    this.emit(Op.close, index, this.openRegister(index));
  }

  private atomic(write: () => unknown): void {
    const start = this.emit(Op.atomic);
    write();
    this.emit(Op.accept);
    start.a = this.code.length;
  }

  /** In the library's PCRE2 a call of the whole pattern gives nothing back, a call of a group does. */
  private call(group: number): void {
    const write = () => this.calls.push({ at: this.emit(Op.call), group });
    if (group === 0) this.atomic(write);
    else write();
  }

  /** Such a pattern matches in PCRE2 as nobody would expect, and otherwise in each version. */
  private refuseRepeated(node: RegexNode, group: number): void {
    if (node.kind === 'repeat' && node.body.kind === 'backreference' && this.refersTo(node, group)) {
      throw new RegexError('a repeated reference of a group to itself is not supported', false);
    }
    for (const part of partsOf(node)) this.refuseRepeated(part, group);
  }

  private refersTo(node: RegexNode, group: number): boolean {
    if (node.kind === 'backreference') return this.numberOf(node.groups) === group;
    return partsOf(node).some((part) => this.refersTo(part, group));
  }

  private choice(items: readonly RegexNode[], write: (item: RegexNode) => void): void {
    const ends: Instruction[] = [];
    items.forEach((item, index) => {
      if (index === items.length - 1) {
        write(item);
        return;
      }
      const split = this.emit(Op.split, this.code.length + 1);
      write(item);
      ends.push(this.emit(Op.jump));
      split.b = this.code.length;
    });
    for (const end of ends) end.a = this.code.length;
  }

  private look(body: RegexNode, behind: boolean, negated: boolean): void {
    const start = this.emit(Op.look, 0, negated ? 1 : 0);
    if (behind) {
      this.choice(branchesOf(body), (branch) => {
        this.emit(Op.back, this.lengthBehind(branch));
        this.node(branch);
      });
    } else {
      this.node(body);
    }
    this.emit(Op.accept);
    start.a = this.code.length;
  }

  private lengthBehind(branch: RegexNode): number {
    const groupOf = (reference: GroupReference) => this.groupNodes.get(this.numberOf(reference)) ?? null;
    const length = fixedLength(branch, groupOf, this.regex.branchReset);
    if (length === null) throw new RegexError('a lookbehind without a fixed length', true);
    return length;
  }

  /** What is repeated no times must be in order nevertheless. */
  private check(node: RegexNode): void {
    if (node.kind === 'look' && node.behind) {
      for (const branch of branchesOf(node.body)) this.lengthBehind(branch);
    }
    for (const part of partsOf(node)) this.check(part);
  }

  private condition(node: RegexNode & { readonly kind: 'condition' }): void {
    const { test } = node;
    if (test === null) {
      this.node(node.whenFalse);
      return;
    }
    let otherwise: Instruction;
    if (typeof test === 'object') {
      // The assertion itself, or its opposite and the other branch.
      otherwise = this.emit(Op.split, this.code.length + 1);
      this.look(test.body, test.behind, test.negated);
    } else {
      otherwise = this.emit(Op.unlessSet, this.numberOf(test));
    }
    this.node(node.whenTrue);
    const end = this.emit(Op.jump);
    otherwise.b = this.code.length;
    if (typeof test === 'object') this.look(test.body, test.behind, !test.negated);
    this.node(node.whenFalse);
    end.a = this.code.length;
  }

  private repeat(node: RepeatNode): void {
    const { body, least, most, mode } = node;
    if (most === 0) {
      this.check(body);
      return;
    }
    if (body.kind === 'set') {
      const instruction = this.emit(Op.repeat, least, most);
      instruction.mode = modeCodes[mode];
      instruction.set = body.set;
      return;
    }
    if (mode === 'possessive') {
      this.node({ kind: 'atomic', body: { ...node, mode: 'greedy' } });
      return;
    }
    for (let turn = 0; turn < least; turn++) this.node(body);
    if (most === Number.POSITIVE_INFINITY) {
      this.loop(body, mode === 'lazy');
      return;
    }
    const exits: Instruction[] = [];
    for (let turn = least; turn < most; turn++) {
      exits.push(this.emit(Op.split, this.code.length + 1));
      this.node(body);
    }
    for (const exit of exits) {
      exit.b = this.code.length;
      if (mode === 'lazy') [exit.a, exit.b] = [exit.b, exit.a];
    }
  }

  private loop(body: RegexNode, lazy: boolean): void {
    const register = this.registers++;
    const split = this.emit(Op.split);
    const start = this.code.length;
    this.emit(Op.save, register);
    this.node(body);
    const check = this.emit(Op.leaveIfEmpty, register);
    this.emit(Op.jump, start - 1);
    check.b = this.code.length;
    split.a = lazy ? this.code.length : start;
    split.b = lazy ? start : this.code.length;
  }
}

function hasMatchStart(node: RegexNode): boolean {
  if (node.kind === 'assertion') return node.assertion === 'matchStart';
  return partsOf(node).some(hasMatchStart);
}
