/** What one part of a config counts on elsewhere in it, with where that is written. */
export type Expectation =
  | {
      readonly kind: 'cloud' | 'pool';
      readonly path: readonly (string | number)[];
      readonly name: string;
    }
  /** Some offer has the attribute with that text as its value. */
  | {
      readonly kind: 'attribute';
      readonly path: readonly string[];
      readonly name: string;
      readonly value: string;
    };
