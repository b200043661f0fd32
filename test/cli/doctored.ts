/** Surroundings for the doctor: a real home in a temporary folder, and programs and servers that answer what a test says. */
import { chmodSync } from 'node:fs'
import path from 'node:path'
import { databasesOf, type Ended, type Surroundings } from '../../cli/doctor/surroundings.ts'
import type { App } from '../../cli/pm2.ts'
import { SERVICES } from '../../cli/settings.ts'
import { openHome } from '../../services/runtime/home.ts'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { type Scope, tempDir } from '../harness.ts'

export const root = packageRoot(import.meta.url)

/** An application as PM2 lists it. */
export const app = (name: string, more: Partial<App> = {}): App => ({
  id: 0,
  name,
  namespace: 'switchboard',
  pid: 1,
  status: 'online',
  restarts: 0,
  started_at: 0,
  memory_bytes: 0,
  memory_limit_bytes: null,
  cwd: root,
  ...more,
})

/** What is the same on every machine where nothing is installed, nothing runs, and the disk is large. */
export const surroundings = (t: Scope, more: Partial<Surroundings> = {}): Surroundings => {
  const folder = tempDir(t)
  const home = openHome(path.join(folder, 'home'))
  chmodSync(home.root, 0o700)
  return {
    settings: {
      root,
      home: home.root,
      run_dir: home.run,
      logs_dir: home.logs,
      pm2_home: path.join(home.root, 'pm2'),
      host: '127.0.0.1',
      port: 8_000,
      url: 'http://127.0.0.1:8000',
      services: SERVICES,
      ecosystem: {},
    },
    env: {
      SWITCHBOARD_HOME: home.root,
      LOG_LEVEL: 'info',
      GATEWAY_SESSION_DIR: path.join(folder, 'chats'),
      GATEWAY_MIN_FREE_DISK_MB: 1_024,
      BACKUP_EVERY_HOURS: 24,
      CLAUDE_PERMISSION_MODE: 'bypassPermissions',
      EMBEDDINGS: 'auto',
      OLLAMA_BASE_URL: 'http://127.0.0.1:9',
      OLLAMA_EMBED_MODEL: 'nomic-embed-text',
    },
    environment: {},
    platform: 'linux',
    node_version: '20.18.0',
    uid: process.getuid?.(),
    user_home: folder,
    pm2: { daemonPid: () => null, list: async () => [] },
    databases: databasesOf(root, home.root),
    now: Date.now,
    onPath: () => null,
    run: async () => null,
    fetchJson: async () => {
      throw new Error('nobody answers')
    },
    isListening: async () => false,
    answers: async () => false,
    freeDiskMb: () => 100_000,
    ...more,
  }
}

/** `run` of surroundings in which just this program answers, and that with the given words. */
export const answering =
  (program: string, output: string, code: number | null = 0) =>
  async (command: string): Promise<Ended | null> =>
    path.basename(command) === program ? { code, output } : null
