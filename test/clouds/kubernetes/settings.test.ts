import { describe, expect, it } from 'vitest';
import { kubernetesOffer } from '../../../src/clouds/kubernetes/offer.ts';
import { kubernetesSettings } from '../../../src/clouds/kubernetes/settings.ts';

function issuesOf(
  schema: typeof kubernetesSettings | typeof kubernetesOffer,
  fields: object,
): readonly string[] {
  const read = schema.safeParse(fields);
  return read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('a cloud’s fields', () => {
  it.each([
    [{ inCluster: true }],
    [{ kubeconfig: { file: 'file:/etc/kubeconfig', context: 'c' }, namespace: 'workers' }],
    [{ server: 'https://c:6443', token: 'env:TOKEN', caFile: '/etc/ca.pem' }],
    [{ server: 'https://c:6443', tokenFile: '/run/token', schedulingTimeout: '10m' }],
  ])('%j will do', (fields) => {
    expect(issuesOf(kubernetesSettings, fields)).toEqual([]);
  });

  it.each([
    [{}, 'say one of'],
    [{ inCluster: true, server: 'https://c' }, 'say one of'],
    [{ inCluster: true, token: 'env:TOKEN' }, 'token: `token` goes with `server`'],
    [{ server: 'https://c' }, 'say `token` or `tokenFile`'],
    [{ server: 'https://c', token: 'env:A', tokenFile: '/t' }, 'say `token` or `tokenFile`'],
    [{ server: 'https://me:secret@c', token: 'env:A' }, 'holds no credentials'],
    [{ server: 'c:6443', token: 'env:A' }, 'expected the URL'],
    [{ server: 'https://c', token: 'a-literal-token' }, 'a secret is not written here'],
    [{ inCluster: true, namespace: 'Not_One' }, 'expected the name of a namespace'],
    [{ inCluster: true, schedulingTimeout: '1s' }, 'too short'],
  ])('%j is refused', (fields, words) => {
    const said = issuesOf(kubernetesSettings, fields).join('\n');
    expect(said).toContain(words);
    expect(said).not.toContain('a-literal-token');
  });
});

describe('an offer’s boot', () => {
  it.each([
    [{ image: 'a:1' }],
    [{ pod: { spec: { containers: [{ name: 'w', image: 'a:1' }] } } }],
    [{ podFile: 'file:/etc/spillway/pod.yaml', memory: '1GiB' }],
    [{ image: 'a:1', cpus: 0.5, memory: '1GiB', gpus: 1, gpuResource: 'amd.com/gpu', command: ['/w'] }],
  ])('%j will do', (fields) => {
    expect(issuesOf(kubernetesOffer, fields)).toEqual([]);
  });

  it.each([
    [{}, 'say the `image`'],
    [{ image: 'a', pod: { spec: { restartPolicy: 'Always' } } }, 'only Never is possible'],
    [{ image: 'a', pod: { metadata: { name: 'mine' } } }, 'name'],
    [{ image: 'a', pod: { metadata: { labels: { 'spillway/site': 'x' } } } }, "this program's own"],
    [{ pod: {}, image: 'a', podFile: 'file:/p' }, 'say the `pod` or the `podFile`'],
    [{ podFile: 'env:POD' }, 'expected file:PATH'],
    [{ image: 'a', gpuResource: 'gpu' }, 'expected the name of a resource'],
    [{ image: 'a', userDataFolder: 'run' }, 'expected an absolute path'],
    [{ image: 'a', memory: 2 }, 'has no unit'],
  ])('%j is refused', (fields, words) => {
    expect(issuesOf(kubernetesOffer, fields).join('\n')).toContain(words);
  });
});
