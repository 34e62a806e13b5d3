// The page is embedded in the hub and served at `/`; `npm run dev` takes the API from a hub named by YIWANG_HUB.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Declared here, so that the types of Node are not one more dependency.
declare const process: { env: Record<string, string | undefined> };
const hub = process.env['YIWANG_HUB'] ?? 'http://127.0.0.1:8443';

export default defineConfig({
  plugins: [svelte()],
  server: { host: '127.0.0.1', proxy: { '/api': { target: hub, changeOrigin: true } } },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // The map's library alone is larger than Vite's warning; it loads after log-in, in its own chunk.
    chunkSizeWarningLimit: 1500,
  },
});
