/** Where a service is found: two ipc sockets in the run folder, whose mode (0700) is what keeps strangers out. */
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { ServiceError } from '../errors.ts'

/** The shortest limit among our systems (macOS: 104 bytes with the final NUL; Linux: 108). A longer path would be cut silently. */
const MAX_PATH_BYTES = 103

const ipcAddress = (runDir: string, file: string): string => {
  const full = path.resolve(runDir, file)
  if (Buffer.byteLength(full) > MAX_PATH_BYTES) {
    throw new ServiceError(
      'invalid_input',
      `The socket path ${full} is longer than the ${MAX_PATH_BYTES} bytes a system allows; choose a shorter SWITCHBOARD_HOME`,
    )
  }
  return `ipc://${full}`
}

/** Where the service answers calls. Throws `invalid_input` when the path is longer than a socket's may be. */
export const socketAddress = (runDir: string, service: string): string => ipcAddress(runDir, `${service}.sock`)

/** Where the service publishes its topics. */
export const busAddress = (runDir: string, service: string): string => ipcAddress(runDir, `${service}.pub`)

/** Takes the file of a bound address away, which ZeroMQ leaves. Only for who holds the lock: it may be the next one's. */
export const removeAddress = async (address: string): Promise<void> => await rm(address.slice('ipc://'.length), { force: true })
