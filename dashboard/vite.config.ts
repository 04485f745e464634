import { defineConfig } from 'vite';

// Everything is in files of this server: no inlined scripts or pictures, which the page's policy would refuse.
export default defineConfig({
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 2_000 },
});
