/**
 * What PM2 runs. It is read by PM2's own program, started by `switchboard up`; each service reads its settings itself,
 * from the environment and from the `.env` files, so that nothing secret has to be written here.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('.', import.meta.url))
const home = process.env.SWITCHBOARD_HOME || join(homedir(), '.switchboard')

/**
 * What V8 keeps of memory for speed. Edge, sessions and history are on the way of every word: a nursery of 4 MB, where 16 are
 * usual, costs them nothing that can be measured and saves 20 MB. The others have time: everything is kept small.
 */
const BRISK = '--max-semi-space-size=4'
const SMALL = '--optimize-for-size'
/**
 * V8 puts what is made at a place in the code straight among the old objects when much of it has lived on. Calls and deliveries live for
 * milliseconds; once a burst had such places marked, each dead call kept alive all that it had ever pointed at until the old objects
 * were looked through: three times the time in collections, and a quarter more processor time for a call over the wire.
 */
const NO_EARLY_OLD_AGE = '--no-allocation-site-pretenuring'

/** One service: its PM2 name, its compiled entry and the resident memory above which PM2 restarts it. */
const app = (name, script, maxMemory, memory = SMALL) => ({
  name,
  namespace: 'switchboard',
  script: join(root, 'dist', script),
  cwd: root,
  interpreter: process.execPath,
  node_args: ['--enable-source-maps', NO_EARLY_OLD_AGE, memory],
  // Cluster mode would hide sockets from ZeroMQ and uWebSockets.js; each service is one process by design.
  exec_mode: 'fork',
  instances: 1,
  // "ready" is sent after bind, so `up` knows that whoever is listed as online can be asked.
  wait_ready: true,
  listen_timeout: 20_000,
  // Above the 8 s within which a service finishes what it has begun.
  kill_timeout: 12_000,
  // PM2 signals the service alone: what a service started it ends itself, and agents outlive it on purpose.
  treekill: false,
  exp_backoff_restart_delay: 100,
  // A service that cannot start is tried again for good, at most every 15 s: its disk or its neighbour may come back.
  max_restarts: 1_000_000,
  max_memory_restart: process.env[`${name.toUpperCase()}_MAX_MEMORY`] || maxMemory,
  out_file: join(home, 'logs', `${name}.log`),
  error_file: join(home, 'logs', `${name}.log`),
  merge_logs: true,
  // No reading of the git repository and no probe of PM2's inside our processes.
  vizion: false,
  pmx: false,
})

export const apps = [
  app('edge', 'gateway-edge/main.js', '300M', BRISK),
  app('sessions', 'services/sessions/main.js', '400M', BRISK),
  app('scheduler', 'services/scheduler/main.js', '300M'),
  app('history', 'services/history/main.js', '500M', BRISK),
  app('memory', 'services/memory/main.js', '600M'),
  app('metrics', 'services/metrics/main.js', '300M'),
  app('reports', 'services/reports/main.js', '300M'),
]
