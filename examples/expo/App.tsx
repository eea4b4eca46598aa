import * as SecureStore from 'expo-secure-store'
import { checkWhenActive } from 'pawl/client/native'
import { SessionProvider, useSession, useSessionClient } from 'pawl/react'
import { type ReactNode, useEffect, useState } from 'react'
import { AppState, Button, Text, TextInput, View } from 'react-native'
import { createSession, signIn, type User } from './session.ts'

/** The address of the computer that runs `npm run example -- express`, as the phone sees it. */
const client = createSession(process.env['EXPO_PUBLIC_API'] ?? 'http://10.0.2.2:3000', SecureStore)

// biome-ignore lint/style/noDefaultExport: Expo imports it
export default function App(): ReactNode {
  useEffect(() => checkWhenActive(client, AppState), [])
  return (
    <SessionProvider client={client}>
      <View style={{ flex: 1, justifyContent: 'center', padding: 32 }}>
        <Screen />
      </View>
    </SessionProvider>
  )
}

function Screen(): ReactNode {
  const { status, user } = useSession<User>()
  if (status === 'signed-out') return <SignIn />
  return status === 'signed-in' ? <Account name={user?.name ?? 'you'} /> : <FindingOut />
}

/** Shown for a moment at the start. It stays if there is no network and the app does not know the user yet. */
function FindingOut(): ReactNode {
  return <Button title="Try again" onPress={() => void client.check()} />
}

function Account({ name }: { name: string }): ReactNode {
  const session = useSessionClient<User>()
  const [problem, setProblem] = useState('')
  return (
    <>
      <Text>Hello, {name}</Text>
      <Button
        title="Sign out"
        onPress={() => session.signOut().catch(() => setProblem('You are still signed in: no network.'))}
      />
      <Text>{problem}</Text>
    </>
  )
}

function SignIn(): ReactNode {
  const session = useSessionClient<User>()
  const [name, setName] = useState('')
  const [problem, setProblem] = useState('')
  async function submit(): Promise<void> {
    try {
      setProblem((await signIn(session, name)) ? '' : 'No such user.')
    } catch {
      setProblem('No network. Try again.')
    }
  }
  return (
    <>
      <TextInput value={name} onChangeText={setName} placeholder="Anna" autoCapitalize="words" />
      <Button title="Sign in" onPress={() => void submit()} />
      <Text>{problem}</Text>
    </>
  )
}
