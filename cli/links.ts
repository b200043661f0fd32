/** Calls from the command to a service, each over a link of its own. */
import type { ServiceName } from '../protocol/contract.ts'
import type { Link } from '../protocol/method.ts'
import { openLink, type WireLink } from '../protocol/wire/link.ts'
import type { Settings } from './settings.ts'

/** Opens a link to a service, makes calls over it and closes it, however that went. */
export const withLink = async <T>(
  { run_dir }: Pick<Settings, 'run_dir'>,
  service: ServiceName,
  use: (call: Link, link: WireLink) => Promise<T>,
): Promise<T> => {
  const link = openLink({ run_dir, service })
  try {
    return await use(link.call, link)
  } finally {
    await link.close()
  }
}
