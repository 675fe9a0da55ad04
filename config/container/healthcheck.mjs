// Ends with 0 if the daemon of this container says that its loop makes progress, with 1 otherwise.
import { request } from 'node:http';

const socketPath = process.env.SPILLWAY_SOCKET ?? '/run/spillway/spillway.sock';
request({ socketPath, path: '/healthz', timeout: 8000 }, ({ statusCode }) => {
  process.exit(statusCode === 200 ? 0 : 1);
})
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
  .end();
