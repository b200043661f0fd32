/** The processes of a step: they carry its nonce (services/runtime/marked-processes.ts). */
import { markedBy } from '../../runtime/marked-processes.ts'

/** Carries the nonce to all that a program starts. */
export const STEP_VARIABLE = 'SWITCHBOARD_REPORT'

export const { isRunner, processesOf } = markedBy(STEP_VARIABLE)
