/** The service of the system: what systemd and launchd are told. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { parse } from 'plist'
import { findingOf } from '../../cli/doctor/service.ts'
import { managerFor } from '../../cli/service/choice.ts'
import { createLaunchd, LABEL, plistOf } from '../../cli/service/launchd.ts'
import { type Ask, ask, heldBack, installedNode, isInstalled } from '../../cli/service/manager.ts'
import type { Plan } from '../../cli/service/plan.ts'
import { createSystemd, UNIT, unitOf } from '../../cli/service/systemd.ts'
import { checkLeaks, type Scope, tempDir } from '../harness.ts'

checkLeaks()

const planIn = (folder: string, more: Partial<Plan> = {}): Plan => ({
  node: '/opt/node/bin/node',
  root: '/srv/switchboard',
  home: '/srv/home/.switchboard',
  logs_dir: '/srv/home/.switchboard/logs',
  path: '/opt/node/bin:/usr/bin',
  user: 'anna',
  uid: 501,
  user_home: folder,
  config_dir: path.join(folder, '.config'),
  ...more,
})

/** Everything that is special to a shell, to systemd or to XML. */
const HOSTILE: Partial<Plan> = {
  node: '/opt/no de/50%/$x/"q"/\\b/node',
  root: "/srv/check out/50%$HOME/it's<&>",
  home: '/srv/ho me/50%/<&>"',
  path: '/usr/bin:/opt/a b/%i',
}

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0
for (const [name, more] of Object.entries({ ordinary: {}, hostile: HOSTILE })) {
  test(`service - systemd finds no fault with the unit, with ${name} paths`, {
    skip: !hasAnalyze && 'no systemd-analyze',
  }, (t) => {
    const folder = tempDir(t)
    const file = path.join(folder, UNIT)
    const verify = () =>
      spawnSync('systemd-analyze', ['--user', 'verify', file], {
        encoding: 'utf8',
        env: { ...process.env, XDG_RUNTIME_DIR: folder },
      })
    writeFileSync(file, unitOf(planIn(folder, more)))
    const { stdout, stderr, status } = verify()
    assert.deepEqual([status, stdout, stderr], [0, '', ''])
    writeFileSync(file, unitOf(planIn(folder, more)).replace('KillMode=process', 'KillMode=procss'))
    assert.match(verify().stderr, /kill mode/)
  })
}

test('service - the unit ends PM2 alone, lets a hungry agent die alone, and comes back always', (t) => {
  const lines = unitOf(planIn(tempDir(t))).split('\n')
  for (const line of [
    'ExecStart=/bin/sh "/srv/switchboard/cli/service/start.sh" "/opt/node/bin/node" "/srv/switchboard"',
    'Environment="SWITCHBOARD_HOME=/srv/home/.switchboard"',
    'Environment="PATH=/opt/node/bin:/usr/bin"',
    'KillMode=process',
    'OOMPolicy=continue',
    'Restart=always',
    'StartLimitIntervalSec=0',
    'UMask=0077',
    'WantedBy=default.target',
  ])
    assert.ok(lines.includes(line), line)
})

for (const more of [{}, HOSTILE]) {
  test(`service - the plist says just this, read by another program${more === HOSTILE ? ', with hostile paths' : ''}`, (t) => {
    const plan = planIn(tempDir(t), more)
    assert.deepEqual(parse(plistOf(plan)), {
      Label: 'local.switchboard',
      ProgramArguments: ['/bin/sh', path.join(plan.root, 'cli/service/start.sh'), plan.node, plan.root],
      WorkingDirectory: plan.root,
      EnvironmentVariables: { SWITCHBOARD_HOME: plan.home, PATH: plan.path },
      RunAtLoad: true,
      KeepAlive: true,
      AbandonProcessGroup: true,
      ThrottleInterval: 10,
      ExitTimeOut: 40,
      Umask: 0o077,
      StandardOutPath: '/srv/home/.switchboard/logs/service.log',
      StandardErrorPath: '/srv/home/.switchboard/logs/service.log',
    })
  })
}

/** Programs that write down how they were called, and end as `fail` says. */
const standIns = (t: Scope, names: readonly string[]) => {
  const folder = tempDir(t)
  const journal = path.join(folder, 'journal')
  const fails = path.join(folder, 'fails')
  writeFileSync(journal, '')
  writeFileSync(fails, '')
  for (const name of names) {
    const file = path.join(folder, name)
    const call = `${name} $*`
    writeFileSync(
      file,
      `#!/bin/sh\nprintf '%s\\n' "${call}" >>'${journal}'\nif grep -qxF "${call}" '${fails}'; then echo "refused"; exit 3; fi\n`,
    )
    chmodSync(file, 0o755)
  }
  const run: Ask = (command, args) => ask(path.join(folder, command), args)
  return {
    folder,
    run,
    calls: (): string[] => readFileSync(journal, 'utf8').split('\n').filter(Boolean),
    forget: () => writeFileSync(journal, ''),
    fail: (...calls: string[]) => writeFileSync(fails, calls.join('\n')),
  }
}

