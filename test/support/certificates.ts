import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestCertificates {
  /** PEM of an authority of our own. */
  readonly ca: string;
  /** PEM for 127.0.0.1, signed by it, and its key. */
  readonly certificate: string;
  readonly key: string;
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}

/** False where the tool that makes certificates is not installed. */
export function hasOpenssl(): boolean {
  try {
    openssl(['version']);
    return true;
  } catch {
    return false;
  }
}

/** An authority and a certificate of a server at 127.0.0.1, good for a day. */
export function makeCertificates(): TestCertificates {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-tls-'));
  const file = (name: string) => join(folder, name);
  const fresh = (name: string, ...more: readonly string[]) => {
    const kind = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1'.split(' ');
    openssl([...kind, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), ...more]);
  };
  try {
    fresh('ca', '-subj', '/CN=test authority', '-addext', 'keyUsage=keyCertSign');
    const about = '-subj /CN=spillway -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:FALSE';
    fresh('server', ...about.split(' '), '-CA', file('ca.pem'), '-CAkey', file('ca.key'));
    const text = (name: string) => readFileSync(file(name), 'utf8');
    return { ca: text('ca.pem'), certificate: text('server.pem'), key: text('server.key') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One file with a user's certificate, its key and the authority's certificate in it, as a proxy has, for each name. */
export function makeClientFiles(names: readonly string[]): { readonly ca: string; readonly files: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-tls-'));
  const file = (name: string) => join(folder, name);
  const make = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1'.split(' ');
  const text = (name: string) => readFileSync(file(name), 'utf8');
  try {
    const own = ['-subj', '/CN=users authority', '-addext', 'keyUsage=keyCertSign'];
    openssl([...make, '-keyout', file('ca.key'), '-out', file('ca.pem'), ...own]);
    const files = names.map((name, at) => {
      const about = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=CA:FALSE'];
      const by = ['-CA', file('ca.pem'), '-CAkey', file('ca.key')];
      openssl([...make, '-keyout', file(`${at}.key`), '-out', file(`${at}.pem`), ...about, ...by]);
      return `${text(`${at}.pem`)}${text(`${at}.key`)}${text('ca.pem')}`;
    });
    return { ca: text('ca.pem'), files };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
