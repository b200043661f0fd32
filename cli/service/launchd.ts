/**
 * An agent of the user's launchd, on macOS.
 *
 * `AbandonProcessGroup`: what is left when PM2 has ended is let be; agents finish their turns. `KeepAlive` starts it again
 * whatever its end was.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Ask, demand, type Manager } from './manager.ts'
import { type Plan, starterOf } from './plan.ts'

export const LABEL = 'local.switchboard'

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const string = (text: string): string => `<string>${escaped(text)}</string>`

const homeEntry = ({ home }: Plan): string => `<key>SWITCHBOARD_HOME</key>\n    ${string(home)}`

export const plistOf = (plan: Plan): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  ${string(LABEL)}
  <key>ProgramArguments</key>
  <array>
    ${string('/bin/sh')}
    ${string(starterOf(plan))}
    ${string(plan.node)}
    ${string(plan.root)}
  </array>
  <key>WorkingDirectory</key>
  ${string(plan.root)}
  <key>EnvironmentVariables</key>
  <dict>
    ${homeEntry(plan)}
    <key>PATH</key>
    ${string(plan.path)}
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>AbandonProcessGroup</key>
  <true/>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>ExitTimeOut</key>
  <integer>40</integer>
  <key>Umask</key>
  <integer>${0o077}</integer>
  <key>StandardOutPath</key>
  ${string(join(plan.logs_dir, 'service.log'))}
  <key>StandardErrorPath</key>
  ${string(join(plan.logs_dir, 'service.log'))}
</dict>
</plist>
`

export const createLaunchd = (plan: Plan, run: Ask): Manager => {
  const file = join(plan.user_home, 'Library', 'LaunchAgents', `${LABEL}.plist`)
  const domain = `gui/${plan.uid}`
  const target = `${domain}/${LABEL}`
  const isActive = async (): Promise<boolean> => (await run('launchctl', ['print', target])).code === 0
  const stop = async (): Promise<void> => {
    if (await isActive()) await demand(run, 'launchctl', ['bootout', target])
  }
  const start = async (): Promise<void> => {
    if (await isActive()) return
    // One that was disabled by hand would be loaded and never run.
    await demand(run, 'launchctl', ['enable', target])
    await demand(run, 'launchctl', ['bootstrap', domain, file])
  }
  return {
    name: 'launchd',
    file,
    marker: homeEntry(plan),
    nodeIn: (text) => {
      const [, third] = /start\.sh<\/string>\s*<string>([^<]*)</.exec(text) ?? []
      return third?.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&') ?? null
    },
    render: () => plistOf(plan),
    install: async () => {
      await stop()
      const wasThere = existsSync(file)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, plistOf(plan))
      try {
        await start()
        return []
      } catch (error) {
        // It would stand in the way of a start by hand.
        if (!wasThere) rmSync(file)
        throw error
      }
    },
    uninstall: async () => {
      await stop()
      rmSync(file)
      return []
    },
    start,
    stop,
    isActive,
    // What does not answer has nothing loaded: it is asked for that alone.
    unreachable: async () => null,
    holds: () => false,
  }
}
