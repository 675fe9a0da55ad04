import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';

/** A file of the web page, as it is sent. */
export interface WebFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
  /** Changes with the bytes, quoted as HTTP wants it. */
  readonly etag: string;
}

/** The page's own files, which are served as they lie there. */
const ownFolder = new URL('../web/', import.meta.url);

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Of uPlot's package, beside each other. */
const plotFiles = ['uPlot.esm.js', 'uPlot.min.css'];

/** Reads them all, by name: about 300 KiB. Rejects with Node's error where one cannot be read. */
export async function loadWebFiles(): Promise<ReadonlyMap<string, WebFile>> {
  const own = (await readdir(ownFolder)).filter((name) => extname(name) in types);
  const plotFolder = new URL('./', import.meta.resolve('uplot'));
  const places = [
    ...own.map((name) => [name, new URL(name, ownFolder)] as const),
    ...plotFiles.map((name) => [name, new URL(name, plotFolder)] as const),
  ];
  const files = await Promise.all(
    places.map(async ([name, url]) => [name, fileOf(name, await readFile(url))] as const),
  );
  return new Map(files);
}

function fileOf(name: string, bytes: Buffer): WebFile {
  const type = types[extname(name)] ?? 'application/octet-stream';
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  return { type, bytes, gzipped: gzipSync(bytes), etag };
}
