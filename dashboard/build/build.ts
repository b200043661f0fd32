/**
 * Builds what is deployed: the page and its two functions in the form of Vercel's Build Output API (version 3), so that
 * `vercel deploy --prebuilt` uploads it as it is. Nothing in it needs a package or a file of this checkout at run time.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type InlineConfig } from 'vite'
import { pageHeaders } from './headers.ts'

export interface BuildOptions {
  /** The folder `dashboard` of the checkout. */
  readonly source: string
  /** The folder to write; what was there goes. `vercel` looks for it in `.vercel/output`. */
  readonly output: string
}

/** One function for each folder with a `main.ts`; its path is its address below `/api`. */
const FUNCTIONS = ['push', 'metrics'] as const

const common = (source: string): InlineConfig => ({
  root: join(source, 'page'),
  configFile: false,
  envDir: false,
  logLevel: 'warn',
  publicDir: false,
})

const buildPage = async (source: string, output: string): Promise<void> => {
  await build({
    ...common(source),
    publicDir: join(source, 'page', 'public'),
    build: {
      target: 'es2022',
      outDir: join(output, 'static'),
      emptyOutDir: true,
      // Nothing stands inside the page itself, as its Content-Security-Policy demands.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  })
}

const buildFunction = async (source: string, output: string, name: string): Promise<void> => {
  const folder = join(output, 'functions', 'api', `${name}.func`)
  await build({
    ...common(source),
    ssr: { noExternal: true, target: 'node' },
    build: {
      target: 'node20',
      ssr: join(source, 'functions', name, 'main.ts'),
      outDir: folder,
      emptyOutDir: true,
      minify: false,
      reportCompressedSize: false,
      rolldownOptions: { output: { entryFileNames: 'index.mjs', codeSplitting: false } },
    },
  })
  const config = { runtime: 'nodejs22.x', handler: 'index.mjs', launcherType: 'Nodejs', shouldAddHelpers: false, maxDuration: 20 }
  writeFileSync(join(folder, '.vc-config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

/** Builds everything anew. Throws with the bundler's words where the source is wrong. */
export const buildDashboard = async ({ source, output }: BuildOptions): Promise<void> => {
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  await buildPage(source, output)
  for (const name of FUNCTIONS) await buildFunction(source, output, name)
  const routes = [
    { src: '/(.*)', headers: pageHeaders, continue: true },
    { src: '/assets/(.*)', headers: { 'cache-control': 'public, max-age=31536000, immutable' }, continue: true },
    { handle: 'filesystem' },
  ]
  writeFileSync(join(output, 'config.json'), `${JSON.stringify({ version: 3, routes }, null, 2)}\n`)
}
