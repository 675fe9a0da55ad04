import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adFromValues, type ClassAd, withAttributes } from '../../../src/classad/ad.ts';
import { fixedContext } from '../../../src/classad/context.ts';
import { parseExpression } from '../../../src/classad/parse.ts';
import { unparse } from '../../../src/classad/unparse.ts';
import { createMatchmaker } from '../../../src/matchmaker/matchmaker.ts';
import { adForBoot } from '../../../src/model/demand.ts';
import type { Offer } from '../../../src/model/offer.ts';
import { cloudSchedulerSchema, vmWords } from '../../../src/queues/htcondor/vm-settings.ts';
import { readVmWords } from '../../../src/queues/htcondor/vm-words.ts';
import { makeOffer } from '../../support/siteParts.ts';

const context = () => fixedContext;
const plain = cloudSchedulerSchema.parse({});
/** What means something to somebody. */
const signs = String.raw`\ " , ; : / ( ) [ ] { } | & = ? ! $ % '`.split(' ');
const hostileSign = fc.constantFrom(...signs, ' ', 'a', '\n', '\0', 'é', 'true');
const someText = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: hostileSign, maxLength: 8 }));

const expr = (text: string) => parseExpression(text, { syntax: 'old' });

const job = (words: Readonly<Record<string, string>>): ClassAd =>
  withAttributes(
    adFromValues({ Requirements: expr('TARGET.Arch == "X86_64"'), RequestCpus: 1, RequestMemory: 512 }),
    Object.fromEntries(Object.entries(words).map(([name, text]) => [name, expr(text)])),
  );

/** An offer of 8 processors at cloud `east` for 0.40 an hour, with attributes of the site. */
const offer = (attributes: Readonly<Record<string, string | number>> = {}): Offer => {
  const made = makeOffer({
    name: 'o',
    vmType: 'atlas',
    cpus: 8,
    memoryMiB: 20_000,
    diskMiB: 200 * 1024,
    perHour: 0.4,
  });
  return {
    ...made,
    ad: withAttributes(made.ad, { SpillwayCloud: made.cloud, PricePerHour: 0.4, ...attributes }),
  };
};

/** What the matchmaker says of the job on the offer. */
function asked(words: Readonly<Record<string, string>>, { on = offer(), settings = plain } = {}) {
  const ad = job(words);
  const { bootAd, ...rest } = readVmWords(ad, settings);
  const boot = adForBoot({ ad, ...(bootAd === null ? {} : { bootAd }) });
  const matchmaker = createMatchmaker([on], context);
  const refusal = matchmaker.refusal(boot, on);
  return {
    ...rest,
    boot,
    clause: refusal === null ? null : `${refusal.side}: ${refusal.clause} is ${refusal.found}`,
    request: matchmaker.request(boot, on.ad),
  };
}

function refusalOf(ad: ClassAd) {
  const { bootAd } = readVmWords(ad, plain);
  const on = offer();
  return createMatchmaker([on], context).refusal(adForBoot({ ad, ...(bootAd && { bootAd }) }), on);
}

const clause = (...args: Parameters<typeof asked>) => asked(...args).clause;

