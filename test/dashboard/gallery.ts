/** `npm run dashboard:gallery`: a picture of each state of the public page, light and dark, on a desk, a tablet and a phone, in `.cache/dashboard`. */
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { openBrowser, openPage, type PageOptions, PHONE } from '../browser.ts'
import type { Scope } from '../harness.ts'
import { enormous, measured } from '../services/metrics/dashboard/measured.ts'
import { buildSite, openSite, type Site } from './site.ts'

const FOLDER = path.join(packageRoot(import.meta.url), '.cache', 'dashboard')

const SIZES: Readonly<Record<string, PageOptions>> = {
  desktop: { viewport: { width: 1_280, height: 800 } },
  tablet: { viewport: { width: 820, height: 1_100 } },
  phone: PHONE,
}

const HOUR_MS = 3_600_000
const DAY = Array.from({ length: 24 }, (_, hour) => hour)

/** What makes each state, in an order in which they can follow each other. */
const statesOf = ({ store, push }: Site): Readonly<Record<string, () => unknown>> => {
  const past = async () => ({
    until_at: Date.now(),
    cpu_percent: DAY.map((hour) => Math.round(30 + 18 * Math.sin(hour / 3) + ((hour * 7) % 11))),
    memory_percent: DAY.map((hour) => 55 + ((hour * 3) % 9)),
  })
  const show = ['job_names', 'memory_categories'] as const
  return {
    waiting: () => undefined,
    ordinary: () => push(measured(), { past }),
    named: () => push(measured(), { past, show }),
    stale: () => push(measured(), { past, now: () => Date.now() - 3 * HOUR_MS }),
    enormous: () => push(enormous(), { past, show }),
    nothing: () => push({}),
    failed: () => {
      store.reading = { status: 500 }
    },
  }
}

const undos: (() => unknown)[] = []
const scope: Scope = { after: (undo) => void undos.push(undo as () => unknown) }
try {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const site = await openSite(scope, await buildSite(scope))
  const browser = await openBrowser(scope)
  for (const [state, make] of Object.entries(statesOf(site))) {
    await make()
    for (const [size, options] of Object.entries(SIZES)) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page } = await openPage(scope, browser, { ...options, colorScheme })
        await page.goto(site.url)
        await page.locator('.cards:not(.waiting), .notice').first().waitFor()
        const picture = path.join(FOLDER, `${state}-${size}-${colorScheme}.png`)
        await page.screenshot({ path: picture, fullPage: true, animations: 'disabled' })
        await page.close()
      }
    }
  }
  console.log(`The pictures are in ${FOLDER}`)
} finally {
  for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) await undo()
}
