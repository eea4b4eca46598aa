import { createSessionClient } from 'pawl/client'
import { SessionProvider, useSession } from 'pawl/react'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'

const Who = () => createElement('p', null, useSession().status)
const client = createSessionClient({ baseUrl: 'http://localhost' })
process.stdout.write(renderToString(createElement(SessionProvider, { client }, createElement(Who))))
process.exit()
