import type { PoolLike } from './pg-pool.ts'

interface Watched {
  readonly listeners: Set<() => void>
  readonly onError: () => void
}

const watchedPools = new WeakMap<PoolLike, Watched>()

/**
 * Calls back when a pool loses an idle connection. All stores on one pool share one listener of the pool, because Node.js
 * warns of more than ten.
 * @returns a function that removes the callback
 */
export function watchPoolErrors(pool: PoolLike, callback: () => void): () => void {
  let watched = watchedPools.get(pool)
  if (watched === undefined) {
    const listeners = new Set<() => void>()
    watched = {
      listeners,
      onError() {
        for (const listener of listeners) listener()
      },
    }
    watchedPools.set(pool, watched)
  }
  const { listeners, onError } = watched
  if (listeners.size === 0) pool.on?.('error', onError)
  listeners.add(callback)
  return () => {
    if (listeners.delete(callback) && listeners.size === 0) pool.off?.('error', onError)
  }
}
