/** What the server sells unless a test brings its own. */
export interface LoopbackType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly arch: 'x86_64' | 'arm64';
  readonly gpus?: number;
  readonly storageGB?: number;
  /** Where it is sold; absent: in every zone. */
  readonly zones?: readonly string[];
}

export interface LoopbackImage {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly rootDevice: string;
  readonly arch?: 'x86_64' | 'arm64';
  /** Beside the root's. */
  readonly volumes?: readonly { readonly device: string; readonly endsWithMachine: boolean }[];
}

/** A version of a launch template, as far as machines differ by it. */
export interface LoopbackTemplate {
  readonly id: string;
  readonly version: number;
  readonly volumes?: readonly { readonly device: string; readonly endsWithMachine: boolean }[];
  /** Its interfaces stay when the machine is ended. */
  readonly keepsInterfaces?: boolean;
}

export const loopbackAccount = '123456789012';

export const defaultTypes: readonly LoopbackType[] = [
  { name: 't3.micro', vcpus: 2, memoryMiB: 1024, arch: 'x86_64' },
  { name: 'c5.large', vcpus: 2, memoryMiB: 4096, arch: 'x86_64' },
  { name: 'c5.xlarge', vcpus: 4, memoryMiB: 8192, arch: 'x86_64' },
  { name: 'm5.2xlarge', vcpus: 8, memoryMiB: 32_768, arch: 'x86_64' },
  { name: 'r5.xlarge', vcpus: 4, memoryMiB: 32_768, arch: 'x86_64' },
  { name: 'c6g.large', vcpus: 2, memoryMiB: 4096, arch: 'arm64' },
  { name: 'c5d.large', vcpus: 2, memoryMiB: 4096, arch: 'x86_64', storageGB: 50 },
  { name: 'p3.2xlarge', vcpus: 8, memoryMiB: 62_464, arch: 'x86_64', gpus: 1, zones: ['us-east-1a'] },
];

export const defaultImages: readonly LoopbackImage[] = [
  { id: 'ami-0123456789abcdef0', name: 'worker', owner: loopbackAccount, rootDevice: '/dev/xvda' },
  { id: 'ami-0123456789abcdef1', name: 'worker-gpu', owner: loopbackAccount, rootDevice: '/dev/sda1' },
  { id: 'ami-0fedcba9876543210', name: 'somebody-elses', owner: '999999999999', rootDevice: '/dev/sda1' },
];

export const defaultTemplates: readonly LoopbackTemplate[] = [
  { id: 'lt-0123456789abcdef0', version: 1 },
  { id: 'lt-0123456789abcdef0', version: 2 },
];
