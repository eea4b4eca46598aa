/** A client as a driver uses it. */
export interface Driven {
  /** Signs in by `POST url`, with a JSON body that names the user. */
  signIn(url: string, user: string): Promise<unknown>
  signOut(): Promise<unknown>
  fetch(url: string, init: RequestInit): Promise<Response>
  signedIn(): boolean | null | Promise<boolean | null>
  stored(): boolean | null | Promise<boolean | null>
  /** As if its process were killed. */
  kill?(): void
}

interface Step {
  readonly step: number
  readonly do: string
  readonly url: string
  readonly user: string
  readonly requests: readonly { readonly method: string; readonly url: string; readonly body?: string }[]
  readonly background: boolean
}

/**
 * Carries out the steps of the kit until it says `end`.
 * @param create makes a client; `isFresh`: with an empty storage, else with that of the client before
 */
export async function drive(url: string, create: (isFresh: boolean) => Driven): Promise<void> {
  let client = create(true)
  let background: Promise<number>[] = []

  async function send({ method, url, body }: Step['requests'][number]): Promise<number> {
    try {
      const response = await client.fetch(url, { method, ...(body !== undefined && { body }) })
      await response.text()
      return response.status
    } catch {
      return 0
    }
  }

  async function carryOut(step: Step): Promise<number[]> {
    switch (step.do) {
      case 'start':
      case 'restart':
        client.kill?.()
        client = create(step.do === 'start')
        background = []
        return []
      case 'sign-in':
        await client.signIn(step.url, step.user)
        return []
      case 'sign-out':
        await client.signOut()
        return []
      case 'requests': {
        const answers = step.requests.map(send)
        if (!step.background) return Promise.all(answers)
        background.push(...answers)
        return []
      }
      case 'wait':
        return Promise.all(background.splice(0))
      default:
        return []
    }
  }

  const control = async (init?: RequestInit): Promise<Step> => {
    const response = await fetch(`${url}/conformance`, { ...init, credentials: 'include' })
    if (!response.ok) throw new Error(`the kit answered ${response.status}: ${await response.text()}`)
    return response.json() as Promise<Step>
  }
  for (let step = await control(); step.do !== 'end'; ) {
    const answers = await carryOut(step)
    const report = {
      step: step.step,
      answers,
      signedIn: await client.signedIn(),
      stored: await client.stored(),
    }
    step = await control({ method: 'POST', body: JSON.stringify(report) })
  }
}