describe("Cloud Scheduler's words", () => {
  it('a job without them is matched as it is', () => {
    expect(readVmWords(job({}), plain)).toEqual({
      bootAd: null,
      keepAliveMs: 0,
      pricePerHourMax: null,
      isUrgent: false,
      remarks: [],
    });
  });

  it('sizes are what one job takes of a machine, as numbers or as strings', () => {
    const wanted = { cpus: 8, memoryMiB: 18_000, diskMiB: 160 * 1024, gpus: 0 };
    expect(asked({ VMCPUCores: '8', VMMem: '18000', VMStorage: '160' }).request).toEqual(wanted);
    expect(asked({ VMCPUCores: '"8"', VMMem: '" 18000 "', VMStorage: '"160"' }).request).toEqual(wanted);
    expect(clause({ VMCPUCores: '"9"' })).toMatch(/^size: 9 cpus/);
    expect(clause({ VMMem: '20001' })).toMatch(/^size: 1 cpus, 20001 MiB memory/);
    expect(clause({ VMStorage: '201' })).toMatch(/^size: /);
  });

  it('a request that is more than the word stays; one that is an expression is worked out for each offer', () => {
    expect(asked({ VMMem: '100' }).request.memoryMiB).toBe(512);
    const both = { RequestMemory: 'ifThenElse(TARGET.Cpus > 4, 3000, 10)', VMMem: '"2000"' };
    expect(asked(both).request.memoryMiB).toBe(3000);
    expect(asked({ ...both, RequestMemory: 'MemoryUsage' }).request.memoryMiB).toBe(2000);
  });

  it('with VMJobPerCore sizes are the machine’s, and jobs share it', () => {
    for (const said of ['true', '"True"', '1', '"1"']) {
      const words = { VMCPUCores: '"8"', VMMem: '18000', VMStorage: '160', VMJobPerCore: said };
      expect(asked(words)).toMatchObject({ clause: null, request: { cpus: 1, memoryMiB: 512 } });
      expect(clause({ ...words, VMCPUCores: '9' })).toBe('job: TARGET.Cpus >= MY.VMCPUCores is false');
      expect(clause({ ...words, VMStorage: '201' })).toBe(
        'job: TARGET.Disk >= MY.VMStorage * 1048576 is false',
      );
    }
    expect(asked({ VMCPUCores: '8', VMJobPerCore: '"false"' }).request.cpus).toBe(8);
  });

  it('TargetClouds are names of clouds, or what the config makes of them', () => {
    expect(clause({ TargetClouds: '"west, EAST"' })).toBeNull();
    expect(clause({ TargetClouds: '"FGHotel,Hermes"' })).toBe(
      'job: stringListIMember(TARGET.SpillwayCloud,MY.TargetClouds) is false',
    );
    const settings = cloudSchedulerSchema.parse({ clouds: { Hermes: ['south', 'east'] } });
    const read = asked({ TargetClouds: '"FGHotel,hermes"' }, { settings });
    expect(read.clause).toBeNull();
    expect(unparse(read.boot.get('TargetClouds') ?? 'none', 'old')).toBe('"FGHotel,south,east"');
  });

  it('VMLoc and VMAMI name an image that the offer has, as the config maps them', () => {
    const url = 'http://images.example.org/cernvm-2.5,x86_64.gz';
    const settings = cloudSchedulerSchema.parse({ images: { [url]: 'cernvm', 'ami-1': 'cernvm' } });
    const on = offer({ VMImage: 'cernvm' });
    expect(clause({ VMLoc: `"${url}"` }, { on, settings })).toBeNull();
    expect(clause({ VMAMI: '"ami-1"' }, { on, settings })).toBeNull();
    expect(clause({ VMAMI: '"ami-2"', VMLoc: `"${url}"` }, { on, settings })).toBeNull();
    expect(clause({ VMAMI: '"ami-2"' }, { on, settings })).toBe('job: TARGET.VMImage == "ami-2" is false');
    expect(clause({ VMLoc: `"${url}"` }, { settings })).toBe('job: TARGET.VMImage == "cernvm" is undefined');
    expect(clause({ VMAMI: '"ami-2"' }, { on: offer({ VMImage: 'ami-2' }) })).toBeNull();
    const ignore = cloudSchedulerSchema.parse({ ignore: ['VMLoc', 'VMAMI'] });
    expect(clause({ VMAMI: '"ami-2"', VMLoc: `"${url}"` }, { settings: ignore })).toBeNull();
  });

  it('an image or a type may be said for each cloud', () => {
    const settings = cloudSchedulerSchema.parse({ clouds: { Amazon: 'east' } });
    const on = offer({ VMImage: 'b', VMInstanceType: 'm1.large' });
    expect(clause({ VMAMI: '"Amazon:b, west:a"' }, { on, settings })).toBeNull();
    expect(clause({ VMAMI: '"Amazon:a, b"' }, { on, settings })).not.toBeNull();
    expect(clause({ VMAMI: '"west:a, b"' }, { on, settings })).toBeNull();
    expect(clause({ VMInstanceType: '"amazon:m1.large,west:x"' }, { on, settings })).toBeNull();
    expect(clause({ VMInstanceType: '"amazon:m1.small,m1.large"' }, { on, settings })).not.toBeNull();
  });

  it('networks, user data and processors are what the offer says', () => {
    const on = offer({ VMNetwork: 'private', VMUserData: 'http://x.example.org/a.yaml' });
    expect(
      clause({ VMNetwork: '"private"', VMUserData: '"http://x.example.org/a.yaml"' }, { on }),
    ).toBeNull();
    expect(clause({ VMNetwork: '"public"' }, { on })).toBe('job: TARGET.VMNetwork == MY.VMNetwork is false');
    expect(clause({ VMUserData: '"http://evil.example.org/"' })).toBe(
      'job: TARGET.VMUserData == MY.VMUserData is undefined',
    );
    expect(clause({ VMCPUArch: '"x86"' })).toBeNull();
    expect(clause({ VMCPUArch: '"x86_64"' })).toBeNull();
    expect(clause({ VMCPUArch: '"arm64"' })).toBe('job: TARGET.Arch == "AARCH64" is false');
  });

  it('VMType alone asks for machines of that type; Requirements that ask for one go before it', () => {
    expect(clause({ VMType: '"atlas"' })).toBeNull();
    expect(clause({ VMType: '"Atlas"' })).toBe('job: TARGET.VMType =?= MY.VMType is false');
    expect(clause({ VMType: '"other"', Requirements: 'TARGET.VMType =?= "atlas"' })).toBeNull();
  });

  it('VMMaximumPrice is in cents, or in what the config says; 0 is no maximum', () => {
    expect(clause({ VMMaximumPrice: '40' })).toBeNull();
    expect(clause({ VMMaximumPrice: '"39.5"' })).toBe(
      'job: TARGET.Market == "spot" || TARGET.PricePerHour * 100 <= MY.VMMaximumPrice is false',
    );
    expect(clause({ VMMaximumPrice: '"0"' })).toBeNull();
    const settings = cloudSchedulerSchema.parse({ priceUnit: 'whole' });
    expect(clause({ VMMaximumPrice: '0.39' }, { settings })).not.toBeNull();
    expect(clause({ VMMaximumPrice: '0.4' }, { settings })).toBeNull();
    expect(asked({ VMMaximumPrice: '40' }).pricePerHourMax).toBe(0.4);
    expect(asked({ VMMaximumPrice: '0' }).pricePerHourMax).toBeNull();
    expect(clause({ VMMaximumPrice: '1' }, { on: offer({ Market: 'spot' }) })).toBeNull();
  });

  it('VMKeepAlive is minutes, up to the config’s longest; VMHighPriority is a flag', () => {
    expect(asked({ VMKeepAlive: '"30"' }).keepAliveMs).toBe(30 * 60_000);
    expect(asked({ VMKeepAlive: '600' }).keepAliveMs).toBe(60 * 60_000);
    expect(asked({ VMHighPriority: '1' }).isUrgent).toBe(true);
    expect(asked({ VMHighPriority: '"0"' }).isUrgent).toBe(false);
  });

  it('a word that is not said, or said as nothing, asks for nothing', () => {
    const empty = { TargetClouds: '""', VMNetwork: '""', VMAMI: '" "', VMMem: '""', VMType: 'undefined' };
    expect(clause({ ...empty, VMType: '""' })).toBeNull();
    expect(asked({ ...empty, VMType: '""' }).remarks).toEqual([]);
  });

  it('a word that cannot be understood fits no offer, and says so', () => {
    const words = { VMCPUCores: '"eight"', VMMem: '-1', VMStorage: '"1e"', VMMaximumPrice: '"cheap"' };
    for (const [word, text] of Object.entries(words)) {
      const read = asked({ [word]: text });
      expect(read.remarks).toEqual([`${word} is not a number: ${text}`]);
      expect(read.clause).toMatch(/^job: MY\.\w+ >= 0 is (?:error|false)/);
    }
    expect(asked({ VMKeepAlive: '"long"' }).remarks).toEqual(['VMKeepAlive is not a number: "long"']);
  });

  it('defaults hold where a job says nothing', () => {
    const settings = cloudSchedulerSchema.parse({ defaults: { TargetClouds: 'west', VMMem: 1000 } });
    expect(clause({}, { settings })).toMatch(/TargetClouds/);
    expect(asked({ TargetClouds: '"east"' }, { settings })).toMatchObject({
      clause: null,
      request: { memoryMiB: 1000 },
    });
  });

  it('no text in a word becomes an expression', () => {
    fc.assert(
      fc.property(someText, (text) => {
        const ad = withAttributes(job({}), { VMAMI: text, TargetClouds: text, VMCPUArch: text, VMLoc: text });
        // It is read, and says nothing that an offer without an image could fulfil.
        expect(refusalOf(ad) === null).toBe(text.trim() === '');
      }),
      { examples: [['__proto__'], ['constructor'], ['\\,'], ['\\, || true || '], ['a"b\\'], ['\0']] },
    );
  });

  it('whatever a word says, the job is read', () => {
    const value = fc.oneof(someText, fc.double(), fc.boolean(), fc.constant(null), fc.array(someText));
    fc.assert(
      fc.property(fc.constantFrom(...vmWords), value, (word, said) => {
        expect(() => refusalOf(withAttributes(job({}), { [word]: said }))).not.toThrow();
      }),
      { examples: [['VMInstanceType', ',']], numRuns: 500 },
    );
  });
});
