/** What the programs of this Switchboard would have against settings, so that none is written that keeps one from starting. */
import { z } from 'zod'
import { EnvError, type EnvFault, type EnvSource, parseEnv } from '../../services/runtime/env.ts'
import { BackupEnv } from '../backup/settings.ts'
import { env as commandEnv } from '../settings.ts'

/** The programs that have settings of their own; each declares them in its `settings.ts`. */
const PROGRAMS = [
  'gateway-edge',
  'mcp',
  'services/memory',
  'services/metrics',
  'services/reports',
  'services/scheduler',
  'services/sessions',
] as const

/** Asked as they are compiled, when it is needed: the command takes no part in what the services are made of. */
const schemaOf = async (program: string): Promise<z.ZodObject> => {
  const { Settings } = (await import(new URL(`../../${program}/settings.js`, import.meta.url).href)) as { Settings: unknown }
  if (!(Settings instanceof z.ZodObject)) throw new Error(`${program}/settings declares no settings`)
  return Settings
}

const faultsOf = (schema: z.ZodObject, source: EnvSource): readonly EnvFault[] => {
  try {
    parseEnv(schema, source)
    return []
  } catch (error) {
    if (!(error instanceof EnvError)) throw error
    return error.faults
  }
}

/** Every schema by which some program reads its settings. */
export const readSchemas = async (): Promise<z.ZodObject[]> => [
  commandEnv,
  BackupEnv,
  ...(await Promise.all(PROGRAMS.map(schemaOf))),
]

/**
 * Which of these settings a program would refuse, after the next restart. @param places our home and checkout, whose `.env` say the rest
 * @returns by its name what each must be; never a value
 */
export const refusedSettings = async (
  given: Readonly<Record<string, string>>,
  { home, root }: { readonly home: string; readonly root: string },
): Promise<ReadonlyMap<string, string>> => {
  const schemas = await readSchemas()
  const refused = new Map<string, string>()
  // Again after each round: rules for several settings together are asked only where each of them alone is right.
  for (let before = -1; before < refused.size; ) {
    before = refused.size
    const left = Object.fromEntries(Object.entries(given).filter(([name]) => !refused.has(name)))
    const source = { environment: { ...left, SWITCHBOARD_HOME: home }, root }
    for (const { name, problem } of schemas.flatMap((schema) => faultsOf(schema, source)))
      if (Object.hasOwn(left, name)) refused.set(name, problem)
  }
  return refused
}
