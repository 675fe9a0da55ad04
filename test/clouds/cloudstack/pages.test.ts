import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Client } from '../../../src/clouds/cloudstack/client/client.ts';
import { listAll } from '../../../src/clouds/cloudstack/client/pages.ts';
import { namedRow } from '../../../src/clouds/cloudstack/client/wire.ts';

const { signal } = new AbortController();
const request = { command: 'listThings', key: 'thing', row: namedRow, params: {}, pageSize: 3 };

/** A server whose list changes after each call, as `change` says. */
function serving(
  ids: string[],
  change: (ids: string[], call: number) => void = () => {},
): Client & { calls: number } {
  return {
    calls: 0,
    async call(_command, { page, pagesize }) {
      const from = (Number(page) - 1) * Number(pagesize);
      const rows = ids.slice(from, from + Number(pagesize)).map((id) => ({ id, name: id }));
      const count = ids.length;
      this.calls += 1;
      change(ids, this.calls);
      if (count === 0) return {};
      return rows.length === 0 ? { count } : { count, thing: rows };
    },
    heard: () => null,
    close: async () => {},
  };
}

const idsOf = async (client: Client) =>
  (await listAll(client, request, { signal })).map(({ id }) => id).toSorted();
const things = (count: number) => Array.from({ length: count }, (_, n) => `t${String(n).padStart(3, '0')}`);

describe('a list of several pages', () => {
  it.each([0, 1, 2, 3, 4, 6, 7, 9, 100])('of %i rows is read whole', async (count) => {
    expect(await idsOf(serving(things(count)))).toEqual(things(count));
  });

  it('takes one call where one page has all', async () => {
    const client = serving(things(3));
    await idsOf(client);
    expect(client.calls).toBe(1);
  });

  it('misses no row that stays, whichever others go and come between the calls', async () => {
    const changes = fc.array(fc.record({ gone: fc.nat(), come: fc.nat({ max: 2 }) }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 4, max: 30 }), changes, async (count, plan) => {
        const before = things(count);
        let fresh = 0;
        const ids = [...before];
        const client = serving(ids, (list, call) => {
          const step = plan[call - 1];
          if (step === undefined) return;
          if (list.length > 1) list.splice(step.gone % list.length, 1);
          for (let n = 0; n < step.come; n += 1) {
            fresh += 1;
            list.push(`u${fresh}`);
          }
        });
        const listed = await idsOf(client).catch((error: unknown) => {
          // Where rows come faster than they are read, that is said, and nothing is missed in silence.
          expect(error).toMatchObject({ message: expect.stringContaining('fewer rows than') });
          return null;
        });
        fc.pre(listed !== null);
        const seen = new Set(listed);
        const stayed = before.filter((id) => ids.includes(id));
        expect(stayed.filter((id) => !seen.has(id))).toEqual([]);
      }),
    );
  });

  it('is a failure where more keeps being counted than is shown', async () => {
    const client = {
      ...serving(things(7)),
      call: async () => ({ count: 50, thing: [{ id: 'a', name: 'a' }] }),
    };
    await expect(idsOf(client)).rejects.toThrow('fewer rows than the 50 that are counted');
  });

  it('is a failure where a full page comes without a count', async () => {
    const rows = things(3).map((id) => ({ id, name: id }));
    const client = { ...serving([]), call: async () => ({ thing: rows }) };
    await expect(idsOf(client)).rejects.toThrow('a full page, and no count');
  });

  it('is a failure where a row cannot be read', async () => {
    const client = { ...serving([]), call: async () => ({ count: 1, thing: [{ name: 'no id' }] }) };
    await expect(idsOf(client)).rejects.toThrow('malformed answer at 0.id');
  });
});
