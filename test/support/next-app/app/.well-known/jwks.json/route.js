export { GET } from '../../session/[...pawl]/route.js'
