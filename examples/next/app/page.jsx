// biome-ignore-all lint/style/noDefaultExport: required by Next

import { read } from '../sessions.ts'
import { signIn, signOut } from './actions.js'

export default async function Page() {
  const session = await read()
  return (
    <main>
      <h1>Pawl</h1>
      {session === null ? <SignIn /> : <Greeting name={session.claims.name} />}
    </main>
  )
}

function SignIn() {
  return (
    <form action={signIn}>
      <label>
        Name <input name="name" defaultValue="anna" required maxLength={40} />
      </label>{' '}
      <button type="submit">Sign in</button>
    </form>
  )
}

function Greeting({ name }) {
  return (
    <>
      <p>
        Hello <b>{name}</b>. <a href="/me">/me</a>
      </p>
      <form action={signOut}>
        <button type="submit">Sign out</button>
      </form>
    </>
  )
}
