// The gateway's own page: the same kit, an entry of its own, and a place in the gateway's folder, whose program embeds it.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    outDir: '../../gateway/ui/dist',
    // It lies outside this folder, so Vite must be told that it may be emptied.
    emptyOutDir: true,
    rolldownOptions: { input: 'gateway.html' },
  },
});
