/**
 * `npm run gallery`: a picture of each view at the size of a desk and of a phone, light and dark, at a running Switchboard with something in it;
 * and a page that shows them side by side, `.cache/gallery/index.html`.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { DESKTOP, openBrowser, openPage, type PageOptions, PHONE } from '../browser.ts'
import { eventually, type Scope } from '../harness.ts'
import { openPanelHouse, type PanelHouse, visit } from './house.ts'

const FOLDER = path.join(packageRoot(import.meta.url), '.cache', 'gallery')

/** Places worth a picture, beyond the first page of each view. */
const PLACES: readonly (readonly [name: string, place: string])[] = [
  ['overview', '#/overview'],
  ['chats', '#/chats'],
  ['chat', '#/chats/default/anna'],
  ['permission', '#/chats/default/harbour-crew'],
  ['search', '#/chats?q=boat'],
  ['new-chat', '#/chats?new=1'],
  ['tasks', '#/tasks'],
  ['jobs', '#/jobs'],
  ['memory', '#/memory'],
  ['metrics', '#/metrics'],
  ['reports', '#/reports'],
  ['settings', '#/settings'],
]

const SIZES: Readonly<Record<string, PageOptions>> = { desktop: { viewport: DESKTOP }, phone: PHONE }
const THEMES = ['light', 'dark'] as const

const ANSWER = [
  'The **boat** is called *Albatross*. To find every note on it:\n',
  '```ts\nconst hits = await memory.search("the boat", 5)\nfor (const hit of hits) console.log(hit.key, hit.content) // the best first\n```\n',
  '1. Look at `notes/boat.md`\n2. Ask the harbour\n\n| what | when |\n|---|---|\n| engine | May |\n| sails | June |',
].join('\n')

const furnish = async (house: PanelHouse): Promise<void> => {
  /** The demo agent reads what it is to do from a file, so that messages look as people write them. */
  const say = async (chat_id: string, message: string, script: string, username = 'Anna'): Promise<void> => {
    const folder = path.join(house.home, 'work', 'default', chat_id)
    mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(folder, '.demo-agent'), `{{${script}}}`)
    await house.post('/api/gateway/send', { chat_id, message, username })
  }
  await say('anna', 'Good morning', 'say="Good morning! What shall we look at today?"')
  const look = `tool=Bash command="grep -ri boat notes/" thinking="Where did we write about the boat?" say=${JSON.stringify(ANSWER)}`
  const looking = say('anna', 'What did we say about the boat?', look)
  await house.post(`/api/gateway/approvals/${await asked(house)}`, { decision: 'allow' })
  await looking
  for (const chat of ['harbour-crew', '-1001234567890', 'weekly-review'])
    await say(chat, 'When do we meet?', 'say="On Friday at four, at pier 4."', 'Ben')
  const jobs = [
    { name: 'Nightly backup', cron_expression: '0 3 * * *', command: 'echo saved 214 files' },
    { name: 'Morning briefing', cron_expression: '30 7 * * 1-5', command: 'echo ready', timezone: 'Europe/Berlin' },
    { name: 'Check the harbour page', cron_expression: '*/20 * * * *', command: 'echo "no answer" >&2; exit 3' },
  ]
  for (const job of jobs) {
    const { id } = (await house.post('/api/cron', job)) as { id: number }
    await house.post(`/api/cron/${id}/run`, {})
  }
  const memories = [
    { key: 'boat', content: 'The boat is called Albatross and lies at pier 4.', category: 'facts' },
    { key: 'coffee', content: 'Anna drinks her coffee black.', category: 'preferences' },
    { key: 'review', content: 'The weekly review is on Fridays at 4 pm.', category: 'habits' },
  ]
  for (const memory of memories) await house.post('/api/memory', memory)
  await house.post('/api/tasks', { chat_id: 'anna', message: 'Tidy up the notes' })
  // Nobody answers it: it is taken back when the house is closed.
  const deploy = 'tool=Bash command="scp notes/rota.md pier4:/var/www/ && ssh pier4 systemctl reload nginx" say="Done."'
  say('harbour-crew', 'Put the new rota on the pier\u2019s page', deploy, 'Ben').catch(() => undefined)
  await asked(house)
}

/** The permission that is asked for, once it is. */
const asked = async (house: PanelHouse): Promise<string> =>
  await eventually(async () => {
    const { approvals } = (await house.get('/api/gateway/approvals?state=waiting')) as { approvals: { approval_id: string }[] }
    return approvals[0]?.approval_id
  })

const pageOf = (pictures: readonly { readonly name: string; readonly file: string }[]): string => {
  const figure = ({ name, file }: { readonly name: string; readonly file: string }): string =>
    `<figure><a href="${file}"><img src="${file}" alt="${name}" loading="lazy"></a><figcaption>${name}</figcaption></figure>`
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Switchboard: the panel</title>
<style>body{font:14px system-ui;margin:24px;background:#e9ecf1}main{display:grid;grid-template-columns:repeat(auto-fill,minmax(360px,1fr));gap:20px;align-items:start}
figure{margin:0}img{width:100%;border:1px solid #c9d0da;border-radius:8px}figcaption{padding:4px 2px;color:#465}</style>
<h1>The panel</h1><main>${pictures.map(figure).join('\n')}</main></html>\n`
}

const undos: (() => unknown)[] = []
const scope: Scope = { after: (undo) => void undos.push(undo as () => unknown) }
try {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const house = await openPanelHouse(scope, { env: { CLAUDE_PERMISSION_MODE: 'ask' } })
  await furnish(house)
  const browser = await openBrowser(scope)
  const pictures: { name: string; file: string }[] = []
  for (const [size, options] of Object.entries(SIZES)) {
    for (const colorScheme of THEMES) {
      const { page } = await openPage(scope, browser, { ...options, colorScheme })
      for (const [name, place] of PLACES) {
        await visit(page, house, place)
        await page
          .locator('skeleton-rows')
          .first()
          .waitFor({ state: 'detached', timeout: 3_000 })
          .catch(() => undefined)
        // Charts and colours of code are loaded once more is there.
        await page.waitForTimeout(600)
        const shot = `${name}-${size}-${colorScheme}.png`
        await page.screenshot({ path: path.join(FOLDER, shot), animations: 'disabled' })
        pictures.push({ name: `${name}, ${size}, ${colorScheme}`, file: shot })
      }
      await page.close()
    }
  }
  writeFileSync(path.join(FOLDER, 'index.html'), pageOf(pictures))
  console.log(`${pictures.length} pictures: ${path.join(FOLDER, 'index.html')}`)
} finally {
  for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) await undo()
}
