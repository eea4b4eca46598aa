export const POST = async ({ locals: { session } }) =>
  Response.json(await session.create({ userId: 'anna', claims: { role: 'admin' } }))
