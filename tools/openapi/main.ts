import { writeFile } from 'node:fs/promises';
import { openApiFile, openApiText } from './document.ts';

/** Writes docs/openapi.json. `npm run openapi`, after a change of the API; a test compares the two. */
await writeFile(openApiFile, await openApiText());
