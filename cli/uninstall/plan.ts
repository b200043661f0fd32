/** What is deleted and what stays, found out and told before anything is done. */
import { realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { parseEnv, readEnvironment } from '../../services/runtime/env.ts'
import type { Context } from '../command.ts'
import { DoctorEnv } from '../doctor/settings.ts'
import { installedManager } from '../service/choice.ts'
import { formatSize } from '../table.ts'
import { type Belongings, listBelongings, sizeOf } from './belongings.ts'
import { isOwner } from './chats.ts'

/** What a call of the command is about to do. */
export interface Plan {
  /** Where the home lies in truth. */
  readonly real: string
  /** Folders in it that are ours beside those that always are. */
  readonly folders: readonly string[]
  readonly belongings: Belongings
  /** The folder of the chats, where it belongs to this home. */
  readonly base: string | null
  /** Its name, where it lies in the home itself. */
  readonly inside: string | null
  readonly withChats: boolean
  /** The CLI's configuration folder. */
  readonly config_dir: string
}

export const planOf = ({ settings }: Context, withChats: boolean): Plan => {
  const environment = readEnvironment({ environment: process.env })
  const { GATEWAY_SESSION_DIR: base } = parseEnv(DoctorEnv, { environment: process.env })
  const real = realpathSync(settings.home)
  const folders = settings.pm2_home === join(settings.home, 'pm2') ? ['pm2'] : []
  return {
    ...{ real, folders },
    belongings: listBelongings(real, folders),
    base: isOwner(base, settings.home) ? base : null,
    inside: dirname(base) === settings.home ? basename(base) : null,
    withChats,
    config_dir: environment.CLAUDE_CONFIG_DIR ?? join(environment.HOME ?? homedir(), '.claude'),
  }
}

const sizeWords = (bytes: number): string => (bytes < 1_048_576 ? 'less than 1 MB' : formatSize(bytes))

/** Says what goes and what stays. */
export const tell = ({ settings, print }: Context, { real, belongings, base, withChats }: Plan): void => {
  print(`This deletes for good${real === settings.home ? '' : ` (${settings.home} is a link)`}:`)
  for (const { name, bytes, link } of belongings.ours)
    print(`  ${join(real, name)}  ${link === null ? sizeWords(bytes) : `the link alone; ${link} stays`}`)
  if (base !== null && withChats)
    print(`  ${base}  ${sizeWords(sizeOf(base))}, at most: the folders of its chats, and Claude's records of them`)
  const manager = installedManager({ settings }, process.env)
  if (manager !== null) print(`  ${manager.file}`)
  print('It stays:')
  if (base !== null && !withChats)
    print(
      `  ${base}  ${sizeWords(sizeOf(base))}: the files of the chats (with --chats they go, too, and Claude's records of them)`,
    )
  print(`  ${settings.root}: the checkout, with its .env where there is one. Delete it yourself.`)
  if (settings.pm2_home !== join(settings.home, 'pm2')) print(`  ${settings.pm2_home}: PM2's own folder, which you have set`)
}
