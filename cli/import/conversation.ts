/**
 * Which of the CLI's records holds the conversation of a chat. The predecessor let work in the background write into the same
 * project folder and then continued *the newest*, whichever that was. So a record is chosen by evidence: by the newest answer
 * of the chat that stands in it, else by the newest message, and only else by its age.
 */
import { createReadStream, existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'

/** What was said in the chat, newest first, as the predecessor's database tells it. */
export interface Said {
  readonly id: number
  readonly role: 'user' | 'assistant'
  readonly content: string
}

export interface Conversation {
  /** The CLI's session id: the name of the record. */
  readonly id: string
  readonly file: string
  /** What it was chosen by. */
  readonly by: 'answer' | 'message' | 'age'
  /** How many records there were to choose from. */
  readonly of: number
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** The longest name of a project folder that the CLI writes out; longer ones are cut and get a hash. */
const MAX_SLUG = 200

/** The CLI's name for the folder of a working directory. */
export const slugOf = (cwd: string): string => cwd.replace(/[^A-Za-z0-9]/g, '-')

/**
 * Whether the predecessor found the conversation of a folder again that it had deleted and made anew: it looked under a name in which
 * only slashes are replaced.
 */
export const isFoundAgain = (cwd: string): boolean => cwd.length <= MAX_SLUG && slugOf(cwd) === cwd.replaceAll('/', '-')

/** The project folders in which records of a working directory may lie: one, where its name is written out. */
const projectsOf = (projects: string, slug: string): string[] => {
  if (slug.length <= MAX_SLUG) return existsSync(join(projects, slug)) ? [slug] : []
  return existsSync(projects) ? readdirSync(projects).filter((name) => name.startsWith(`${slug.slice(0, MAX_SLUG)}-`)) : []
}

/** The records that the CLI has of a working directory. @param config_dir the parent of `projects/` */
export const recordsOf = (config_dir: string, cwd: string): string[] => {
  const projects = join(config_dir, 'projects')
  return projectsOf(projects, slugOf(existsSync(cwd) ? realpathSync(cwd) : cwd)).flatMap((folder) =>
    readdirSync(join(projects, folder))
      .filter((name) => name.endsWith('.jsonl') && UUID.test(basename(name, '.jsonl')))
      .map((name) => join(projects, folder, name)),
  )
}

const Block = z.object({ type: z.literal('text'), text: z.string() })
const Line = z.object({
  type: z.enum(['user', 'assistant']),
  isSidechain: z.boolean().optional(),
  isMeta: z.boolean().optional(),
  message: z.object({ content: z.union([z.string(), z.array(z.unknown())]) }),
})

const textOf = (content: string | unknown[]): string =>
  typeof content === 'string' ? content : content.flatMap((block) => Block.safeParse(block).data?.text ?? []).join('')

/** The texts of one record: what it was asked, and what it answered (each block, and all blocks of a turn together). */
const readTexts = async (file: string): Promise<{ asked: string[]; answered: Set<string> }> => {
  const asked: string[] = []
  const answered = new Set<string>()
  let turn: string[] = []
  const endTurn = (): void => {
    for (const between of ['', '\n', '\n\n']) answered.add(turn.join(between).trim())
    turn = []
  }
  for await (const raw of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    let json: unknown
    try {
      json = JSON.parse(raw)
    } catch {
      // A torn line, or one with half a surrogate pair: the others still tell.
      continue
    }
    const { data: line } = Line.safeParse(json)
    if (line === undefined || line.isSidechain || line.isMeta) continue
    const text = textOf(line.message.content)
    if (text.trim() === '') continue
    if (line.type === 'assistant') {
      answered.add(text.trim())
      turn.push(text)
    } else {
      endTurn()
      asked.push(text.trimEnd())
    }
  }
  endTurn()
  return { asked, answered }
}

/** A record with the newest answer and message of the chat that stand in it; 0: none does. */
const weigh = async (file: string, said: readonly Said[]) => {
  const { asked, answered } = await readTexts(file)
  const newest = (role: Said['role'], holds: (content: string) => boolean): number =>
    said.find((message) => message.role === role && message.content.trim() !== '' && holds(message.content.trim()))?.id ?? 0
  return {
    file,
    answer: newest('assistant', (content) => answered.has(content)),
    // A prompt ends with the message; before it stand what the gateway put there.
    message: newest('user', (content) => asked.some((prompt) => prompt.endsWith(content))),
    changed_at: statSync(file).mtimeMs,
  }
}

/** Chooses the record of a chat; null where the CLI has none of its folder. */
export const chooseConversation = async (files: readonly string[], said: readonly Said[]): Promise<Conversation | null> => {
  const weighed = await Promise.all(files.map((file) => weigh(file, said)))
  const [best] = weighed.sort((a, b) => b.answer - a.answer || b.message - a.message || b.changed_at - a.changed_at)
  if (best === undefined) return null
  const by = best.answer > 0 ? 'answer' : best.message > 0 ? 'message' : 'age'
  return { id: basename(best.file, '.jsonl'), file: best.file, by, of: files.length }
}
