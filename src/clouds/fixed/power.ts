import { createSocket } from 'node:dgram';
import { runProgram } from '../../host/programs.ts';
import { CloudError } from '../../model/errors.ts';
import type { Claim } from './claims.ts';
import type { FixedHost, FixedSettings } from './settings.ts';

const wakePort = 9;
const outputBytesMax = 64 * 1024;

/** What the host's own commands are told. */
function environmentOf({ host, address, instance }: Claim): Record<string, string> {
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin', HOME = '/' } = process.env;
  return { PATH, HOME, SPILLWAY_HOST: host, SPILLWAY_ADDRESS: address, SPILLWAY_INSTANCE: instance };
}

/** Its command gets the boot data by standard input, and a magic packet is sent where it has a hardware address. */
export async function powerOn(
  host: FixedHost,
  claim: Claim,
  { settings, userData, signal }: { settings: FixedSettings; userData: string | null; signal: AbortSignal },
): Promise<void> {
  if (host.wakeOnLan !== undefined) await wake(host.wakeOnLan, settings.wakeBroadcast);
  if (host.powerOn !== undefined) await run(host.powerOn, claim, userData ?? '', signal);
}

export async function powerOff(
  host: FixedHost | undefined,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  if (host?.powerOff !== undefined) await run(host.powerOff, claim, '', signal);
}

/** Throws CloudError `unavailable` where the program says no. */
async function run(argv: readonly string[], claim: Claim, input: string, signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await runProgram(
    argv,
    { input, environment: environmentOf(claim), stdoutBytesMax: outputBytesMax },
    signal,
  );
  if (exitCode === 0) return;
  const [line = ''] = stderr.trim().split('\n');
  throw new CloudError(
    'unavailable',
    `${claim.host}: ${argv[0]}: exit code ${exitCode}: ${line.slice(0, 200)}`,
  );
}

/** Six bytes of ones and sixteen times the address, as every network card that wakes listens for. */
export function magicPacket(hardwareAddress: string): Buffer {
  const address = Buffer.from(hardwareAddress.replaceAll(':', ''), 'hex');
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address)]);
}

async function wake(hardwareAddress: string, broadcast: string): Promise<void> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(() => {
        socket.setBroadcast(true);
        socket.send(magicPacket(hardwareAddress), wakePort, broadcast, (error) =>
          error === null ? resolve() : reject(error),
        );
      });
    });
  } finally {
    socket.close();
  }
}
