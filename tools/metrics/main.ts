import { writeFile } from 'node:fs/promises';
import { metricsPage, metricsText } from './page.ts';

/** Writes docs/metrics.md. `npm run metrics`, after a change of the declarations; a test compares the two. */
await writeFile(metricsPage, metricsText());
