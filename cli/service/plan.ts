/** What the service of the system is told: who it is, what it runs and with which environment. Nothing of it is secret. */
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Settings } from '../settings.ts'

export interface Plan {
  /** The Node.js that runs everything, as an absolute path. */
  readonly node: string
  readonly root: string
  /** SWITCHBOARD_HOME. */
  readonly home: string
  readonly logs_dir: string
  /** Where agents and jobs look for programs. */
  readonly path: string
  readonly user: string
  /** 501: names the user's own launchd domain. */
  readonly uid: number
  /** The folder of the user, and where systemd looks for the units of the user. */
  readonly user_home: string
  readonly config_dir: string
}

/** The script that begins everything. */
export const starterOf = ({ root }: Pick<Plan, 'root'>): string => join(root, 'cli', 'service', 'start.sh')

type Environment = Readonly<Record<string, string | undefined>>

export const planOf = (settings: Settings, environment: Environment, node: string = process.execPath): Plan => {
  const user_home = environment.HOME ?? homedir()
  const { username, uid } = userInfo()
  return {
    node,
    root: settings.root.replace(/\/$/, ''),
    home: settings.home,
    logs_dir: settings.logs_dir,
    path: environment.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    user: username,
    uid,
    user_home,
    config_dir: environment.XDG_CONFIG_HOME ?? join(user_home, '.config'),
  }
}
