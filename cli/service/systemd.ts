/**
 * A unit of the user's own systemd.
 *
 * `KillMode=process`: only PM2 is signalled, which ends the services in order; agents stay and finish their turns.
 * `OOMPolicy=continue`: an agent that is killed for its memory takes nobody with it. Lingering has it run without a login.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Ask, demand, type Manager } from './manager.ts'
import { type Plan, starterOf } from './plan.ts'

export const UNIT = 'switchboard.service'

/** In the unit: lingering was switched on by us, and is switched off with the service. */
const OUR_LINGER = '# Lingering was switched on with this unit.'

/** A word of a command line: quotes and backslashes escaped, and what systemd would replace doubled. */
const word = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`

/** An assignment of a variable; `$` means nothing there. */
const assignment = (name: string, value: string): string =>
  `Environment="${name}=${value.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`

/** @param note a comment for the head of the unit */
export const unitOf = (plan: Plan, note = ''): string =>
  `# Written by "npx switchboard service install"; run that again after a change.
${note === '' ? '' : `${note}\n`}[Unit]
Description=Switchboard: connects chats to Claude
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/bin/sh ${word(starterOf(plan))} ${word(plan.node)} ${word(plan.root)}
WorkingDirectory=${plan.root.replaceAll('%', '%%')}
${assignment('SWITCHBOARD_HOME', plan.home)}
${assignment('PATH', plan.path)}
UMask=0077
KillMode=process
OOMPolicy=continue
Restart=always
RestartSec=5
TimeoutStopSec=40

[Install]
WantedBy=default.target
`

export const createSystemd = (plan: Plan, run: Ask, linger_dir = '/var/lib/systemd/linger'): Manager => {
  const file = join(plan.config_dir, 'systemd', 'user', UNIT)
  const systemctl = (...args: string[]): Promise<void> => demand(run, 'systemctl', ['--user', ...args])

  /** Without lingering the user's services end with the last login. Resolves with the note for the unit, and what is to be told. */
  const linger = async (): Promise<{ note: string; told: string[] }> => {
    const before = existsSync(file) && readFileSync(file, 'utf8').includes(OUR_LINGER) ? OUR_LINGER : ''
    if (existsSync(join(linger_dir, plan.user))) return { note: before, told: [] }
    const { code, output } = await run('loginctl', ['enable-linger', plan.user])
    if (code === 0) return { note: OUR_LINGER, told: ['Lingering is on: it runs without a login.'] }
    const told = `It runs only while you are logged in, since lingering could not be switched on (${output}). Do it: sudo loginctl enable-linger ${plan.user}`
    return { note: before, told: [told] }
  }

  return {
    name: 'systemd',
    file,
    marker: assignment('SWITCHBOARD_HOME', plan.home),
    nodeIn: (text) => {
      const [, second] = /^ExecStart=\/bin\/sh "(?:[^"\\]|\\.)*" "((?:[^"\\]|\\.)*)"/m.exec(text) ?? []
      return second?.replaceAll('%%', '%').replaceAll('$$', '$').replace(/\\(.)/g, '$1') ?? null
    },
    render: () => unitOf(plan),
    install: async () => {
      const { note, told } = await linger()
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, unitOf(plan, note))
      await systemctl('daemon-reload')
      await systemctl('enable', UNIT)
      await systemctl('restart', UNIT)
      return told
    },
    uninstall: async () => {
      const isOurLinger = readFileSync(file, 'utf8').includes(OUR_LINGER)
      await systemctl('disable', '--now', UNIT)
      rmSync(file)
      await systemctl('daemon-reload')
      if (!isOurLinger) return []
      const { code, output } = await run('loginctl', ['disable-linger', plan.user])
      return [code === 0 ? 'Lingering is off again.' : `Lingering stays on (${output}): loginctl disable-linger ${plan.user}`]
    },
    start: () => systemctl('start', UNIT),
    stop: () => systemctl('stop', UNIT),
    isActive: async () => (await run('systemctl', ['--user', 'is-active', '--quiet', UNIT])).code === 0,
  }
}
