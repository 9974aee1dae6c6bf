/** The health check of the image: exits with 0 if the server of this container responds. */
import { get } from 'node:http';

const port = process.env.PORT ?? 3000;

get({ host: '127.0.0.1', port, path: '/healthz', timeout: 4_000 }, ({ statusCode }) => {
  process.exit(statusCode === 200 ? 0 : 1);
})
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
