'use server'

import { cookies, headers } from 'next/headers'
import { notFound, redirect } from 'next/navigation'
import { applicationOf } from '../../application.js'

/** Tests create the applications. Other code writes `export const signOut = action(…)`. */
const action =
  (act, require) =>
  async (...args) =>
    applicationOf(await headers()).action(act, require)(...args)

export const signIn = action(async (session, form) => {
  await session.create({ userId: form.get('user') })
  redirect('/page')
})

export const signOut = action((session) => session.revoke())

export const signInHere = action(async (session) => {
  await session.create({ userId: 'anna' })
})

export const signInThenNotFound = action(async (session) => {
  await session.create({ userId: 'anna' })
  notFound()
})

export const switchUser = action(async (session) => {
  await session.create({ userId: 'berta' })
  redirect('/page')
})

export const redirectToPage = action(() => redirect('/page'))

export const whoAmI = action((session) => `acting:${session.userId}`, {})

export const pay = action(() => 'paid', { maxAuthAge: 60 })

export const transfer = action((session) => `acting:${session.userId}`, { lookup: true })

export const chooseTheme = action(async (session) => {
  const jar = await cookies()
  jar.set('theme', 'dark')
  return `acting:${session.userId}`
})

export const signInNested = action(async (session) => {
  await signInHere()
  const before = session.userId
  await switchUserHere()
  return `acting:${before},${session.userId}`
})

export const switchUserHere = action(async (session) => {
  await session.create({ userId: 'berta' })
})

export const payNested = action(() => pay())
