import type { Plan } from './plan.ts'
import type { Told } from './tally.ts'

/** What history tells of each chat of a plan, over HTTP. */
export const readHistory = async (url: string, plan: Plan): Promise<Map<string, Told[]>> => {
  const chats = plan.chats.map(async ({ id }) => {
    const response = await fetch(`${url}/api/chat/sessions/gw-default-${id}`)
    return [id, response.ok ? ((await response.json()) as Told[]) : []] as const
  })
  return new Map(await Promise.all(chats))
}
