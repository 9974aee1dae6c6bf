/** Hono on Node: parses JSON and returns it. */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { announce, port } from './announce.ts';

const app = new Hono();
app.post('/lead/add', async (context) => context.json(await context.req.json()));
serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (address) => announce(address.port));
