/** Messages for tests of chats: many of them at once, and such that want to be more than text. */
import path from 'node:path'
import { createClient } from '../../protocol/client.ts'
import { openLink } from '../../protocol/wire/link.ts'
import type { PanelHouse } from './house.ts'

export interface StoreOptions {
  /** Begins the names of the records; the chat's where absent. */
  readonly record?: string
  readonly turn_id?: string | null
}

/** Stores messages as if they had been said long ago: number 0 first. */
export const storeMessages = async (
  house: Pick<PanelHouse, 'home'>,
  chat: string,
  count: number,
  textOf: (index: number) => string,
  { record = chat, turn_id = null }: StoreOptions = {},
): Promise<void> => {
  const link = openLink({ run_dir: path.join(house.home, 'run'), service: 'history' })
  const history = createClient('history', link.call)
  const began = Date.now() - 864_000_000
  for (let from = 0; from < count; from += 100) {
    const records = Array.from({ length: Math.min(100, count - from) }, (_, at) => ({
      turn_id,
      ...{ record_id: `${record}-${from + at}`, session_id: `gw-default-${chat}`, bot_id: 'default', source: 'telegram' },
      ...{ role: (from + at) % 2 === 0 ? ('user' as const) : ('assistant' as const), content: textOf(from + at) },
      ...{ telegram_chat_id: null, user_id: null, username: null, created_at: began + (from + at) * 60_000 },
    }))
    await history.record({ records })
  }
  await link.close()
}

/** What would run, load or look like ours if it were taken for markup. */
export const ATTACKS = [
  '<img src=x onerror=alert(1)>',
  '<script>alert(1)</script>',
  '<svg onload=alert(1)>',
  '[click](javascript:alert(1))',
  '[click](data:text/html,<script>alert(1)</script>)',
  '![pixel](https://tracker.example/p.png)',
  '<a href="javascript:alert(1)">x</a>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '```html" onmouseover="alert(1)\n<img src=x onerror=alert(1)>\n```',
  '`<b onclick=alert(1)>`',
  '| <img src=x onerror=alert(1)> |\n|---|\n| <details open ontoggle=alert(1)> |',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '{{constructor.constructor("alert(1)")()}}'.replaceAll('{', '('),
]
