/** A real browser for tests: Chromium, pages that note what went wrong in them, and axe's opinion of a page. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { atEnd, type Scope } from './harness.ts'

/** Where Debian, Fedora, Arch and macOS put it. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Without a graphics card, without a sandbox (which root does not get), and without calls home. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts a browser that ends with the test or the file. Rejects with what to install where there is none. */
export const openBrowser = async (t: Scope): Promise<Browser> => {
  const executablePath = PLACES.find((place) => existsSync(place))
  if (executablePath === undefined) throw new Error('No Chromium here: apt-get install chromium fonts-noto-cjk')
  const browser = await chromium.launch({ executablePath, args: FLAGS, handleSIGINT: false, handleSIGTERM: false })
  atEnd(t, () => browser.close())
  return browser
}

export type PageOptions = Pick<
  BrowserContextOptions,
  'viewport' | 'colorScheme' | 'locale' | 'timezoneId' | 'isMobile' | 'hasTouch' | 'deviceScaleFactor'
>

export const DESKTOP = { width: 1280, height: 800 }
export const PHONE: PageOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }

export interface Watched {
  readonly page: Page
  /** Uncaught errors, complaints of the page's policy, and dialogs: what may never happen, whatever a page is shown. */
  readonly faults: readonly string[]
}

/** A page with cookies and storage of its own. */
export const openPage = async (t: Scope, browser: Browser, options: PageOptions = {}): Promise<Watched> => {
  const context = await browser.newContext({ viewport: DESKTOP, locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options })
  atEnd(t, () => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.stack ?? error.message}`))
  page.on('console', (message) => {
    const text = message.text()
    if (/Content Security Policy|Trusted ?Type|violates the following/i.test(text)) faults.push(`policy: ${text}`)
  })
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  return { page, faults }
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Fails with what axe finds wrong with the page as it stands, in WCAG 2.2 A and AA and the best practices. */
export const assertAccessible = async (page: Page, where: string): Promise<void> => {
  await page.evaluate(axeSource)
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: AxeViolation[] }> } }
    interface AxeViolation {
      readonly id: string
      readonly help: string
      readonly nodes: readonly { readonly target: unknown; readonly html: string; readonly failureSummary?: string }[]
    }
    const { violations } = await axe.run()
    return violations.map(({ id, help, nodes }) => {
      const places = nodes.slice(0, 4).map(({ target, html, failureSummary }) => {
        return `${JSON.stringify(target)} ${html.slice(0, 160)} ${failureSummary ?? ''}`
      })
      return `${id}: ${help}\n  ${places.join('\n  ')}`
    })
  })
  assert.deepEqual(found, [], where)
}
