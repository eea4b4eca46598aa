'use server'

import { redirect } from 'next/navigation'
import { userNamed } from '../../page.ts'
import { action } from '../sessions.ts'

export const signIn = action(async (session, form) => {
  const user = userNamed({ name: form.get('name') })
  if (user !== null) await session.create({ userId: user.id, claims: { name: user.name } })
  redirect('/')
})

export const signOut = action(async (session) => {
  await session.revoke()
  redirect('/')
})
