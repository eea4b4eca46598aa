import { createFileRoute } from '@tanstack/react-router'
import { requireUser } from '../user'

export const Route = createFileRoute('/account')({
  loader: () => requireUser(),
  component: () => <p>{`role=${Route.useLoaderData().role}`}</p>,
})
