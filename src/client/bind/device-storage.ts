/** Keeps values by name, for all tabs of an origin. Every method may reject, or never settle. */
export interface DeviceStorage {
  get(name: string): Promise<unknown>
  /** Undefined removes the value. */
  set(name: string, value: unknown): Promise<unknown>
  /** Rejects if there is a value: of several tabs, the first one wins. */
  add(name: string, value: unknown): Promise<unknown>
}

/** Name of the database and of its object store. `http/proving-page.ts` reads the value `key`, too. */
const NAME = 'pawl-device'

/** Each call opens the database: an open connection can break, blocks its deletion, and may block the back/forward cache. */
export const indexedDatabase: DeviceStorage = {
  get: (name) => transact('readonly', (store) => store.get(name)),
  set: (name, value) =>
    transact('readwrite', (store) => (value ? store.put(value, name) : store.delete(name))),
  add: (name, value) => transact('readwrite', (store) => store.add(value, name)),
}

function transact(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME)
    opening.onupgradeneeded = () => opening.result.createObjectStore(NAME)
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const database = opening.result
      try {
        // A key that the server knows must survive a crash.
        const transaction = database.transaction(NAME, mode, { durability: 'strict' })
        const request = use(transaction.objectStore(NAME))
        transaction.oncomplete = () => resolve(request.result)
        transaction.onabort = () => reject(transaction.error)
      } catch (error) {
        reject(error)
      }
      // Waits for the transaction.
      database.close()
    }
  })
}
