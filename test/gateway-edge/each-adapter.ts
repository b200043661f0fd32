/** Every test of the edge runs once for each server; its title names which. */
import { test as nodeTest, type TestContext } from 'node:test'
import { openNodeServer } from '../../gateway-edge/server/node.ts'
import { chooseServer } from '../../gateway-edge/server/open.ts'
import type { OpenServer } from '../../gateway-edge/server/server.ts'
import { openUwsServer } from '../../gateway-edge/server/uws.ts'
import type { Scope } from '../harness.ts'

export const ADAPTERS = { uws: openUwsServer, node: openNodeServer } as const satisfies Record<string, OpenServer>
export type AdapterName = keyof typeof ADAPTERS

/** Where uWebSockets.js has no binary, its tests cannot run. */
const hasUws = chooseServer('auto') === openUwsServer

const running = new WeakMap<Scope, AdapterName>()

/** As `test` of node:test, once for each server: `guard - …` becomes `guard uws - …` and `guard node - …`. */
export const test = (title: string, run: (t: TestContext, adapter: AdapterName) => Promise<void> | void): void => {
  for (const adapter of Object.keys(ADAPTERS) as AdapterName[]) {
    const skip = adapter === 'uws' && !hasUws
    void nodeTest(title.replace(' - ', ` ${adapter} - `), { skip }, async (t) => {
      running.set(t, adapter)
      await run(t, adapter)
    })
  }
}

/** Which server the test runs for. */
export const adapterOf = (t: Scope): AdapterName => running.get(t) ?? (hasUws ? 'uws' : 'node')
