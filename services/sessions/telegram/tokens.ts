/** Bot tokens, each in a file of its own that only its owner may read. Everything else knows them by a name that tells nothing. */
import { createHash, randomUUID } from 'node:crypto'
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'
import { ServiceError } from '../../../protocol/errors.ts'
import { force } from '../../runtime/forced.ts'

/** `<number>:<letters>`, as BotFather gives them (core.telegram.org/bots/api#authorizing-your-bot). What fits can stand in a URL as it is. */
const TOKEN = /^\d{1,20}:[A-Za-z0-9_-]{1,200}$/
const TOKEN_ID = /^[0-9a-f]{24}$/
const ID_CHARS = 24

const idOf = (token: string): string => createHash('sha256').update(token).digest('hex').slice(0, ID_CHARS)

export class BotTokens {
  readonly #folder: string
  readonly #known = new Map<string, string>()

  /** @param folder is made at the first token, closed to others. */
  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Keeps a token and names it. When this returns the token is on the disk; a second time costs nothing. Throws `invalid_input` for
   * what is no token, without repeating it.
   */
  keep(token: string): string {
    if (!TOKEN.test(token))
      throw new ServiceError('invalid_input', 'bot_token is not a bot token of Telegram; it looks like 123456:ABC-DEF')
    const tokenId = idOf(token)
    if (this.get(tokenId) === token) return tokenId
    this.#write(tokenId, token)
    this.#known.set(tokenId, token)
    return tokenId
  }

  /** The token of that name, or null where none is kept. */
  get(tokenId: string): string | null {
    if (!TOKEN_ID.test(tokenId)) return null
    const known = this.#known.get(tokenId)
    if (known !== undefined) return known
    const token = this.#read(tokenId)
    if (token !== null) this.#known.set(tokenId, token)
    return token
  }

  #read(tokenId: string): string | null {
    try {
      const token = readFileSync(path.join(this.#folder, tokenId), 'utf8')
      return idOf(token) === tokenId ? token : null
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
  }

  /** Under another name first: a crash leaves the whole token or none. */
  #write(tokenId: string, token: string): void {
    const made = mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    chmodSync(this.#folder, 0o700)
    const temporary = path.join(this.#folder, `.${randomUUID()}`)
    try {
      const handle = openSync(temporary, 'wx', 0o600)
      try {
        writeSync(handle, token)
        fsyncSync(handle)
      } finally {
        closeSync(handle)
      }
      renameSync(temporary, path.join(this.#folder, tokenId))
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
    force(this.#folder)
    // The folder is new: its own name has to be on the disk, too.
    if (made !== undefined) force(path.dirname(made))
  }
}
