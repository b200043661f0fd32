/** The processes of a run: they carry its nonce (services/runtime/marked-processes.ts). */
import { markedBy } from '../../runtime/marked-processes.ts'

/** Carries the nonce to all that a command starts. */
export const RUN_VARIABLE = 'SWITCHBOARD_RUN'

export const { isRunner, processesOf } = markedBy(RUN_VARIABLE)
