import type { ServiceAnswer, ServiceCall } from './nova.ts';
import { outerRefusal } from './refusal.ts';
import type { FakeImage, World } from './world.ts';

const own = new Set(['limit', 'marker', 'sort', 'status', 'name']);

/** Glance: a key that it does not know is a property that an image must have. */
export function glance(world: World, call: ServiceCall): ServiceAnswer {
  const { method, path, query } = call;
  if (method === 'GET' && path === '/v2/images') {
    const fits = world.images
      .filter((image) => passes(image, query))
      .toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1));
    const marker = query.get('marker');
    const from = marker === null ? 0 : fits.findIndex((image) => image.id === marker) + 1;
    const size = Number(query.get('limit') ?? 25);
    const rows = fits.slice(from, from + size);
    const last = rows.at(-1)?.id;
    const next = from + size < fits.length ? { next: `/v2/images?limit=${size}&marker=${last}` } : {};
    return { status: 200, body: { images: rows.map(imageRow), ...next } };
  }
  const id = /^\/v2\/images\/([^/]+)$/.exec(path)?.[1];
  const image = world.images.find((one) => one.id === id);
  if (method === 'GET' && image !== undefined) return { status: 200, body: imageRow(image) };
  throw outerRefusal(404, 'Not Found', `No image found with ID ${id}`);
}

function passes(image: FakeImage, query: URLSearchParams): boolean {
  const name = query.get('name');
  const names = name?.startsWith('in:') === true ? name.slice(3).split(',') : [name];
  if (name !== null && !names.includes(image.name)) return false;
  const status = query.get('status');
  if (status !== null && image.status !== status) return false;
  return [...query].every(([key, value]) => own.has(key) || image.properties[key] === value);
}

function imageRow({ properties, ...image }: FakeImage): unknown {
  return { ...image, min_ram: 0, min_disk: 0, visibility: 'public', ...properties };
}
