/** Where the predecessor keeps its things: found from the path that is given, its `.env` and its defaults. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'

export interface Source {
  readonly database: string
  /** Its `.env`; null where there is none. */
  readonly env_file: string | null
  readonly env: Readonly<Record<string, string>>
  /** The working directories of its chats. */
  readonly sessions_dir: string
  /** Its finished harness projects. */
  readonly archives_dir: string
}

/** Said on the command line, each where it is not found by itself. */
export interface SourceOptions {
  readonly sessions?: string | undefined
  readonly archives?: string | undefined
}

const DATABASE = 'mini-claude-bot.db'

/** Below the folder that is given, and above the database: the predecessor looked upwards for its `.env`. */
const ENV_FILES = (path: string, database: string): string[] => {
  const above = [dirname(database), dirname(dirname(database)), dirname(dirname(dirname(database)))]
  return [path, join(path, 'backend'), ...above].map((folder) => join(folder, '.env'))
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

const readEnv = (file: string | null): Record<string, string> =>
  file === null ? {} : (parseEnv(readFileSync(file, 'utf8')) as Record<string, string>)

/**
 * Finds everything. @param path the database, the folder it is in, or the predecessor's checkout; @param user_home the folder of
 * the user, where its defaults lie. Throws where no database is found.
 */
export const findSource = (path: string, user_home: string, options: SourceOptions = {}): Source => {
  const full = resolve(path)
  const expand = (folder: string, from: string): string =>
    folder === '~' || folder.startsWith('~/')
      ? join(user_home, folder.slice(1))
      : isAbsolute(folder)
        ? folder
        : resolve(from, folder)
  const given = isFile(full) ? [full] : [join(full, DATABASE), join(full, 'data', DATABASE)]
  let database = given.find(isFile)
  const env_file = ENV_FILES(isFile(full) ? dirname(full) : full, database ?? join(full, 'data', DATABASE)).find(isFile) ?? null
  const env = readEnv(env_file)
  if (database === undefined && env.DATABASE_PATH !== undefined && env_file !== null) {
    const named = expand(env.DATABASE_PATH, dirname(env_file))
    if (isFile(named)) database = named
  }
  if (database === undefined)
    throw new Error(
      `There is no ${DATABASE} in ${full}, nor in ${join(full, 'data')}. Name the file itself, or the folder of mini-claude-bot.`,
    )
  const folder = (said: string | undefined, otherwise: string): string =>
    said === undefined ? expand(otherwise, dirname(env_file ?? full)) : resolve(said)
  return {
    database,
    env_file,
    env,
    sessions_dir: folder(options.sessions, env.GATEWAY_SESSION_DIR ?? '~/claude-gateway-sessions'),
    archives_dir: folder(options.archives, '~/.claude-gateway-archives'),
  }
}

/** Whether two paths name the same folder. */
export const isSamePlace = (one: string, other: string): boolean => {
  if (!existsSync(one) || !existsSync(other)) return resolve(one) === resolve(other)
  const [a, b] = [statSync(one), statSync(other)]
  return a.dev === b.dev && a.ino === b.ino
}
