/** A second connection to a database of this process, which only reads. */
import Database from 'better-sqlite3'
import * as sqliteVec from 'sqlite-vec'

/**
 * Random reads of vectors: what is mapped needs no copy. But what is mapped counts as resident, and PM2 restarts a service by its
 * resident memory: a map of the whole file would have it restarted again and again once the file is large.
 */
const MMAP_BYTES = 64 * 1024 ** 2

/**
 * Pages that are kept: room for the upper levels of the tables of a million vectors, 11 MB, through which each of the 200 reads of a
 * search goes. It fills as they are needed; with SQLite's 2 MB such a search took 63 instead of 52 ms.
 */
const CACHE_KB = 16_000

/** Opens a database that this process has open for writing, with the functions of sqlite-vec. */
export const openReader = (path: string): Database.Database => {
  const database = new Database(path, { readonly: true, timeout: 5_000 })
  try {
    sqliteVec.load(database)
    database.pragma(`mmap_size = ${MMAP_BYTES}`)
    database.pragma(`cache_size = -${CACHE_KB}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
