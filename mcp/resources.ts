/** What a client can take in as it stands: chats and memories by their address. A kind is there when the contract has its rows. */
import type { ReadResourceResult, Resource, ResourceTemplate } from '@modelcontextprotocol/sdk/types.js'
import { rowOf } from '../protocol/contract.ts'
import type { Backend } from './backend.ts'
import { BackendFault } from './fault.ts'

/** How many resources one page of the list holds. */
const PAGE = 100

/** A chat may be years long; its newest messages are what somebody wants to take in. */
const MESSAGES_MAX = 200

/** Claude Code asks for the list when it starts, and begins its first turn when it has it. */
const LIST_MS = 1_000

export interface ResourceDeps {
  readonly backend: Backend
  readonly warn: (line: string) => void
  readonly timeout_ms: number
  /** Whose memories are listed. */
  readonly bot_id: string
}

interface Kind {
  /** `chat` in `chat://gw-default-1`. */
  readonly scheme: string
  /** Rows without which there are no such resources. */
  readonly needs: readonly string[]
  readonly template: Omit<ResourceTemplate, 'uriTemplate'>
  /** What stands behind `://` in the template. */
  readonly variable: string
  list(get: Get, bot_id: string): Promise<Resource[]>
  /** The text of one, in Markdown. */
  read(get: Get, id: string): Promise<string>
}

type Get = (path: string, query?: Readonly<Record<string, string>>) => Promise<unknown>

interface ChatSummary {
  readonly session_id: string
  readonly last_message_at: string
  readonly message_count: number
}

interface ChatLine {
  readonly role: string
  readonly content: string
  readonly created_at: string
}

interface ReportLine {
  readonly report_id: string
  readonly lang: string
  readonly date: string
  readonly state: string
}

interface Note {
  readonly id: number
  readonly key: string
  readonly content: string
  readonly category: string
  readonly updated_at: string
}

const uriOf = (scheme: string, id: string | number): string => `${scheme}://${encodeURIComponent(id)}`

const KINDS: readonly Kind[] = [
  {
    scheme: 'chat',
    needs: ['history.list_sessions', 'history.get_session'],
    template: {
      name: 'chat',
      title: 'A chat',
      description: `The newest ${MESSAGES_MAX} messages of a chat`,
      mimeType: 'text/markdown',
    },
    variable: 'session_id',
    list: async (get) =>
      ((await get('/chat/sessions')) as ChatSummary[]).map(({ session_id, message_count, last_message_at }) => ({
        uri: uriOf('chat', session_id),
        name: session_id,
        description: `${message_count} messages, the last one at ${last_message_at} UTC`,
        mimeType: 'text/markdown',
      })),
    read: async (get, id) => {
      const path = `/chat/sessions/${encodeURIComponent(id)}`
      // One more than is shown tells whether there are more.
      const lines = (await get(path, { limit: String(MESSAGES_MAX + 1) })) as ChatLine[]
      const cut = lines.length > MESSAGES_MAX
      const shown = lines
        .slice(-MESSAGES_MAX)
        .map(({ role, content, created_at }) => `**${role}** (${created_at} UTC)\n\n${content}`)
      return [`# ${id}`, ...(cut ? [`Only the newest ${MESSAGES_MAX} messages.`] : []), ...shown].join('\n\n')
    },
  },
  {
    scheme: 'memory',
    needs: ['memory.list', 'memory.get'],
    template: {
      name: 'memory',
      title: 'A memory',
      description: 'What a bot keeps in mind under one key',
      mimeType: 'text/markdown',
    },
    variable: 'memory_id',
    list: async (get, bot_id) =>
      ((await get('/memory', { bot_id })) as Note[]).map(({ id, key, category, updated_at }) => ({
        uri: uriOf('memory', id),
        name: key,
        description: `${category}, changed at ${updated_at}`,
        mimeType: 'text/markdown',
      })),
    read: async (get, id) => {
      const { key, content } = (await get(`/memory/${encodeURIComponent(id)}`)) as Note
      return `# ${key}\n\n${content}`
    },
  },
  {
    scheme: 'report',
    needs: ['reports.list', 'reports.get'],
    template: {
      name: 'report',
      title: 'A morning paper',
      description: 'The report of a day, as text with its sources',
      mimeType: 'text/markdown',
    },
    variable: 'report_id',
    list: async (get) =>
      ((await get('/reports')) as ReportLine[]).map(({ report_id, lang, date, state }) => ({
        uri: uriOf('report', report_id),
        name: `${date} (${lang})`,
        description: state,
        mimeType: 'text/markdown',
      })),
    read: async (get, id) => {
      const { date, lang, state, text } = (await get(`/reports/${encodeURIComponent(id)}`)) as ReportLine & {
        text: string | null
      }
      return text ?? `# ${date} (${lang})\n\nThere is no text yet: ${state}`
    },
  },
]

export interface Resources {
  readonly templates: readonly ResourceTemplate[]
  /** One page, and where the next one begins. What cannot be had at once is left out: nobody shall wait for a list. */
  list(cursor: string | undefined): Promise<{ resources: Resource[]; nextCursor?: string }>
  /** Throws a `BackendFault`. */
  read(uri: string): Promise<ReadResourceResult>
}

export const createResources = ({ backend, warn, timeout_ms, bot_id }: ResourceDeps): Resources => {
  const kinds = KINDS.filter(({ needs }) => needs.every((name) => rowOf(name)?.http !== undefined))
  const getWithin =
    (limit_ms: number): Get =>
    (path, query) =>
      backend.ask({
        method: 'GET',
        path,
        ...(query && { query: new URLSearchParams(query) }),
        timeout_ms: Math.min(limit_ms, timeout_ms),
        repeatable: true,
      })
  return {
    templates: kinds.map(({ scheme, variable, template }) => ({ uriTemplate: `${scheme}://{${variable}}`, ...template })),
    list: async (cursor = '0') => {
      const get = getWithin(LIST_MS)
      const settled = await Promise.allSettled(kinds.map((kind) => kind.list(get, bot_id)))
      const all = settled.flatMap((list) => {
        if (list.status === 'fulfilled') return list.value
        warn(`The list of resources is not whole: ${(list.reason as Error).message}`)
        return []
      })
      const from = /^\d{1,9}$/.test(cursor) ? Number(cursor) : 0
      const next = from + PAGE
      return { resources: all.slice(from, next), ...(next < all.length ? { nextCursor: String(next) } : {}) }
    },
    read: async (uri) => {
      const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.+)$/.exec(uri) ?? []
      const kind = kinds.find((known) => known.scheme === scheme)
      if (kind === undefined) {
        const known = kinds.map((some) => `${some.scheme}://{${some.variable}}`).join(', ')
        throw new BackendFault('refused', `There is no resource ${uri}: ${known} are known.`)
      }
      let id: string
      try {
        id = decodeURIComponent(rest)
      } catch (cause) {
        throw new BackendFault('refused', `${uri} is not a well-formed address.`, { cause })
      }
      return { contents: [{ uri, mimeType: 'text/markdown', text: await kind.read(getWithin(timeout_ms), id) }] }
    },
  }
}
