import { z } from 'zod';
import { bodyOf } from './answer.ts';
import { OpenStackFailure } from './failure.ts';
import { allPages } from './pages.ts';
import type { Session } from './session.ts';

const pageRows = 500;

const imageShape = z.looseObject({
  id: z.string().min(1),
  name: z.string().nullish(),
  status: z.string(),
  created_at: z.string().default(''),
  /** MiB and GiB. */
  min_ram: z.number().default(0),
  min_disk: z.number().default(0),
});
/** Properties that a site has added are fields of their own. */
export type Image = z.output<typeof imageShape>;
const imagesShape = z.object({ images: z.array(imageShape), next: z.string().optional() });

export interface ImageApi {
  /** Active ones, the newest first; an unknown key of the filter is a property that an image must have. */
  images(filter: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly Image[]>;
  /** Null where there is none that the project sees. Glance says so with a page of its own, so any 404 does. */
  image(id: string, signal: AbortSignal): Promise<Image | null>;
}

export function openImage(session: Session): ImageApi {
  return {
    images(filter, signal) {
      const call = 'list images';
      return allPages(call, async (marker) => {
        const query = new URLSearchParams({
          ...filter,
          status: 'active',
          sort: 'created_at:desc',
          limit: String(pageRows),
        });
        if (marker !== null) query.set('marker', marker);
        const path = `/v2/images?${query.toString()}`;
        const answer = await session.request({ call, service: 'image', path, expect: [200] }, signal);
        const { images, next } = bodyOf(answer, imagesShape, { call, secrets: [] });
        return { rows: images, next: next ?? null };
      });
    },

    async image(id, signal) {
      const call = 'read image';
      const path = `/v2/images/${encodeURIComponent(id)}`;
      try {
        const answer = await session.request({ call, service: 'image', path, expect: [200] }, signal);
        return bodyOf(answer, imageShape, { call, secrets: [] });
      } catch (thrown) {
        if (thrown instanceof OpenStackFailure && thrown.status === 404) return null;
        throw thrown;
      }
    },
  };
}
