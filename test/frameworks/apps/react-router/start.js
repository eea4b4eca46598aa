import { serve } from '@hono/node-server'
import { answer } from './build/server/index.js'

serve({ fetch: (request) => answer(request), port: Number(process.env.PORT), hostname: 'localhost' })
