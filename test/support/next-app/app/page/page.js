// biome-ignore-all lint/style/noDefaultExport: Next asks for it

import { headers } from 'next/headers'
import { applicationOf } from '../../application.js'
import { signIn, signOut } from './actions.js'

const userOf = async () => (await applicationOf(await headers()).read())?.userId ?? 'nobody'

export async function generateMetadata() {
  return { title: `title:${await userOf()}` }
}

export default async function Page() {
  return (
    <main>
      <b>{`user:${await userOf()}`}</b>
      <form action={signIn} id="sign-in" />
      <form action={signOut} id="sign-out" />
    </main>
  )
}
