import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { type Client, makeClient } from '../../src/clouds/cloudstack/client/client.ts';
import { CallFailure } from '../../src/clouds/cloudstack/client/failure.ts';
import { jobOutcome } from '../../src/clouds/cloudstack/client/jobs.ts';
import { listAll } from '../../src/clouds/cloudstack/client/pages.ts';
import { signatureOf } from '../../src/clouds/cloudstack/client/signature.ts';
import {
  accountRow,
  jobStarted,
  namedRow,
  parsed,
  serviceOfferingRow,
  templateRow,
  vmDeployed,
  vmRow,
  volumeRow,
  zoneRow,
} from '../../src/clouds/cloudstack/client/wire.ts';
import { startCloudstack } from '../support/cloudstack/server.ts';
import { cloudstackWitnesses } from '../support/cloudstack/witnesses.ts';
import { usualStock } from '../support/cloudstack/world.ts';

const witnesses = await cloudstackWitnesses();
const signal = AbortSignal.timeout(120_000);

function had<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('is missing');
  return value;
}

describe.skipIf(witnesses === null)('CloudStack, by independent programs', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  it('signs as the client cs does', async () => {
    // cs leaves a tilde as it is, which Java's URLEncoder does not: the stand-in's rules are the server's there.
    const value = fc.string({ unit: 'grapheme' }).map((text) => text.toWellFormed().replaceAll('~', '-'));
    const name = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,9}(\[\d\]\.[a-zA-Z:-]{1,9})?$/);
    const samples = fc.sample(fc.dictionary(name, value, { minKeys: 1, maxKeys: 8, noNullPrototype: true }), {
      numRuns: 500,
      seed: 42,
    });
    const params = [
      ...samples,
      { b: ' +&=%*!\'()"', a: 'é漢🙂\n', B: '2', 'details[0].x': 'y', details: 'all' },
    ];
    const secret = 'a-secret_key';
    const signatures = await had(witnesses).ask({ what: 'sign', secret, params });
    expect(params.map((one) => signatureOf(one, secret))).toEqual(signatures);
  });

  it('has a stand-in that the client cs gets on with', async () => {
    const server = await startCloudstack({ now: () => Date.now() });
    closing.push(() => server.stop());
    server.preload(3, () => ({}));
    const order = {
      zoneid: usualStock.zones[0]?.id,
      serviceofferingid: usualStock.serviceOfferings[0]?.id,
      templateid: usualStock.templates[0]?.id,
      details: { 'spillway:site': 'a site', rootDiskController: 'virtio' },
    };
    const { endpoint, apiKey: key, secretKey: secret } = server;
    const report = await had(witnesses).ask({ what: 'use', endpoint, key, secret, order });
    const there = server.world.machines.slice(0, 3).map(({ id }) => id);
    const [byGet, byPost] = server.world.machines.slice(3);
    const life = (id: string) => ({ made: id, listed: [...there, id], ended: { null: {} }, left: {} });
    expect(report).toEqual({ get: life(had(byGet).id), post: life(had(byPost).id), refused: 401 });
    expect(had(byGet).details).toEqual(new Map(Object.entries(order.details)));
    expect(had(byPost).userData?.toString()).toBe('hello');
  });

  /** A client whose server gives the same answer whatever it is asked for. */
  async function answering(body: string, status = 200): Promise<Client> {
    const server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'text/javascript; charset=UTF-8' });
      response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const endpoint = `http://127.0.0.1:${port}/`;
    const client = makeClient({ endpoint, apiKey: 'key', secretKey: 'secret', wallNow: () => Date.now() });
    closing.push(async () => {
      await client.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    });
    return client;
  }

  const recordedOf = (pattern: RegExp) => [...had(witnesses).recorded].filter(([name]) => pattern.test(name));

  it.each<[string, string, z.ZodType<{ readonly id: string }>]>([
    ['listVirtualMachines', 'virtualmachine', vmRow],
    ['listZones', 'zone', zoneRow],
    ['listServiceOfferings', 'serviceoffering', serviceOfferingRow],
    ['listDiskOfferings', 'diskoffering', namedRow],
    ['listTemplates', 'template', templateRow],
    ['listNetworks', 'network', namedRow],
    ['listVolumes', 'volume', volumeRow],
    ['listProjects', 'project', accountRow],
  ])('reads what was recorded of %s', async (command, key, row) => {
    const recorded = recordedOf(new RegExp(`^${command}_`));
    expect(recorded).not.toEqual([]);
    for (const [name, body] of recorded) {
      const request = { command, key, row, params: {}, pageSize: 500 };
      const rows = await listAll(await answering(body), request, { signal });
      const inner = Object.values(JSON.parse(body) as Record<string, Record<string, unknown[]>>)[0];
      expect(
        rows.map(({ id }) => id),
        name,
      ).toEqual((inner?.[key] ?? []).map((one) => String((one as { id: unknown }).id)));
    }
  });

  it('reads what was recorded of commands that start jobs, and of jobs', async () => {
    const deploy = 'deployVirtualMachine';
    for (const [name, body] of recordedOf(/^deployVirtualMachine_(?!deployfail\.)/)) {
      const answer = await (await answering(body)).call(deploy, {}, { signal });
      expect(parsed(deploy, vmDeployed, answer), name).toMatchObject({ id: expect.any(String) });
    }
    const [[, destroyed] = ['', '']] = recordedOf(/^destroyVirtualMachine_default/);
    const answer = await (await answering(destroyed)).call('destroyVirtualMachine', {}, { signal });
    expect(parsed('destroyVirtualMachine', jobStarted, answer)).toEqual({ jobid: '17166' });

    const outcomes = new Map<string, string>();
    for (const [name, body] of recordedOf(/^queryAsyncJobResult_/)) {
      const outcome = await jobOutcome(await answering(body), { id: '1', command: deploy }, { signal });
      outcomes.set(name, outcome.kind);
    }
    expect(outcomes.size).toBeGreaterThan(40);
    expect([...outcomes].filter(([, kind]) => kind !== 'done')).toEqual([
      ['queryAsyncJobResult_17177.json', 'failed'],
    ]);
  });

  it('reads what was recorded of refusals', async () => {
    const [[, refused] = ['', '']] = recordedOf(/^deployVirtualMachine_deployfail\./);
    for (const status of [200, 431]) {
      const client = await answering(refused, status);
      const failure: unknown = await client
        .call('deployVirtualMachine', {}, { signal })
        .catch((e: unknown) => e);
      expect(failure).toBeInstanceOf(CallFailure);
      expect(failure).toMatchObject({
        message: 'deployVirtualMachine: 431: Unable to find service offering: 104',
        facts: { kind: 'refused', errorCode: 431 },
      });
    }
  });
});