test('service - systemd: installed, enabled, lingering; uninstalled without a trace', async (t) => {
  const folder = tempDir(t)
  const programs = standIns(t, ['systemctl', 'loginctl'])
  const manager = createSystemd(planIn(folder), programs.run, { linger_dir: path.join(folder, 'linger') })
  assert.ok(!isInstalled(manager))
  assert.match((await manager.install()).join('\n'), /Lingering is on/)
  assert.deepEqual(programs.calls(), [
    'systemctl --user show-environment',
    'loginctl enable-linger anna',
    'systemctl --user daemon-reload',
    'systemctl --user enable switchboard.service',
    'systemctl --user restart switchboard.service',
  ])
  assert.ok(isInstalled(manager))
  assert.equal(manager.file, path.join(folder, '.config/systemd/user/switchboard.service'))
  const elsewhere = createSystemd(planIn(folder, { home: '/srv/home/.switchboard-2' }), programs.run)
  assert.ok(!isInstalled(elsewhere), 'the unit of another home is not ours')
  programs.forget()
  assert.deepEqual(await manager.uninstall(), ['Lingering is off again.'])
  assert.deepEqual(programs.calls(), [
    'systemctl --user disable --now switchboard.service',
    'systemctl --user daemon-reload',
    'loginctl disable-linger anna',
  ])
  assert.ok(!existsSync(manager.file))
})

test('service - systemd: lingering that was on before stays on; where it is refused, it is said how', async (t) => {
  const folder = tempDir(t)
  const programs = standIns(t, ['systemctl', 'loginctl'])
  const linger = path.join(folder, 'linger')
  const manager = createSystemd(planIn(folder), programs.run, { linger_dir: linger })
  programs.fail('loginctl enable-linger anna')
  assert.match((await manager.install()).join('\n'), /sudo loginctl enable-linger anna/)
  await manager.uninstall()
  assert.ok(!programs.calls().includes('loginctl disable-linger anna'))
  mkdirSync(linger)
  writeFileSync(path.join(linger, 'anna'), '')
  programs.forget()
  programs.fail()
  assert.deepEqual(await manager.install(), [])
  await manager.uninstall()
  assert.ok(!programs.calls().some((call) => call.startsWith('loginctl')))
})

test('service - systemd: what it refuses is told with its words', async (t) => {
  const programs = standIns(t, ['systemctl', 'loginctl'])
  const manager = createSystemd(planIn(tempDir(t)), programs.run)
  programs.fail('systemctl --user enable switchboard.service')
  await assert.rejects(manager.install(), /systemctl --user enable switchboard\.service failed: refused/)
  const without = createSystemd(planIn(tempDir(t)), async (command) => ({ code: null, output: `${command} is not there` }))
  await assert.rejects(without.install(), /systemctl is not there/)
})

const NO_BUS = 'systemctl --user show-environment'

test('service - systemd: where it cannot be asked nothing is written, and a unit that lies there goes all the same', async (t) => {
  const folder = tempDir(t)
  const programs = standIns(t, ['systemctl', 'loginctl'])
  const manager = createSystemd(planIn(folder), programs.run, { linger_dir: path.join(folder, 'linger') })
  programs.fail(NO_BUS)
  await assert.rejects(manager.install(), /systemd of anna cannot be asked from here \(refused\)\. Log in as anna directly/)
  assert.deepEqual(programs.calls(), [NO_BUS], 'lingering is as it was')
  assert.ok(!existsSync(manager.file))

  programs.fail()
  await manager.install()
  const wants = path.join(path.dirname(manager.file), 'default.target.wants', UNIT)
  mkdirSync(path.dirname(wants))
  symlinkSync(manager.file, wants)
  programs.fail(NO_BUS, 'systemctl --user disable --now switchboard.service', 'systemctl --user daemon-reload')
  await assert.rejects(manager.start(), /npx switchboard service uninstall/)
  assert.match((await manager.uninstall()).join('\n'), /could not be told \(refused\); the unit is gone all the same/)
  assert.ok(!existsSync(manager.file))
  assert.equal(lstatSync(wants, { throwIfNoEntry: false }), undefined)
})

