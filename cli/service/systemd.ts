/**
 * A unit of the user's own systemd.
 *
 * `KillMode=process`: only PM2 is signalled, which ends the services in order; agents stay and finish their turns.
 * `OOMPolicy=continue`: an agent that is killed for its memory takes nobody with it. Lingering has it run without a login.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readProc } from '../../services/runtime/process.ts'
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

export interface SystemdPlaces {
  /** Where systemd keeps whose services run without a login. */
  readonly linger_dir?: string
  /** The group of processes that systemd has put a process into. */
  readonly groupOf?: (pid: number) => string
}

export const createSystemd = (plan: Plan, run: Ask, places: SystemdPlaces = {}): Manager => {
  const { linger_dir = '/var/lib/systemd/linger', groupOf = (pid) => readProc(pid, 'cgroup') ?? '' } = places
  const file = join(plan.config_dir, 'systemd', 'user', UNIT)
  const systemctl = (...args: string[]): Promise<void> => demand(run, 'systemctl', ['--user', ...args])

  const unreachable = async (): Promise<string | null> => {
    const { code, output } = await run('systemctl', ['--user', 'show-environment'])
    if (code === 0) return null
    return `The systemd of ${plan.user} cannot be asked from here (${output}). Log in as ${plan.user} directly (ssh, machinectl shell ${plan.user}@) and not by su or sudo, or set XDG_RUNTIME_DIR=/run/user/${plan.uid}. Where no systemd runs (a container), nothing can be installed: npx switchboard service uninstall, npm start.`
  }

  /** A session that was not begun by systemd (su, sudo, a container) does not reach it. */
  const reach = async (): Promise<void> => {
    const fault = await unreachable()
    if (fault !== null) throw new Error(fault)
  }

  /** Also where systemd cannot be told: a unit whose file stays would stand in the way of a start by hand. */
  const takeAway = async (): Promise<string[]> => {
    const isOurLinger = readFileSync(file, 'utf8').includes(OUR_LINGER)
    const disabled = await run('systemctl', ['--user', 'disable', '--now', UNIT])
    rmSync(file)
    rmSync(join(dirname(file), 'default.target.wants', UNIT), { force: true })
    const reloaded = await run('systemctl', ['--user', 'daemon-reload'])
    const told = [disabled, reloaded].flatMap(({ code, output }) =>
      code === 0 ? [] : [`systemd could not be told (${output}); the unit is gone all the same.`],
    )
    if (!isOurLinger) return told
    const { code, output } = await run('loginctl', ['disable-linger', plan.user])
    return [
      ...told,
      code === 0 ? 'Lingering is off again.' : `Lingering stays on (${output}): loginctl disable-linger ${plan.user}`,
    ]
  }

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
      await reach()
      const wasThere = existsSync(file)
      const { note, told } = await linger()
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, unitOf(plan, note))
      try {
        await systemctl('daemon-reload')
        await systemctl('enable', UNIT)
        await systemctl('restart', UNIT)
        return told
      } catch (error) {
        if (!wasThere) await takeAway()
        throw error
      }
    },
    uninstall: takeAway,
    start: async () => {
      await reach()
      await systemctl('start', UNIT)
    },
    stop: () => systemctl('stop', UNIT),
    isActive: async () => (await run('systemctl', ['--user', 'is-active', '--quiet', UNIT])).code === 0,
    unreachable,
    holds: (pid) => groupOf(pid).includes(`/${UNIT}`),
  }
}
