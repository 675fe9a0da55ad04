import { toReal } from '../convert.ts';
import * as integers from '../integer.ts';
import { ERROR, ListValue, Real, type Value } from '../value.ts';
import { type Builtin, type BuiltinTable, binary, elementsOf, unary, variadic } from './builtin.ts';

function rounding(round: (value: number) => number): Builtin {
  return unary((value) => {
    if (typeof value === 'number' || typeof value === 'bigint') return value;
    const real = toReal(value);
    return real === null ? ERROR : integers.integerOfReal(round(real));
  });
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function isInteger(value: Value): value is integers.Integer {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** With an exponent that is a natural number the library computes in doubles, adds a half and truncates. */
function power(base: Value, exponent: Value): Value {
  if (isInteger(base) && isInteger(exponent) && exponent >= 0) {
    return integers.integerOfReal(Number(base) ** Number(exponent) + 0.5);
  }
  const a = toReal(base);
  const b = toReal(exponent);
  return a === null || b === null ? ERROR : new Real(a ** b);
}

/** Up to the next multiple of an integer or of a real; a multiple of 0 is the value itself. */
function quantizeTo(value: Value, real: number, base: Value): Value {
  if (isInteger(base)) {
    if (base === 0) return value;
    if (!isInteger(value)) return new Real(Math.ceil(real / Number(base)) * Number(base));
    const raised = integers.subtract(integers.add(value, base), 1);
    return integers.multiply(integers.divide(raised, base) ?? 0, base);
  }
  const step = toReal(base);
  if (step === null) return ERROR;
  return Math.abs(step) <= 1e-8 ? value : new Real(Math.ceil(real / step) * step);
}

const quantize = binary((value, base, evaluation, nesting) => {
  const real = toReal(value);
  if (real === null) return ERROR;
  if (!(base instanceof ListValue)) return quantizeTo(value, real, base);
  let last: Value = new Real(0);
  for (const element of elementsOf(evaluation, base, nesting)) {
    last = element;
    const step = toReal(last);
    if (step === null) return ERROR;
    if (step >= real) return last;
  }
  return quantizeTo(value, real, last);
});

const random = variadic(0, 1, (args, evaluation) => {
  const most = args.length === 0 ? new Real(1) : args[0];
  const chance = evaluation.context.random();
  if (most instanceof Real) {
    return most.value <= 0 ? evaluation.fail('random() of no range') : new Real(most.value * chance);
  }
  if (!isInteger(most)) return ERROR;
  const range = integers.int32Of(most);
  return range <= 0 ? evaluation.fail('random() of no range') : Math.floor(chance * range);
});

export const numberBuiltins: BuiltinTable = [
  ['floor', rounding(Math.floor)],
  ['ceil', rounding(Math.ceil)],
  ['ceiling', rounding(Math.ceil)],
  ['round', rounding(roundHalfEven)],
  ['pow', binary(power)],
  ['quantize', quantize],
  ['random', random],
];
