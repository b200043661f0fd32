/** How the panel becomes files that the edge serves: `dist/web`, each asset named by a hash of its content. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  logLevel: 'warn',
  build: {
    outDir: fileURLToPath(new URL('../dist/web', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    // Those that know `light-dark()`: lowered, a theme would no longer follow from `color-scheme`.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The policy lets no script in that stands in the page, and no `data:`.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 400,
  },
})