test('service - a manager that refuses a first install leaves no unit, one that refuses a second leaves the first', async (t) => {
  const folder = tempDir(t)
  const programs = standIns(t, ['systemctl', 'loginctl', 'launchctl'])
  const systemd = createSystemd(planIn(folder), programs.run, { linger_dir: path.join(folder, 'linger') })
  const launchd = createLaunchd(planIn(folder), programs.run)
  const target = `gui/501/${LABEL}`
  const refused = [`launchctl print ${target}`, `launchctl bootstrap gui/501 ${launchd.file}`]
  for (const [manager, ...fails] of [
    [systemd, 'systemctl --user restart switchboard.service'],
    [launchd, ...refused],
  ] as const) {
    programs.fail(...fails)
    await assert.rejects(manager.install(), /refused/)
    assert.ok(!existsSync(manager.file), manager.name)
    programs.fail(`launchctl print ${target}`)
    await manager.install()
    programs.fail(...fails)
    await assert.rejects(manager.install(), /refused/)
    assert.ok(isInstalled(manager), manager.name)
  }
  assert.ok(programs.calls().includes('loginctl disable-linger anna'))
})

test('service - a PM2 of the unit is not ended where systemd cannot be asked, one that was started by hand is', async (t) => {
  const programs = standIns(t, ['systemctl', 'loginctl'])
  const groupOf = (pid: number): string =>
    pid === 7 ? '0::/user.slice/user-501.slice/user@501.service/app.slice/switchboard.service\n' : '0::/init.scope\n'
  const manager = createSystemd(planIn(tempDir(t)), programs.run, { groupOf })
  assert.equal(await heldBack(manager, 7), null)
  programs.fail(NO_BUS)
  assert.match((await heldBack(manager, 7)) ?? '', /Log in as anna directly/)
  for (const pid of [8, null]) assert.equal(await heldBack(manager, pid), null)
  assert.equal(await heldBack(null, 7), null)
})

test('service - launchd: loaded into the domain of the user, taken out, and loaded anew by a second install', async (t) => {
  const folder = tempDir(t)
  const programs = standIns(t, ['launchctl'])
  const manager = createLaunchd(planIn(folder), programs.run)
  const target = `gui/501/${LABEL}`
  programs.fail(`launchctl print ${target}`)
  await manager.install()
  assert.deepEqual(programs.calls(), [
    `launchctl print ${target}`,
    `launchctl print ${target}`,
    `launchctl enable ${target}`,
    `launchctl bootstrap gui/501 ${manager.file}`,
  ])
  assert.equal(manager.file, path.join(folder, `Library/LaunchAgents/${LABEL}.plist`))
  assert.ok(isInstalled(manager))
  assert.equal(await manager.isActive(), false)
  programs.fail()
  assert.equal(await manager.isActive(), true)
  programs.forget()
  await manager.start()
  assert.deepEqual(programs.calls(), [`launchctl print ${target}`], 'what is loaded is not loaded again')
  programs.forget()
  await manager.uninstall()
  assert.deepEqual(programs.calls(), [`launchctl print ${target}`, `launchctl bootout ${target}`])
  assert.ok(!existsSync(manager.file))
})

test('service - both tell which Node.js they were installed with', async (t) => {
  for (const more of [{}, HOSTILE]) {
    for (const platform of ['linux', 'darwin'] as const) {
      const programs = standIns(t, ['systemctl', 'loginctl', 'launchctl'])
      const plan = planIn(tempDir(t), more)
      const manager = managerFor(platform, plan, programs.run)
      assert.ok(manager)
      assert.equal(installedNode(manager), null)
      programs.fail(`launchctl print gui/501/${LABEL}`)
      await manager.install()
      assert.equal(installedNode(manager), plan.node, platform)
      assert.ok(isInstalled(manager), platform)
    }
  }
  assert.equal(managerFor('win32', planIn('/nowhere')), null)
})

test('service - the doctor: not installed, running, stopped, and with a Node.js that is gone', async (t) => {
  const programs = standIns(t, ['systemctl', 'loginctl'])
  const folder = tempDir(t)
  const node = path.join(folder, 'node')
  symlinkSync(process.execPath, node)
  const manager = createSystemd(planIn(folder, { node }), programs.run)
  assert.equal((await findingOf(null)).state, 'ok')
  assert.equal((await findingOf(manager)).state, 'ok')
  await manager.install()
  assert.match((await findingOf(manager)).what, /installed and running/)
  programs.fail('systemctl --user is-active --quiet switchboard.service')
  assert.equal((await findingOf(manager)).state, 'fail')
  programs.fail('systemctl --user is-active --quiet switchboard.service', NO_BUS)
  assert.match((await findingOf(manager)).what, /cannot be seen from here/)
  programs.fail('systemctl --user is-active --quiet switchboard.service')
  const gone = createSystemd(planIn(folder, { node: path.join(folder, 'no-node') }), programs.run)
  await gone.install()
  assert.equal((await findingOf(gone)).state, 'warn')
})
