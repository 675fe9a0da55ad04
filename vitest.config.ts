import { defineConfig } from 'vitest/config';

const reporters = ['default', './tools/count-reporter.ts'];

// biome-ignore lint/style/noDefaultExport: Vitest loads its configuration by its default export.
export default defineConfig({
  test: {
    reporters,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/real/**', 'test/bench/**', 'node_modules/**'],
          // Against a test that hangs, not against a slow machine.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          // Two at a time: each has servers of its own, and waits for them most of the time.
          maxWorkers: 2,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
