/** What `start.sh` asks for before it begins: that nobody else runs, and the environment of `ecosystem.config.js`. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Settings } from '../settings.ts'
import { shellWord } from '../shell-word.ts'

/** Whether a PM2 answers in this home. A pid file alone says nothing: after a restart of the machine its number is another's. */
export const hasDaemon = (pm2_home: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(join(pm2_home, 'rpc.sock'))
    const settle = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })

/** Lines for a shell. Nothing of them is secret: PM2 keeps them. */
export const exportLines = ({ pm2_home, ecosystem }: Pick<Settings, 'pm2_home' | 'ecosystem'>): string[] =>
  Object.entries({
    ...ecosystem,
    PM2_HOME: pm2_home,
    PM2_DISCRETE_MODE: 'true',
    PM2_DISABLE_VERSION_CHECK: 'true',
    PM2_NO_INTERACTION: 'true',
  }).map(([name, value]) => `export ${name}=${shellWord(value)}`)

/** As `openPm2` prepares its home: PM2's own measuring of the machine is off. */
export const preparePm2Home = (pm2_home: string): void => {
  mkdirSync(pm2_home, { recursive: true, mode: 0o700 })
  const file = join(pm2_home, 'module_conf.json')
  if (!existsSync(file)) writeFileSync(file, JSON.stringify({ pm2: { sysmonit: 'false' } }))
}
