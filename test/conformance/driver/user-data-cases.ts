import { expect } from 'vitest';
import { type Bench, type Case, userDataSecret } from './bench.ts';

async function arrivesWhole(bench: Bench, userData: string): Promise<void> {
  const order = bench.order(1, { userData });
  await bench.cloud.launch(order, bench.signal);
  const made = (await bench.test.truth()).find((instance) => instance.intent === order.intent);
  expect(made?.userData?.equals(Buffer.from(userData, 'utf8'))).toBe(true);
}

/** A machine's boot data: every byte, up to the last that fits. */
export const userDataCases = {
  'user data arrives with every byte': async (bench) => {
    const all = Array.from({ length: 0x250 }, (_, code) => String.fromCodePoint(code)).join('');
    await arrivesWhole(bench, `#!/bin/sh\n${all}\r\n\u2028\ufeff漢🙂%2B+&=<>"'\\$(x)\`y\` no line end`);
  },

  'user data as long as it may be arrives': async (bench) => {
    const max = bench.test.driver.capabilities.userDataBytesMax;
    const start = `#!/bin/sh\n# ${userDataSecret}\n# é`;
    await arrivesWhole(bench, start.padEnd(start.length + max - Buffer.byteLength(start), 'x'));
  },

  'user data a byte too long is invalid before any call': async (bench) => {
    const max = bench.test.driver.capabilities.userDataBytesMax;
    // Two bytes each: what counts is bytes, not characters.
    const userData = userDataSecret.padEnd(max / 2 + userDataSecret.length, 'é');
    await bench.fails(bench.cloud.launch(bench.order(1, { userData }), bench.signal), {
      code: 'invalid',
      inDoubt: false,
    });
    expect(await bench.test.truth()).toEqual([]);
  },

  'a machine may have no user data at all': async (bench) => {
    const order = bench.order(1, { userData: null });
    await bench.cloud.launch(order, bench.signal);
    const [made] = await bench.test.truth();
    expect(made?.userData?.length ?? 0).toBe(0);
  },
} satisfies Record<string, Case>;
