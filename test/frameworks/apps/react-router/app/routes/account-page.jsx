export { loader } from './account'

export default function Account({ loaderData }) {
  return <p>{`role=${loaderData.role}`}</p>
}
