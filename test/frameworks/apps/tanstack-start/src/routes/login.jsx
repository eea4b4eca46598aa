import { createFileRoute } from '@tanstack/react-router'

export const Route = createFileRoute('/login')({
  server: {
    handlers: {
      POST: async ({ context: { session } }) =>
        Response.json(await session.create({ userId: 'anna', claims: { role: 'admin' } })),
    },
  },
})
