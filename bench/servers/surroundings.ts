import { startCore } from '../../test/support/supertokens-core.ts'
import { type Redis, startRedis } from '../harness/redis.ts'
import { COMPARED, type Compared } from './compared.ts'
import type { Surroundings } from './contender.ts'

/** What the compared servers need, and those of them that can run here. */
export async function openSurroundings(database: string): Promise<{
  surroundings: Surroundings
  contenders: readonly Compared[]
  redis: Redis | null
  close(): Promise<void>
}> {
  const redis = await startRedis()
  if (redis === null) console.error('redis-server is not installed, so nothing is compared with Redis.')
  const core = await startCore()
  return {
    surroundings: { database, redis: redis?.url, core: core.url },
    contenders: COMPARED.filter(({ needs }) => needs !== 'redis' || redis !== null),
    redis,
    async close() {
      await redis?.stop()
      await core.close()
    },
  }
}
